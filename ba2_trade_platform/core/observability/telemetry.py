"""Telemetry: metrics and OpenTelemetry spans in one object, free of cost until they are collected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from opentelemetry.trace import NoOpTracerProvider, Span, Status, StatusCode, TracerProvider
from opentelemetry.util.types import AnyValue

from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import EndedAttempt
from ba2_trade_platform.core.observability.metrics import Metrics
from ba2_trade_platform.vocabulary import Outcome

NAME = "ba2_trade_platform"


class Traces:
    """Makes the spans of one console."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = (provider or NoOpTracerProvider()).get_tracer(NAME)

    @contextmanager
    def rerun(self, analysis_id: int, mode: str) -> Iterator[Span]:
        """Span a re-run; a refusal is recorded as the span's error."""
        given: dict[str, AnyValue] = {"analysis.id": analysis_id, "rerun.mode": mode}
        with self._tracer.start_as_current_span("rerun", attributes=given) as span:
            yield span

    def ended(self, attempts: Sequence[EndedAttempt]) -> None:
        """Span attempts that have ended, from their start to their end; those that never began have no span."""
        for attempt in attempts:
            if attempt.started_at is None:
                continue
            span = self._tracer.start_span("attempt", start_time=_nanoseconds(attempt.started_at))
            for name, value in (
                ("analysis.id", attempt.analysis_id),
                ("attempt.number", attempt.attempt),
                ("attempt.trigger", attempt.trigger.value),
                ("attempt.mode", attempt.mode.value),
                ("attempt.outcome", attempt.outcome.value),
                ("error.type", attempt.code),
                ("error.previous", attempt.after_code),
                ("provider", attempt.provider),
            ):
                if value is not None:
                    span.set_attribute(name, value)
            if attempt.outcome is Outcome.FAILED:
                span.set_status(Status(StatusCode.ERROR, attempt.message))
            span.end(end_time=_nanoseconds(attempt.finished_at))


@dataclass(frozen=True)
class Telemetry:
    """The metrics and the traces of one console; both are quiet unless somebody collects them."""

    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces = field(default_factory=Traces)

    def follow(self, transaction: Transaction, ended: Sequence[EndedAttempt]) -> None:
        """Count and trace attempts that ended, once that is committed."""
        transaction.then(partial(self.metrics.ended, ended))
        transaction.then(partial(self.traces.ended, ended))


def _nanoseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000_000) * 1_000
