"""Event loop lag: samples how late a loop wakes, because everything on it waits as long."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

EVERY_SECONDS = 0.25
WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Lag:
    """How many milliseconds too late a loop was, over the last minute; `samples` 0: it is not measured."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    samples: int


class LoopLag:
    """A sampler of one loop, read from any thread. A loop that stands still is seen while it does."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=int(WINDOW_SECONDS / EVERY_SECONDS))
        self._due: float | None = None
        self._forgotten_at = 0.0

    def forget(self) -> None:
        """Forget what was due before now, because the machine slept and no loop is to blame."""
        self._forgotten_at = time.monotonic()
        self._late.clear()

    async def run(self) -> None:
        """Sample the present loop until cancelled."""
        try:
            while True:
                self._due = time.monotonic() + EVERY_SECONDS
                await asyncio.sleep(EVERY_SECONDS)
                if self._due >= self._forgotten_at:
                    self._late.append(max(0.0, time.monotonic() - self._due))
        finally:
            self._due = None

    @property
    def reading(self) -> Lag:
        """How it was over the last minute, until now."""
        due, late = self._due, list(self._late)
        if due is None:
            return Lag(0, 0, 0, 0)
        late = sorted([*late, max(0.0, time.monotonic() - max(due, self._forgotten_at))])
        last = len(late) - 1
        return Lag(1000 * late[last // 2], 1000 * late[int(last * 0.99)], 1000 * late[last], len(late))
