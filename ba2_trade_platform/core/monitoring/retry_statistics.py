"""Retry statistics: success, waiting, recovery and waste of re-runs and retries over a window."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.monitoring import attempt_stats
from ba2_trade_platform.core.monitoring.attempt_stats import Bucket, Slow, Texts
from ba2_trade_platform.vocabulary import FailureKind, Outcome, Trigger

WINDOWS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SHOWN = 10
HOPELESS_TRIES = 5
HOPELESS_SHARE = 0.2
AGAIN = (Trigger.RERUN, Trigger.BULK, Trigger.RETRY)


@dataclass(frozen=True)
class Success:
    """How attempts of one trigger that began have ended: re-runs by persons, bulk re-runs, automatic retries."""

    trigger: Trigger
    tried: int
    completed: int
    failed: int
    other: int

    @property
    def share(self) -> float | None:
        """The part of those ended well or badly that completed, None when there is none."""
        return self.completed / (self.completed + self.failed) if self.completed + self.failed else None


@dataclass(frozen=True)
class Span:
    """How long something took, in seconds, over `count` cases: the median and what 19 of 20 stay under."""

    count: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Waste:
    """What failed attempts of one group took. `key` is a fingerprint, an expert's id, a provider or an hour (00-23).

    `code` is the error that failed most of them.
    """

    key: str
    label: str
    attempts: int
    failed: int
    failed_seconds: float
    failed_cost: Decimal
    tried_again: int
    recovered: int
    code: str | None = None


@dataclass(frozen=True)
class Suggestion:
    """An error that automatic retries do not get past."""

    fingerprint: str
    code: str
    message: str
    tried: int
    completed: int

    @property
    def sentence(self) -> str:
        """Say what to stop, and why."""
        return f"Stop auto-retrying this: {self.completed} of {self.tried} retries of {self.code} completed"


@dataclass(frozen=True)
class Statistics:
    """Everything about one window. `truncated`: only its newest 100,000 attempts were counted."""

    window: str
    since: datetime
    expert: int | None
    attempts: int
    failed: int
    failed_seconds: float
    failed_cost: Decimal
    recovered: int
    truncated: bool
    success: tuple[Success, ...]
    time_to_rerun: Span
    time_to_retry: Span
    time_to_recover: Span
    by_fingerprint: tuple[Waste, ...]
    by_expert: tuple[Waste, ...]
    by_provider: tuple[Waste, ...]
    by_hour: tuple[Waste, ...]
    slowest: tuple[Slow, ...]
    suggestions: tuple[Suggestion, ...]


class RetryStatistics:
    """Reads the statistics; blocking, and up to a second long where there are very many attempts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, window: str = "24h", expert: int | None = None, zone: ZoneInfo | None = None) -> Statistics:
        """Return the statistics of a window, of one expert instance or of all; hours of the day are in `zone` (UTC).

        Raises Invalid for a window that is not known.
        """
        if window not in WINDOWS:
            raise Invalid(f"There is no window {window[:20]!r}; choose {', '.join(WINDOWS)}", code="INVALID_WINDOW")
        since = self._store.clock.now() - WINDOWS[window]
        with self._store.read() as session, attempt_stats.collected(session, since, expert):
            buckets, errors = attempt_stats.buckets(session), attempt_stats.error_buckets(session)
            texts = attempt_stats.texts(session, errors)
            total = _waste("", "", buckets)
            return Statistics(
                window=window,
                since=since,
                expert=expert,
                attempts=total.attempts,
                failed=total.failed,
                failed_seconds=total.failed_seconds,
                failed_cost=total.failed_cost,
                recovered=total.recovered,
                truncated=attempt_stats.truncated(session, since),
                success=tuple(_success(trigger, buckets) for trigger in AGAIN),
                time_to_rerun=_span(attempt_stats.waits(session, (Trigger.RERUN, Trigger.BULK))),
                time_to_retry=_span(attempt_stats.waits(session, (Trigger.RETRY,))),
                time_to_recover=_span(attempt_stats.recoveries(session)),
                by_fingerprint=_by_error(errors, texts),
                by_expert=_by(buckets, lambda bucket: str(bucket.expert), texts.expert),
                by_provider=_by(buckets, lambda bucket: bucket.provider, str),
                by_hour=_by_hour(attempt_stats.hours(session, zone or ZoneInfo("UTC"))),
                slowest=tuple(attempt_stats.slowest(session, SHOWN)),
                suggestions=_suggestions(errors, texts),
            )


