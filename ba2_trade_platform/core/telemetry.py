"""Counts, traces and logs what was committed: the one thing that services are given to tell others of their work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ba2_trade_platform.core.logs import get_logger
from ba2_trade_platform.core.metrics import Metrics
from ba2_trade_platform.core.queue.ended import Ended
from ba2_trade_platform.core.tracing import Traces
from ba2_trade_platform.db.enums import Outcome

log = get_logger(__name__)


@dataclass(frozen=True)
class Telemetry:
    """The metrics and the traces of one console; both are quiet unless somebody collects them."""

    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces = field(default_factory=Traces)

    def ended(self, attempts: Sequence[Ended]) -> None:
        """Count and trace attempts that ended; a failure is expected, hence a warning."""
        self.metrics.ended(attempts)
        self.traces.ended(attempts)
        for attempt in attempts:
            if attempt.outcome is Outcome.FAILED:
                log.warning(
                    "Analysis %s failed in attempt %s: %s: %s",
                    attempt.analysis_id,
                    attempt.attempt,
                    attempt.code,
                    attempt.message,
                    analysis=attempt.analysis_id,
                    attempt=attempt.attempt,
                    trigger=attempt.trigger.value,
                    code=attempt.code,
                    kind=attempt.kind and attempt.kind.value,
                    provider=attempt.provider,
                )
