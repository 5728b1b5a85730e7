"""The two clocks a market can have: the real one, and one that stands still."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The real time, for prices that are still being made."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


class StandingClock:
    """A clock that stands at one instant, for a market that has ended; ValueError when the instant is naive."""

    def __init__(self, instant: datetime) -> None:
        if instant.utcoffset() is None:
            raise ValueError(f"{instant} has no time zone; a clock needs an aware instant")
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant it stands at, aware, in UTC."""
        return self._instant
