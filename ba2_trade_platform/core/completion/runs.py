"""Run completion: ends a schedule's run with the last of its analyses, and gives the reason in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, bindparam, exists, func, literal_column, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events
from ba2_trade_platform.core.recurrence.occurrences import jitter
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ErrorCode, ItemOutcome, RunState, RunTrigger, ScheduleClock

UNWELL = (RunState.MISSED, RunState.FAILED, RunState.PARTLY_FAILED)
CODES_NAMED = 3
_R, _I, _S = t.schedule_run.c, t.batch_item.c, t.schedule.c
# In words, for SQLite finds the partial index on runs under way only where it can read the condition.
_UNDER_WAY: ColumnElement[bool] = literal_column("schedule_run.state = 'running'")
_WAITING = (ItemOutcome.PLANNED, ItemOutcome.QUEUED)
# Built once, for every analysis that ends asks.
_ENDED = (
    select(
        _R.id, _R.schedule_id, _R.planned_at, _R.trigger, _R.reason, _R.batch_id, _R.created_at,
        _S.name, _S.clock, _S.zone, _S.jitter_seconds, _S.grace_seconds,
    )
    .join(t.schedule, _S.id == _R.schedule_id)
    .where(
        _R.batch_id.in_(bindparam("r_batches", expanding=True)),
        _UNDER_WAY,
        ~exists().where(_I.batch_id == _R.batch_id, _I.outcome.in_(_WAITING)),
    )
)  # fmt: skip
_EVENT_TYPES = {
    RunState.MISSED: EventType.RUN_MISSED,
    RunState.FAILED: EventType.RUN_PARTLY_FAILED,
    RunState.PARTLY_FAILED: EventType.RUN_PARTLY_FAILED,
}


@dataclass(frozen=True)
class RunEvent:
    """A run that ended badly, for whoever wants to be told."""

    schedule_id: int
    name: str
    zone: str
    planned_at: datetime
    state: RunState
    reason: str | None
    batch_id: int | None = None


class _Counts(NamedTuple):
    done: int
    failed: int
    blocked: int
    expired: int
    passed: int

    @property
    def state(self) -> RunState:
        unwell = self.failed + self.blocked + self.expired
        if not unwell:
            return RunState.SKIPPED if self.passed and not self.done else RunState.DONE
        if self.done or self.passed:
            return RunState.PARTLY_FAILED
        return RunState.FAILED if self.failed else RunState.MISSED


def local_time(instant: datetime, zone: str) -> str:
    """Return an instant as reasons have it: in the schedule's own zone."""
    return f"{instant.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def local_span(start: datetime, end: datetime, zone: str) -> str:
    """Return from when until when as reasons have it; a day that both share is said once."""
    here, there = start.astimezone(ZoneInfo(zone)), end.astimezone(ZoneInfo(zone))
    until = f"{there:%H:%M}" if here.date() == there.date() else local_time(end, zone)
    return f"from {local_time(start, zone)} to {until}"


def settle_runs(session: Session, batch_ids: Iterable[int], at: datetime) -> None:
    """End the runs whose batches are among these and wait for nothing more, in the caller's transaction."""
    for run in session.execute(_ENDED, {"r_batches": list(batch_ids)}).all():
        _settle(session, run, at)


def record_run_events(session: Session, news: Sequence[RunEvent], at: datetime) -> None:
    """Write down runs that ended badly for whoever waits for that; equal ones of a schedule are grouped later."""
    record_events(session, [_run_event(each, at) for each in news if each.state in _EVENT_TYPES])


def _run_event(run: RunEvent, at: datetime) -> OutboxEvent:
    planned, state = local_time(run.planned_at, run.zone), run.state.value.replace("_", " ")
    facts = {
        "sentence": f"{run.name}, planned {planned} ({run.zone}): {state}. {run.reason or ''}".strip(),
        "link": f"/batches/{run.batch_id}" if run.batch_id else f"/schedules?schedule={run.schedule_id}",
    }
    return OutboxEvent(_EVENT_TYPES[run.state], f"schedule {run.schedule_id}", at, facts)


def _settle(session: Session, run: Any, at: datetime) -> None:
    counts = _counted(session, run.batch_id)
    first = (
        select(func.min(t.attempt.c.started_at))
        .join(t.batch_item, (_I.analysis_id == t.attempt.c.analysis_id) & (_I.attempt == t.attempt.c.number))
        .where(_I.batch_id == run.batch_id)
    )
    began: datetime = session.scalar(first) or run.created_at
    state, reason = counts.state, _reason(session, run, counts)
    if state is RunState.DONE and run.clock is ScheduleClock.REAL and run.trigger is not RunTrigger.MANUAL:
        due = run.planned_at + jitter(run.schedule_id, run.planned_at, run.jitter_seconds)
        if began > due + timedelta(seconds=run.grace_seconds):
            state = RunState.LATE
            reason = run.reason or f"It began {_minutes(began - due)} after its time"
    session.execute(
        update(t.schedule_run)
        .where(_R.id == run.id, _UNDER_WAY)
        .values(state=state, reason=reason, started_at=began, finished_at=at)
    )
    if run.clock is ScheduleClock.REAL:
        news = RunEvent(run.schedule_id, run.name, run.zone, run.planned_at, state, reason, run.batch_id)
        record_run_events(session, [news], at)


