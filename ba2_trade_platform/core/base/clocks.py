"""Clock: the console's wall clock, passed in as an argument so that tests can set the time."""

from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo


class SystemClock:
    """Real time, aware, in UTC."""

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)


def day_start(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which the day of `now` began in `zone`."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


class Clock(Protocol):
    """Tells the time; the market's clock may stand still or be replayed."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
