"""Rate limit: caps the re-runs an actor may ask for in a minute, to stop a runaway script."""

from __future__ import annotations

import math
import threading
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.errors import TooMany


class RerunRate:
    """Counts what each actor asks for within the last minute; 0 a minute means no limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._window = MovingWindowRateLimiter(MemoryStorage()) if per_minute else None
        self._lock = threading.Lock()  # the library's own may be taken away while it is waited for

    def hit(self, who: Actor) -> None:
        """Count one more re-run of this actor; raises TooMany RATE_LIMITED, with when to ask again."""
        if self._window is None:
            return
        item = RateLimitItemPerMinute(self._per_minute)
        with self._lock:
            if self._window.hit(item, "rerun", who.kind.value, who.name):
                return
            free_at = self._window.get_window_stats(item, "rerun", who.kind.value, who.name).reset_time
        wait = max(1, math.ceil(free_at - time.time()))
        raise TooMany(
            f"{who} asked for more than {self._per_minute} re-runs within a minute; ask again in {wait} s",
            code="RATE_LIMITED",
            retry_after=wait,
        )
