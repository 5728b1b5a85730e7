"""Retry statistics: success, waiting, recovery and waste of re-runs and retries over a window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.monitoring import attempt_stats
from ba2_trade_platform.core.monitoring.attempt_stats import Cell, Slow, Texts
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
        with self._store.read() as session, attempt_stats.gathered(session, since, expert):
            cells, errors = attempt_stats.cells(session), attempt_stats.error_cells(session)
            texts = attempt_stats.texts(session, errors)
            failed = [cell for cell in cells if cell.outcome is Outcome.FAILED]
            return Statistics(
                window=window,
                since=since,
                expert=expert,
                attempts=sum(cell.count for cell in cells),
                failed=sum(cell.count for cell in failed),
                failed_seconds=round(sum(cell.seconds for cell in failed), 3),
                failed_cost=sum((cell.cost for cell in failed), Decimal(0)),
                recovered=sum(cell.count for cell in cells if cell.recovered),
                truncated=attempt_stats.truncated(session, since),
                success=tuple(_success(trigger, cells) for trigger in AGAIN),
                time_to_rerun=_span(attempt_stats.waits(session, (Trigger.RERUN, Trigger.BULK))),
                time_to_retry=_span(attempt_stats.waits(session, (Trigger.RETRY,))),
                time_to_recover=_span(attempt_stats.recoveries(session)),
                by_fingerprint=_by_error(errors, texts),
                by_expert=_by(cells, lambda cell: str(cell.expert), texts.expert),
                by_provider=_by(cells, lambda cell: cell.provider, str),
                by_hour=_by_hour(attempt_stats.hours(session, zone or ZoneInfo("UTC"))),
                slowest=tuple(attempt_stats.slowest(session, SHOWN)),
                suggestions=tuple(
                    _suggestion(one, texts) for one in _hopeless(errors) if texts.kind(one.key) is not _STOPPED
                ),
            )


_STOPPED = FailureKind.PERMANENT


class _Tried(NamedTuple):
    key: str
    tried: int
    completed: int


def _success(trigger: Trigger, cells: Iterable[Cell]) -> Success:
    counts = dict.fromkeys(Outcome, 0)
    for cell in cells:
        if cell.trigger is trigger and cell.began:
            counts[cell.outcome] += cell.count
    tried, completed, failed = sum(counts.values()), counts[Outcome.COMPLETED], counts[Outcome.FAILED]
    return Success(trigger, tried, completed, failed, tried - completed - failed)


def _by_error(errors: Sequence[Cell], texts: Texts) -> tuple[Waste, ...]:
    """Return the errors that wasted most time, each with what became of the attempts that answered it."""
    wasted = _by((cell for cell in errors if cell.fingerprint), lambda cell: cell.fingerprint, texts.error)
    answers = {waste.key: [cell for cell in errors if cell.after_fingerprint == waste.key] for waste in wasted}
    return tuple(
        replace(
            waste,
            attempts=waste.attempts
            + sum(cell.count for cell in answers[waste.key] if cell.outcome is not Outcome.FAILED),
            tried_again=sum(cell.count for cell in answers[waste.key] if cell.trigger in AGAIN),
            recovered=sum(cell.count for cell in answers[waste.key] if cell.recovered),
        )
        for waste in wasted
    )


def _by(
    cells: Iterable[Cell], key_of: Callable[[Cell], str | None], label_of: Callable[[str], str], shown: int = SHOWN
) -> tuple[Waste, ...]:
    """Return the groups that wasted most time, worst first."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        key = key_of(cell)
        if key:
            groups.setdefault(key, []).append(cell)
    wasted = [_waste(key, label_of(key), group) for key, group in groups.items()]
    wasted.sort(key=lambda waste: (-waste.failed_seconds, -waste.failed, waste.key))
    return tuple(wasted[:shown])


def _by_hour(cells: Sequence[Cell]) -> tuple[Waste, ...]:
    found = {waste.key: waste for waste in _by(cells, lambda cell: cell.hour, lambda hour: f"{hour}:00", 24)}
    return tuple(
        found.get(hour) or Waste(hour, f"{hour}:00", 0, 0, 0.0, Decimal(0), 0, 0)
        for hour in (f"{number:02}" for number in range(24))
    )


def _waste(key: str, label: str, cells: Sequence[Cell]) -> Waste:
    failed = [cell for cell in cells if cell.outcome is Outcome.FAILED]
    return Waste(
        key,
        label,
        attempts=sum(cell.count for cell in cells),
        failed=sum(cell.count for cell in failed),
        failed_seconds=round(sum(cell.seconds for cell in failed), 3),
        failed_cost=sum((cell.cost for cell in failed), Decimal(0)),
        tried_again=sum(cell.count for cell in cells if cell.trigger in AGAIN),
        recovered=sum(cell.count for cell in cells if cell.recovered),
        code=_most_frequent_code(failed),
    )


def _most_frequent_code(failed: Iterable[Cell]) -> str | None:
    codes: Counter[str] = Counter()
    for cell in failed:
        if cell.code:
            codes[cell.code] += cell.count
    return codes.most_common(1)[0][0] if codes else None


def _hopeless(cells: Iterable[Cell]) -> list[_Tried]:
    """Return the errors whose automatic retries hardly ever complete, the most tried first."""
    tried: dict[str, list[int]] = {}
    for cell in cells:
        ended = cell.began and cell.outcome in (Outcome.COMPLETED, Outcome.FAILED)
        if cell.trigger is Trigger.RETRY and cell.after_fingerprint and ended:
            counts = tried.setdefault(cell.after_fingerprint, [0, 0])
            counts[0] += cell.count
            counts[1] += cell.count if cell.outcome is Outcome.COMPLETED else 0
    hopeless = [
        _Tried(key, all_of, completed)
        for key, (all_of, completed) in tried.items()
        if all_of >= HOPELESS_TRIES and completed / all_of < HOPELESS_SHARE
    ]
    return sorted(hopeless, key=lambda one: (-one.tried, one.key))[:SHOWN]


def _suggestion(tried: _Tried, texts: Texts) -> Suggestion:
    code, message = texts.errors.get(tried.key, ("an error", ""))
    return Suggestion(tried.key, code, message, tried.tried, tried.completed)


def _span(seconds: Sequence[float]) -> Span:
    if not seconds:
        return Span(0, None, None)
    p50, p95 = np.percentile(np.asarray(seconds), (50, 95))
    return Span(len(seconds), round(float(p50), 3), round(float(p95), 3))
