"""Clock: real time or the market's replay behind one protocol, passed in so that tests can set the time."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time; the market's clock may stand still or be replayed."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""


class SchedulingClock(Clock, Protocol):
    """A clock that can be waited for, so that schedules can run by it."""

    def seconds_until(self, instant: datetime) -> float | None:
        """Return in how many real seconds it will show `instant`, 0 when it has; None while it stands still."""

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call `tell`, from any thread, whenever it was set, started, stopped or changed its speed."""


class SystemClock:
    """Real time; it never stands still and nobody sets it."""

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)

    def seconds_until(self, instant: datetime) -> float:
        """Return in how many seconds it is `instant`, 0 when it has been."""
        return max(0.0, (instant - self.now()).total_seconds())

    def on_change(self, tell: Callable[[], None]) -> None:
        """Nobody changes real time."""


def day_start(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which the day of `now` began in `zone`."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
