"""Fake clocks: a test moves them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class MovingClock:
    """Stands until it is moved; also a clock that schedules run by."""

    def __init__(self, instant: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        self._instant = instant
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Return the instant it stands at."""
        return self._instant

    def advance(self, seconds: float) -> datetime:
        """Move on and return the new instant."""
        self._instant += timedelta(seconds=seconds)
        return self._instant

    def set(self, instant: datetime) -> None:
        """Set it, as a person sets a replay, and tell those who wait by it."""
        self._instant = instant
        for tell in self._listeners:
            tell()

    def seconds_until(self, instant: datetime) -> float | None:
        """Return 0 when it shows `instant`; nobody knows when a test will move it."""
        return 0.0 if self._instant >= instant else None

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call `tell` whenever it is set."""
        self._listeners.append(tell)


class Watch:
    """Real time as a count of seconds, which a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.seconds


class StandingClock:
    """A clock that stands at one instant, for a market that has ended; ValueError when the instant is naive."""

    def __init__(self, instant: datetime) -> None:
        if instant.utcoffset() is None:
            raise ValueError(f"{instant} has no time zone; a clock needs an aware instant")
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant it stands at, aware, in UTC."""
        return self._instant
