"""A clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class MovingClock:
    """Stands until it is moved."""

    def __init__(self, instant: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)) -> None:
        self._instant = instant

    def now(self) -> datetime:
        """Return the instant it stands at."""
        return self._instant

    def advance(self, seconds: float) -> datetime:
        """Move on and return the new instant."""
        self._instant += timedelta(seconds=seconds)
        return self._instant


class Watch:
    """Real time as a count of seconds, which a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self.seconds
