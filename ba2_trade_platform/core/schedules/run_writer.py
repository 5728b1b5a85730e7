"""Run writer: inserts the due runs of many schedules in a few statements, in the caller's transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.batch_submissions import BatchSubmission, NewBatch
from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.attempts.submissions import Submission
from ba2_trade_platform.core.base.actors import actor_ids
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.completion.runs import RunEvent, local_span, local_time, record_run_events, settle_runs
from ba2_trade_platform.core.recurrence.misfires import Decision, Policy
from ba2_trade_platform.core.schedules.rows import ACTIVE, ScheduleRow, wait_for
from ba2_trade_platform.core.schedules.uptime import Outage, outage_at, outages
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert
from ba2_trade_platform.vocabulary import (
    ActorKind,
    BatchKind,
    ItemOutcome,
    Misfire,
    RunState,
    RunTrigger,
    ScheduleClock,
    Source,
)

log = logging.getLogger(__name__)
NO_SYMBOLS = "It has no symbols: add some, or put some on its watchlists"
_S, _R = t.schedule.c, t.schedule_run.c
# Built once: at half past nine thousands of schedules ask them.
_AS_THEY_ARE = select(_S.id, _S.version, _S.next_at).where(_S.id.in_(bindparam("s_ids", expanding=True)), *ACTIVE)
_NEW_RUNS = insert(t.schedule_run).on_conflict_do_nothing(index_elements=["schedule_id", "planned_at"])
_BATCH_OF = update(t.schedule_run).where(_R.id == bindparam("r_id")).values(batch_id=bindparam("r_batch_id"))


@dataclass(frozen=True)
class DueRun:
    """What is to become of one schedule: `row` as it was read at `now`.

    `closed` True: its time is none any more; `calendar_ends` says why nobody knows whether it is one.
    """

    row: ScheduleRow
    decision: Decision
    now: datetime
    symbols: list[str]
    closed: bool = False
    calendar_ends: str | None = None


@dataclass(frozen=True)
class NewRun:
    """A run to be made: of what, for which planned time, why, and at whose request (an actor's row id)."""

    due_run: DueRun
    planned: datetime
    trigger: RunTrigger
    who: int

    @property
    def row(self) -> ScheduleRow:
        """The schedule whose run it is."""
        return self.due_run.row


def policy_of(row: ScheduleRow) -> Policy:
    """Return what a schedule's row says of lateness."""
    deadline = None if row.deadline_minutes is None else timedelta(minutes=row.deadline_minutes)
    return Policy(row.misfire, timedelta(seconds=row.grace_seconds), deadline, row.clock is ScheduleClock.REPLAY)


class RunWriter:
    """Makes runs, with their analyses and the next planned times, in the caller's transaction."""

    def __init__(self, store: Store, queue: WorkerQueue, market: Clock) -> None:
        self._store = store
        self._queue = queue
        self._market = market

    def settle(self, transaction: Transaction, due_runs: Sequence[DueRun]) -> None:
        """Settle what was decided, but for schedules that were changed or fired since."""
        session = transaction.session
        found = session.execute(_AS_THEY_ARE, {"s_ids": [each.row.id for each in due_runs]})
        present = {row.id: (row.version, row.next_at) for row in found}
        still = [each for each in due_runs if present.get(each.row.id) == (each.row.version, each.row.next_at)]
        if not still:
            return
        who = actor_ids(session, ActorKind.SCHEDULE, [each.row.name for each in still])
        gaps = _outages_of(session, still)
        self._pass_over(transaction, still, who, gaps)
        new_runs = [
            NewRun(each, each.decision.run, each.decision.trigger, who[each.row.name])
            for each in still
            if each.decision.run is not None
        ]
        self.make(transaction, new_runs, gaps)
        wait_for(session, [(each.row, each.decision.next_at) for each in still])

    def make(self, transaction: Transaction, new_runs: Sequence[NewRun], gaps: Sequence[Outage] = ()) -> dict[int, int]:
        """Make these runs, one at most of a schedule; return their ids by their schedules'.

        A schedule that has a run of that planned time gets none.
        """
        if not new_runs:
            return {}
        session, at = transaction.session, self._store.clock.now()
        rows = [
            {
                "schedule_id": new_run.row.id, "planned_at": new_run.planned, "trigger": new_run.trigger,
                "state": RunState.RUNNING, "actor_id": new_run.who, "created_at": at, "started_at": at,
                "reason": _catching_up(new_run, gaps),
            }
            for new_run in new_runs
        ]  # fmt: skip
        made = session.execute(_NEW_RUNS.returning(_R.id, _R.schedule_id), rows)
        run_ids: dict[int, int] = {row.schedule_id: row.id for row in made}
        new = [new_run for new_run in new_runs if new_run.row.id in run_ids]
        if new:
            transaction.touch(Topic.SCHEDULES)
        self._end_empty(session, {run_ids[each.row.id]: each for each in new if not each.due_run.symbols}, at)
        self._insert_batches(transaction, {run_ids[each.row.id]: each for each in new if each.due_run.symbols}, at)
        return run_ids

    def _end_empty(self, session: Session, new_runs: dict[int, NewRun], at: datetime) -> None:
        if new_runs:
            end = {"state": RunState.MISSED, "reason": NO_SYMBOLS, "finished_at": at}
            session.execute(update(t.schedule_run).where(_R.id.in_(list(new_runs))).values(**end))
            record_run_events(session, [_missed(each.row, each.planned, NO_SYMBOLS) for each in new_runs.values()], at)

    def _insert_batches(self, transaction: Transaction, new_runs: dict[int, NewRun], at: datetime) -> None:
        if not new_runs:
            return
        session = transaction.session
        batches = self._queue.insert_batches(transaction, [self._batch(new_run) for new_run in new_runs.values()])
        values = []
        for (run_id, new_run), batch in zip(new_runs.items(), batches, strict=True):
            values.append({"r_id": run_id, "r_batch_id": batch.batch_id})
            said = (new_run.row.name, new_run.trigger.value, batch.sentence)
            transaction.then(partial(log.info, "%s, %s run: %s", *said))
        session.connection().execute(_BATCH_OF, values)
        ended = [batch.batch_id for batch in batches if not batch.count(ItemOutcome.QUEUED)]
        if ended:
            settle_runs(session, ended, at)

    def _batch(self, new_run: NewRun) -> BatchSubmission:
        row, planned = new_run.row, new_run.planned
        replay = row.clock is ScheduleClock.REPLAY
        deadline = None if replay else policy_of(row).deadline
        # Several runs made up at once would otherwise ask the same, and all but the first be duplicates.
        made_up = new_run.trigger is RunTrigger.CATCH_UP and row.misfire is Misfire.RUN_EACH
        submission = Submission(
            row.expert_instance_id,
            "",
            row.subtype,
            as_of=planned if replay or (made_up and planned <= self._market.now()) else None,
            priority=row.priority,
            run_before=None if deadline is None else planned + deadline,
        )
        name = f"{row.name}, {local_time(planned, row.zone)}"
        return BatchSubmission(
            NewBatch(BatchKind.SCHEDULE_RUN, name, Source.SCHEDULE, new_run.who),
            [replace(submission, symbol=symbol) for symbol in new_run.due_run.symbols],
        )

    def _pass_over(
        self, transaction: Transaction, due_runs: Sequence[DueRun], who: dict[str, int], gaps: Sequence[Outage]
    ) -> None:
        """Give a row to each planned time that is missed, or that is none any more."""
        session, at = transaction.session, self._store.clock.now()
        rows, news = [], []
        for each in due_runs:
            state = RunState.SKIPPED if each.closed else RunState.MISSED
            reasons = _reasons(each, gaps)
            if not reasons:
                continue
            rows += [
                {
                    "schedule_id": each.row.id, "planned_at": planned, "trigger": RunTrigger.PLANNED, "state": state,
                    "reason": why, "actor_id": who[each.row.name], "created_at": at, "finished_at": at,
                }
                for planned, why in reasons
            ]  # fmt: skip
            newest, why = reasons[-1]
            times = "1 planned time" if len(reasons) == 1 else f"{len(reasons):,} planned times"
            log.warning("%s: %s %s: %s", each.row.name, times, state.value, why)
            if not each.closed:
                count = "" if len(reasons) == 1 else f"{len(reasons)} planned times were missed, this one last. "
                news.append(_missed(each.row, newest, count + why))
        if rows:
            session.execute(_NEW_RUNS, rows)
            transaction.touch(Topic.SCHEDULES)
        if news:
            record_run_events(session, news, at)


def _outages_of(session: Session, due_runs: Sequence[DueRun]) -> Sequence[Outage]:
    """Return when the console was not there, for those that must say why they are late."""
    late = [
        (each.decision.missed or (each.decision.run or each.now,))[0]
        for each in due_runs
        if each.decision.missed or each.decision.trigger is RunTrigger.CATCH_UP
    ]
    return outages(session, min(late), max(each.now for each in due_runs)) if late else ()


def _missed(row: ScheduleRow, planned: datetime, why: str) -> RunEvent:
    return RunEvent(row.id, row.name, row.zone, planned, RunState.MISSED, why)


def _reasons(due_run: DueRun, gaps: Sequence[Outage]) -> list[tuple[datetime, str]]:
    """Return the planned times that are passed over, and why."""
    row, decision, now = due_run.row, due_run.decision, due_run.now
    if due_run.calendar_ends:
        return [(row.due_at, f"{due_run.calendar_ends}. The schedule waits for that")]
    if due_run.closed:
        market = f"The market is closed: {row.calendar} has no session then"
        return [(row.due_at, market if row.calendar else "The plan has no such time")]
    policy = policy_of(row)
    found = []
    for position, planned in enumerate(decision.missed):
        parts = [_outage_reason(row, planned, gaps, now)]
        if policy.deadline is not None and planned + policy.deadline <= now:
            parts.append(f"its deadline, {local_time(planned + policy.deadline, row.zone)}, has passed")
        elif decision.made_up_by is not None:
            parts.append(f"the run of {local_time(decision.made_up_by, row.zone)} makes up for it")
        elif policy.misfire is Misfire.SKIP:
            parts.append("this schedule skips what it missed")
        if position == 0 and decision.unkept:
            parts.append(f"{decision.unkept:,} earlier planned times passed too and are not listed")
        found.append((planned, "; ".join(parts)))
    return found


def _outage_reason(row: ScheduleRow, planned: datetime, gaps: Sequence[Outage], now: datetime) -> str:
    gap = outage_at(gaps, row.wake(planned), timedelta(seconds=row.grace_seconds))
    if gap is None:
        return f"The console came to it only at {local_time(now, row.zone)}"
    what = "was stopped" if gap.was_stopped else "was down"
    return f"The console {what} {local_span(gap.start, gap.end, row.zone)}"


def _catching_up(new_run: NewRun, gaps: Sequence[Outage]) -> str | None:
    if new_run.trigger is not RunTrigger.CATCH_UP:
        return None
    decision = new_run.due_run.decision
    parts = [_outage_reason(new_run.row, new_run.planned, gaps, new_run.due_run.now)]
    if decision.missed:
        earlier = len(decision.missed) + decision.unkept
        parts.append(f"it also makes up for {earlier:,} earlier {'time' if earlier == 1 else 'times'}")
    elif decision.unkept:
        parts.append(f"{decision.unkept:,} earlier planned times passed too and are not listed")
    return "; ".join(parts)
