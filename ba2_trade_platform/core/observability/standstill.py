"""Standstill: by how much a regular look came too late, because the machine slept or the process was stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ba2_trade_platform.core.observability.process import steady_seconds

NOTICED = timedelta(seconds=5)  # a busy machine is that late too
ASLEEP = timedelta(seconds=30)


@dataclass(frozen=True)
class Sleep:
    """From when until when nothing of this process went on."""

    start: datetime
    end: datetime


class Standstill:
    """For one thread that looks every so many seconds; `steady` is a clock that goes on while the machine sleeps."""

    def __init__(self, every_seconds: float, steady: Callable[[], float] = steady_seconds) -> None:
        self._every, self._steady = every_seconds, steady
        self._looked_at: float | None = None

    def begin(self) -> None:
        """Count from now on: the next look is due once its seconds have passed."""
        self._looked_at = self._steady()

    def late(self) -> timedelta:
        """Return by how much this look came too late, nothing when it is the first or hardly late; count anew."""
        now, before = self._steady(), self._looked_at
        self._looked_at = now
        late = timedelta(0) if before is None else timedelta(seconds=now - before - self._every)
        return late if late > NOTICED else timedelta(0)
