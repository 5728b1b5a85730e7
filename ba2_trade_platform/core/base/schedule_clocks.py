"""Schedule clocks: real time or the market's replay behind one protocol, so that schedules can run by either."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol


class SchedulingClock(Protocol):
    """A clock that can be waited for."""

    def now(self) -> datetime:
        """Return its present instant, aware, in UTC."""

    def seconds_until(self, instant: datetime) -> float | None:
        """Return in how many real seconds it will show `instant`, 0 when it has; None while it stands still."""

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call `tell`, from any thread, whenever it was set, started, stopped or changed its speed."""


class RealClock:
    """Real time; it never stands still and nobody sets it."""

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)

    def seconds_until(self, instant: datetime) -> float:
        """Return in how many seconds it is `instant`, 0 when it has been."""
        return max(0.0, (instant - self.now()).total_seconds())

    def on_change(self, tell: Callable[[], None]) -> None:
        """Nobody changes real time."""
