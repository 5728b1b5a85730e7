"""Metrics: Prometheus counters of committed work, in a registry of each console's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ba2_trade_platform.core.contracts.queue import Claim, EndedAttempt
from ba2_trade_platform.vocabulary import Outcome, Trigger

PERSONS = (Trigger.RERUN, Trigger.BULK)
WORK = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800)  # seconds; the default time limit is 600
WAIT = (0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)
PEOPLE = (1, 10, 30, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86_400, 7 * 86_400)


class Metrics:
    """The counters and histograms of one console, since its start."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter, histogram = partial(Counter, registry=self.registry), partial(Histogram, registry=self.registry)
        self._attempts = counter(
            "analysis_attempts_total",
            "Attempts that ended; kind is the failure's, none where there is none",
            ["outcome", "kind", "trigger"],
        )
        self._retries = counter("retry_attempts_total", "Automatic retries that began")
        self._retry_success = counter("retry_success_total", "Automatic retries that completed")
        self._retry_failure = counter("retry_failure_total", "Automatic retries that failed again")
        self._retry_seconds = histogram("retry_duration_seconds", "How long automatic retries worked", buckets=WORK)
        self._reruns = counter(
            "rerun_total",
            "Re-runs that were asked for; result is accepted or the code of the refusal",
            ["mode", "result"],
        )
        self._to_rerun = histogram(
            "time_to_rerun_seconds", "From a failure until a person queued it again", buckets=PEOPLE
        )
        self._to_recover = histogram(
            "time_to_recover_seconds", "From an analysis' first failure until it completed", buckets=PEOPLE
        )
        self._waits = histogram("queue_wait_seconds", "From being due until being claimed", buckets=WAIT)
        self._seconds = histogram("attempt_seconds", "How long attempts worked", buckets=WORK)
        self._stale = counter("stale_completions_total", "Late results of attempts that had ended, discarded")
        self._rescued = counter("rescued_total", "Analyses taken over from a dead worker")
        self._bulk_items = counter(
            "bulk_rerun_items_total", "Items of bulk re-runs that have ended, by what became of them", ["result"]
        )

    def claimed(self, claims: Sequence[Claim], at: datetime) -> None:
        """Count attempts that began at `at`."""
        for claim in claims:
            if claim.due_at is not None:
                self._waits.observe(max(0.0, (at - claim.due_at).total_seconds()))
            if claim.trigger is Trigger.RETRY:
                self._retries.inc()
            if claim.trigger in PERSONS and claim.queued_at is not None and claim.after_failed_at is not None:
                self._to_rerun.observe(max(0.0, (claim.queued_at - claim.after_failed_at).total_seconds()))

    def ended(self, attempts: Sequence[EndedAttempt]) -> None:
        """Count attempts that ended."""
        for attempt in attempts:
            kind = attempt.kind.value if attempt.kind else "none"
            self._attempts.labels(attempt.outcome.value, kind, attempt.trigger.value).inc()
            if attempt.seconds is not None:
                self._seconds.observe(attempt.seconds)
                if attempt.trigger is Trigger.RETRY:
                    self._retry_ended(attempt.outcome, attempt.seconds)
            if attempt.first_failed_at is not None:
                self._to_recover.observe(max(0.0, (attempt.finished_at - attempt.first_failed_at).total_seconds()))

    def _retry_ended(self, outcome: Outcome, seconds: float) -> None:
        self._retry_seconds.observe(seconds)
        if outcome is Outcome.COMPLETED:
            self._retry_success.inc()
        elif outcome is Outcome.FAILED:
            self._retry_failure.inc()

    def rerun(self, mode: str, result: str) -> None:
        """Count a re-run that was asked for: `result` is accepted, or the refusal's code."""
        self._reruns.labels(mode, result).inc()

    def bulk_item(self, result: str, count: int = 1) -> None:
        """Count items of a bulk re-run by what became of them: an outcome of the item."""
        self._bulk_items.labels(result).inc(count)

    def stale(self, count: int) -> None:
        """Count late results that changed nothing."""
        self._stale.inc(count)

    def rescued(self, count: int) -> None:
        """Count analyses taken over from a dead worker."""
        self._rescued.inc(count)

    def exposition(self) -> str:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry).decode()
