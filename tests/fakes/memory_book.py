"""A book of model calls in memory: what was begun, how it ended, and what each call cost by one price for all."""

from __future__ import annotations

import threading
from decimal import Decimal

from ba2_trade_platform.core.contracts import ErrorCode, ExpertError
from ba2_trade_platform.core.model_contracts import CallEnd, CallOutcome, CallStart, Charge

PRICE = Decimal("0.000001")  # USD a token


class MemoryBook:
    """Honours CallBook. `budget` is how many calls may be begun."""

    def __init__(self, budget: int | None = None) -> None:
        self.starts: list[CallStart] = []
        self.ends: dict[int, CallEnd] = {}
        self.ended = threading.Event()
        self._budget = budget
        self._lock = threading.Lock()

    def begin(self, start: CallStart) -> int:
        """Write the call down, or refuse it."""
        with self._lock:
            if self._budget is not None and len(self.starts) >= self._budget:
                raise ExpertError(ErrorCode.BUDGET, "The budget is used up")
            self.starts.append(start)
            return len(self.starts)

    def end(self, call_id: int, end: CallEnd) -> Charge:
        """Write down how the call ended."""
        with self._lock:
            assert call_id not in self.ends, "a call ends once"
            self.ends[call_id] = end
        self.ended.set()
        if end.tokens_in is None or end.tokens_out is None:
            return Charge(None, None)
        tokens = end.tokens_in + end.tokens_out
        return Charge(tokens, PRICE * tokens)

    @property
    def outcomes(self) -> list[CallOutcome]:
        """Return how the calls ended, in the order in which they began."""
        return [self.ends[call_id].outcome for call_id in sorted(self.ends)]