def _success(trigger: Trigger, buckets: Iterable[Bucket]) -> Success:
    counts = dict.fromkeys(Outcome, 0)
    for bucket in buckets:
        if bucket.trigger is trigger and bucket.began:
            counts[bucket.outcome] += bucket.count
    tried, completed, failed = sum(counts.values()), counts[Outcome.COMPLETED], counts[Outcome.FAILED]
    return Success(trigger, tried, completed, failed, tried - completed - failed)


def _by_error(errors: Sequence[Bucket], texts: Texts) -> tuple[Waste, ...]:
    """Return the errors that wasted most time, each with what became of the attempts that answered it."""
    wasted = _by((bucket for bucket in errors if bucket.fingerprint), lambda bucket: bucket.fingerprint, texts.error)

    def with_answers(waste: Waste) -> Waste:
        answers = _waste("", "", [bucket for bucket in errors if bucket.after_fingerprint == waste.key])
        attempts = waste.attempts + answers.attempts - answers.failed
        return replace(waste, attempts=attempts, tried_again=answers.tried_again, recovered=answers.recovered)

    return tuple(with_answers(waste) for waste in wasted)


def _by(
    buckets: Iterable[Bucket], key_of: Callable[[Bucket], str | None], label_of: Callable[[str], str]
) -> tuple[Waste, ...]:
    """Return the groups that wasted most time, worst first."""
    groups: defaultdict[str, list[Bucket]] = defaultdict(list)
    for bucket in buckets:
        if key := key_of(bucket):
            groups[key].append(bucket)
    wasted = [_waste(key, label_of(key), group) for key, group in groups.items()]
    wasted.sort(key=lambda waste: (-waste.failed_seconds, -waste.failed, waste.key))
    return tuple(wasted[:SHOWN])


def _by_hour(buckets: Sequence[Bucket]) -> tuple[Waste, ...]:
    hours = (f"{number:02}" for number in range(24))
    return tuple(_waste(hour, f"{hour}:00", [bucket for bucket in buckets if bucket.hour == hour]) for hour in hours)


def _waste(key: str, label: str, buckets: Sequence[Bucket]) -> Waste:
    failed = [bucket for bucket in buckets if bucket.outcome is Outcome.FAILED]
    codes: Counter[str] = Counter()
    for bucket in failed:
        if bucket.code:
            codes[bucket.code] += bucket.count
    return Waste(
        key,
        label,
        attempts=sum(bucket.count for bucket in buckets),
        failed=sum(bucket.count for bucket in failed),
        failed_seconds=round(sum((bucket.seconds for bucket in failed), 0.0), 3),
        failed_cost=sum((bucket.cost for bucket in failed), Decimal(0)),
        tried_again=sum(bucket.count for bucket in buckets if bucket.trigger in AGAIN),
        recovered=sum(bucket.count for bucket in buckets if bucket.recovered),
        code=max(codes, key=lambda code: codes[code], default=None),
    )


def _suggestions(errors: Iterable[Bucket], texts: Texts) -> tuple[Suggestion, ...]:
    """Return the errors whose automatic retries hardly ever complete and are not stopped yet, the most tried first."""
    tried, completed = Counter[str](), Counter[str]()
    for bucket in errors:
        key = bucket.after_fingerprint
        if key and bucket.trigger is Trigger.RETRY and bucket.began:
            if bucket.outcome in (Outcome.COMPLETED, Outcome.FAILED):
                tried[key] += bucket.count
            if bucket.outcome is Outcome.COMPLETED:
                completed[key] += bucket.count
    hopeless = [key for key in tried if tried[key] >= HOPELESS_TRIES and completed[key] / tried[key] < HOPELESS_SHARE]
    hopeless.sort(key=lambda key: (-tried[key], key))
    return tuple(
        Suggestion(key, *texts.errors.get(key, ("an error", "")), tried[key], completed[key])
        for key in hopeless[:SHOWN]
        if texts.kinds.get(key) is not FailureKind.PERMANENT
    )


def _span(seconds: Sequence[float]) -> Span:
    if not seconds:
        return Span(0, None, None)
    p50, p95 = np.percentile(np.asarray(seconds), (50, 95))
    return Span(len(seconds), round(float(p50), 3), round(float(p95), 3))
