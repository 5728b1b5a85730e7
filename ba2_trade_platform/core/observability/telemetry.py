"""Telemetry: bundles metrics and traces, so that services are given one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import EndedAttempt
from ba2_trade_platform.core.observability.metrics import Metrics
from ba2_trade_platform.core.observability.tracing import Traces


@dataclass(frozen=True)
class Telemetry:
    """The metrics and the traces of one console; both are quiet unless somebody collects them."""

    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces = field(default_factory=Traces)

    def follow(self, transaction: Transaction, ended: Sequence[EndedAttempt]) -> None:
        """Count and trace attempts that ended, once that is committed."""
        transaction.then(partial(self.ended, ended))

    def ended(self, attempts: Sequence[EndedAttempt]) -> None:
        """Count and trace attempts that ended."""
        self.metrics.ended(attempts)
        self.traces.ended(attempts)