def _counted(session: Session, batch_id: int) -> _Counts:
    expired = exists().where(
        t.attempt.c.analysis_id == _I.analysis_id, t.attempt.c.error_code == ErrorCode.RUN_BEFORE.value
    )
    rows = session.execute(
        select(_I.outcome, expired.label("expired"), func.count())
        .where(_I.batch_id == batch_id)
        .group_by(_I.outcome, "expired")
    )
    found: Counter[tuple[ItemOutcome, bool]] = Counter()
    for outcome, is_expired, count in rows:
        found[outcome, bool(is_expired) and outcome is ItemOutcome.SKIPPED] += count
    return _Counts(
        done=sum(found[kind, False] for kind in (ItemOutcome.SUCCEEDED, ItemOutcome.DUPLICATE)),
        failed=found[ItemOutcome.FAILED, False],
        blocked=found[ItemOutcome.BLOCKED, False],
        expired=found[ItemOutcome.SKIPPED, True],
        passed=found[ItemOutcome.SKIPPED, False],
    )


def _reason(session: Session, run: Any, counts: _Counts) -> str | None:
    parts, total = [run.reason] if run.reason else [], sum(counts)
    if counts.failed:
        parts.append(f"{counts.failed} of {total} failed: {_codes(session, run.batch_id)}")
    if counts.blocked:
        parts.append(f"{counts.blocked} of {total} not possible: {_why(session, run, ItemOutcome.BLOCKED)}")
    if counts.expired:
        parts.append(f"{counts.expired} of {total} had not begun by the deadline{_paused(session, run)}")
    if counts.passed:
        parts.append(f"{counts.passed} of {total} skipped: {_why(session, run, ItemOutcome.SKIPPED)}")
    return "; ".join(parts) or None


def _codes(session: Session, batch_id: int) -> str:
    """Return the errors of what failed in a batch, the most frequent first."""
    newest = (
        select(func.max(t.attempt.c.number))
        .where(t.attempt.c.analysis_id == _I.analysis_id, t.attempt.c.error_code.is_not(None))
        .correlate(t.batch_item)
        .scalar_subquery()
    )
    rows = session.execute(
        select(t.attempt.c.error_code, func.count().label("n"))
        .join(t.batch_item, (_I.analysis_id == t.attempt.c.analysis_id) & (t.attempt.c.number == newest))
        .where(_I.batch_id == batch_id, _I.outcome == ItemOutcome.FAILED)
        .group_by(t.attempt.c.error_code)
        .order_by(func.count().desc(), t.attempt.c.error_code)
    ).all()
    named = [code if len(rows) == 1 else f"{count} {code}" for code, count in rows[:CODES_NAMED]]
    return ", ".join(named) + (" and others" if len(rows) > CODES_NAMED else "")


def _why(session: Session, run: Any, outcome: ItemOutcome) -> str:
    row = session.execute(
        select(_I.reason, t.expert_instance.c.alias)
        .join(t.expert_instance, t.expert_instance.c.id == _I.expert_instance_id)
        .where(_I.batch_id == run.batch_id, _I.outcome == outcome)
        .order_by(_I.position)
        .limit(1)
    ).one()
    why = row.reason or "cancelled"
    return f"{row.alias} cannot work: {why}" if outcome is ItemOutcome.BLOCKED else why


def _paused(session: Session, run: Any) -> str:
    """Return who had paused the queue or this batch and since when, where that is why nothing began."""
    q, b = t.queue_state.c, t.batch.c
    queue = session.execute(
        select(t.actor.c.name, q.since, q.reason).outerjoin(t.actor, t.actor.c.id == q.actor_id).where(q.paused)
    ).one_or_none()
    batch = session.execute(
        select(t.actor.c.name, b.stopped_at.label("since"), b.stop_reason.label("reason"))
        .outerjoin(t.actor, t.actor.c.id == b.stopped_by)
        .where(b.id == run.batch_id, b.stopped_at.is_not(None))
    ).one_or_none()
    for row, what in ((queue, "the queue"), (batch, "the batch")):
        if row is not None:
            since = f" since {local_time(row.since, run.zone)}" if row.since else ""
            because = f" ({row.reason})" if row.reason else ""
            return f": {what} was paused by {row.name or 'somebody'}{since}{because}"
    return ""


def _minutes(delay: timedelta) -> str:
    minutes = round(delay.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
