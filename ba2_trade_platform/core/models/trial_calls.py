"""Trial calls: the model calls of trials, which stand in the call log as of analyses below zero."""

from __future__ import annotations

import threading

from sqlalchemy import func, select

from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.models.attempt_costs import Spend, read_spend
from ba2_trade_platform.db import tables as t

UNSAVED = -1  # the expert of a trial of settings that belong to no configured expert
_LOWEST = select(func.min(t.model_call.c.analysis_id))


class TrialCalls:
    """Numbers the trials, so that no two of them share a budget, and adds up what each has taken."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._last: int | None = None

    def next_id(self) -> int:
        """Return a number that no trial has had whose calls were written down."""
        with self._lock:
            if self._last is None:
                with self._store.read() as session:
                    self._last = max(0, -(session.scalar(_LOWEST) or 0))
            self._last += 1
            return self._last

    def spend(self, trial_id: int) -> Spend:
        """Return what the calls of a trial have taken so far."""
        with self._store.read() as session:
            return read_spend(session, -trial_id).total
