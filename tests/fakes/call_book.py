"""A book of model calls in memory, for tests that need none of the database; it keeps what a CallBook promises."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ba2_trade_platform.core.contracts import Clock, ErrorCode, ExpertError
from ba2_trade_platform.core.errors import NotFound
from ba2_trade_platform.core.model_calls import UNPAID
from ba2_trade_platform.core.model_contracts import CallEnd, CallOutcome, CallStart, Charge
from ba2_trade_platform.core.model_prices import Price
from tests.fakes.clock import MovingClock


@dataclass
class Call:
    """One call as it was written down."""

    start: CallStart
    day: str
    reserved: Decimal | None
    end: CallEnd | None = None
    charge: Charge | None = None

    @property
    def counted(self) -> Decimal:
        """What counts against a budget."""
        known = self.charge.cost if self.charge else None
        return known if known is not None else self.reserved or Decimal(0)


class MemoryCallBook:
    """Keeps calls in a list; `prices` by (provider, model), `per_day` is the whole desk's budget."""

    def __init__(
        self,
        prices: Mapping[tuple[str, str], Price] | None = None,
        clock: Clock | None = None,
        per_day: Decimal | None = None,
    ) -> None:
        self.calls: dict[int, Call] = {}
        self.per_day = per_day
        self._prices = prices or {}
        self._clock = clock or MovingClock()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, start: CallStart) -> int:
        """Check the budgets and keep the call as begun."""
        with self._lock:
            price = self._prices.get((start.provider, start.model))
            reserved = price.cost(start.estimated_tokens_in, start.max_output_tokens) if price else None
            day = self._clock.now().date().isoformat()
            self._check(start, reserved, day)
            number = next(self._numbers)
            self.calls[number] = Call(start, day, reserved)
            return number

    def end(self, call_id: int, end: CallEnd) -> Charge:
        """Keep how the call ended, once."""
        with self._lock:
            if call_id not in self.calls:
                raise NotFound(f"There is no model call {call_id}")
            call = self.calls[call_id]
            if call.charge is None:
                call.end, call.charge = end, self._charge(call.start, end)
            return call.charge

    def _charge(self, start: CallStart, end: CallEnd) -> Charge:
        tokens_in, tokens_out = end.tokens_in, end.tokens_out
        if end.outcome is CallOutcome.FAILED and end.error_code in UNPAID and tokens_in is None and tokens_out is None:
            return Charge(0, Decimal(0))
        price = self._prices.get((start.provider, start.model))
        cost = price.cost(tokens_in, tokens_out, end.tokens_cached) if price else None
        return Charge(None if tokens_in is None or tokens_out is None else tokens_in + tokens_out, cost)

    def _check(self, start: CallStart, reserved: Decimal | None, day: str) -> None:
        of_day = [call for call in self.calls.values() if call.day == day]
        for limit, calls in (
            (start.budgets.per_analysis, [c for c in self.calls.values() if c.start.analysis_id == start.analysis_id]),
            (
                start.budgets.per_expert_day,
                [c for c in of_day if c.start.expert_instance_id == start.expert_instance_id],
            ),
            (self.per_day, of_day),
        ):
            if limit is None:
                continue
            if reserved is None:
                raise ExpertError(ErrorCode.BUDGET, f"Nobody knows the price of {start.model}")
            spent = sum((call.counted for call in calls), Decimal(0))
            if spent + reserved > limit:
                raise ExpertError(ErrorCode.BUDGET, f"The budget of {limit} USD is spent: {spent} USD")
