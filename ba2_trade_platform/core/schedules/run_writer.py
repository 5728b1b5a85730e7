"""Run writer: inserts the due runs of many schedules in a few statements, in the caller's transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.batch_submissions import BatchWish, NewBatch
from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.attempts.submissions import Order
from ba2_trade_platform.core.base.actors import actor_ids
from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.transactions import Store, Transaction
from ba2_trade_platform.core.completion.runs import RunNews, announce_runs, local_span, local_time, settle_runs
from ba2_trade_platform.core.recurrence.misfires import Decision, Policy
from ba2_trade_platform.core.recurrence.occurrences import jitter
from ba2_trade_platform.core.schedules.rows import waking
from ba2_trade_platform.core.schedules.uptime import absence_at, absences
from ba2_trade_platform.db import tables as t
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
_AS_THEY_ARE = select(_S.id, _S.version, _S.next_at).where(
    _S.id.in_(bindparam("s_ids", expanding=True)), _S.enabled, _S.archived_at.is_(None)
)
_WAIT = (
    update(t.schedule)
    .where(_S.id == bindparam("s_id"))
    .values(next_at=bindparam("s_next_at"), wake_at=bindparam("s_wake_at"))
)
_NEW_RUNS = insert(t.schedule_run).on_conflict_do_nothing(index_elements=["schedule_id", "planned_at"])
_BATCH_OF = update(t.schedule_run).where(_R.id == bindparam("r_id")).values(batch_id=bindparam("r_batch_id"))


@dataclass(frozen=True)
class Prepared:
    """What is to become of one schedule: `row` as it was read at `now`; `closed` True: its time is none any more."""

    row: Any
    decision: Decision
    now: datetime
    symbols: list[str]
    closed: bool = False


@dataclass(frozen=True)
class Wish:
    """A run to be made: of what, for which planned time, why, and on whose wish (an actor's row id)."""

    prepared: Prepared
    planned: datetime
    trigger: RunTrigger
    who: int


def policy_of(row: Any) -> Policy:
    """Return what a schedule's row says of lateness."""
    deadline = None if row.deadline_minutes is None else timedelta(minutes=row.deadline_minutes)
    return Policy(row.misfire, timedelta(seconds=row.grace_seconds), deadline, row.clock is ScheduleClock.REPLAY)


def wait_for(session: Session, waits: Sequence[tuple[Any, datetime | None]]) -> None:
    """Have each of these schedules' rows wait for its planned time, or for none."""
    values = [{"s_id": row.id} | {f"s_{name}": at for name, at in waking(row, at).items()} for row, at in waits]
    if values:
        session.connection().execute(_WAIT, values)


class RunMaking:
    """Makes runs, with their analyses and the next planned times, in the caller's transaction."""

    def __init__(self, store: Store, queue: WorkerQueue, market: Clock) -> None:
        self._store = store
        self._queue = queue
        self._market = market

    def settle(self, transaction: Transaction, prepared: Sequence[Prepared]) -> None:
        """Settle what was decided, but for schedules that were changed or fired since."""
        session = transaction.session
        found = session.execute(_AS_THEY_ARE, {"s_ids": [each.row.id for each in prepared]})
        present = {row.id: (row.version, row.next_at) for row in found}
        still = [each for each in prepared if present.get(each.row.id) == (each.row.version, each.row.next_at)]
        if not still:
            return
        who = actor_ids(session, ActorKind.SCHEDULE, [each.row.name for each in still])
        gaps = _gaps(session, still)
        self._pass_over(transaction, still, who, gaps)
        wishes = [
            Wish(each, each.decision.run, each.decision.trigger, who[each.row.name])
            for each in still
            if each.decision.run is not None
        ]
        self.make(transaction, wishes, gaps)
        wait_for(session, [(each.row, each.decision.next_at) for each in still])

    def make(self, transaction: Transaction, wishes: Sequence[Wish], gaps: Sequence[Any] = ()) -> dict[int, int]:
        """Make these runs, one at most of a schedule; return their ids by their schedules'.

        A schedule that has a run of that planned time gets none.
        """
        if not wishes:
            return {}
        session, at = transaction.session, self._store.clock.now()
        rows = [
            {
                "schedule_id": wish.prepared.row.id, "planned_at": wish.planned, "trigger": wish.trigger,
                "state": RunState.RUNNING, "actor_id": wish.who, "created_at": at, "started_at": at,
                "reason": _catching_up(wish, gaps),
            }
            for wish in wishes
        ]  # fmt: skip
        made = session.execute(_NEW_RUNS.returning(_R.id, _R.schedule_id), rows)
        run_ids: dict[int, int] = {row.schedule_id: row.id for row in made}
        new = [wish for wish in wishes if wish.prepared.row.id in run_ids]
        transaction.everything = transaction.everything or bool(new)
        self._end_empty(session, [wish for wish in new if not wish.prepared.symbols], run_ids, at)
        self._place(transaction, [wish for wish in new if wish.prepared.symbols], run_ids, at)
        return run_ids

    def _end_empty(self, session: Session, wishes: Sequence[Wish], run_ids: dict[int, int], at: datetime) -> None:
        if not wishes:
            return
        ids = [run_ids[wish.prepared.row.id] for wish in wishes]
        end = {"state": RunState.MISSED, "reason": NO_SYMBOLS, "finished_at": at}
        session.execute(update(t.schedule_run).where(_R.id.in_(ids)).values(**end))
        missed = [
            RunNews(each.row.id, each.row.name, each.row.zone, wish.planned, RunState.MISSED, NO_SYMBOLS)
            for wish, each in ((wish, wish.prepared) for wish in wishes)
        ]
        announce_runs(session, missed, at)

    def _place(self, transaction: Transaction, wishes: Sequence[Wish], run_ids: dict[int, int], at: datetime) -> None:
        if not wishes:
            return
        session = transaction.session
        batches = self._queue.place_batches(transaction, [self._batch(wish) for wish in wishes])
        session.connection().execute(
            _BATCH_OF,
            [
                {"r_id": run_ids[wish.prepared.row.id], "r_batch_id": batch.batch_id}
                for wish, batch in zip(wishes, batches, strict=True)
            ],
        )
        ended = [batch.batch_id for batch in batches if not batch.count(ItemOutcome.QUEUED)]
        if ended:
            settle_runs(session, ended, at)

        def tell() -> None:
            for wish, batch in zip(wishes, batches, strict=True):
                log.info("%s, %s run: %s", wish.prepared.row.name, wish.trigger.value, batch.sentence)

        transaction.then(tell)

    def _batch(self, wish: Wish) -> BatchWish:
        row, planned = wish.prepared.row, wish.planned
        replay = row.clock is ScheduleClock.REPLAY
        deadline = None if replay or row.deadline_minutes is None else timedelta(minutes=row.deadline_minutes)
        order = Order(
            row.expert_instance_id,
            "",
            row.subtype,
            as_of=planned if replay or self._looks_back(wish) else None,
            priority=row.priority,
            run_before=None if deadline is None else planned + deadline,
        )
        name = f"{row.name}, {local_time(planned, row.zone)}"
        return BatchWish(
            NewBatch(BatchKind.SCHEDULE_RUN, name, Source.SCHEDULE, wish.who),
            [replace(order, symbol=symbol) for symbol in wish.prepared.symbols],
        )

    def _looks_back(self, wish: Wish) -> bool:
        # Several runs made up at once would otherwise ask the same, and all but the first be duplicates.
        each = wish.trigger is RunTrigger.CATCH_UP and wish.prepared.row.misfire is Misfire.RUN_EACH
        return each and wish.planned <= self._market.now()

    def _pass_over(
        self, transaction: Transaction, prepared: Sequence[Prepared], who: dict[str, int], gaps: Sequence[Any]
    ) -> None:
        """Give a row to each planned time that is missed, or that is none any more."""
        session, at = transaction.session, self._store.clock.now()
        rows, news = [], []
        for each in prepared:
            state = RunState.SKIPPED if each.closed else RunState.MISSED
            reasons = [(each.row.next_at, _closed(each.row))] if each.closed else _reasons(each, gaps)
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
                news.append(RunNews(each.row.id, each.row.name, each.row.zone, newest, RunState.MISSED, count + why))
        if rows:
            session.execute(_NEW_RUNS, rows)
            transaction.everything = True
        if news:
            announce_runs(session, news, at)


def _gaps(session: Session, prepared: Sequence[Prepared]) -> Sequence[Any]:
    """Return when the console was not there, for those that must say why they are late."""
    late = [
        (each.decision.missed or (each.decision.run or each.now,))[0]
        for each in prepared
        if each.decision.missed or each.decision.trigger is RunTrigger.CATCH_UP
    ]
    return absences(session, min(late), max(each.now for each in prepared)) if late else ()


def _closed(row: Any) -> str:
    if row.calendar:
        return f"The market is closed: {row.calendar} has no session then"
    return "The plan has no such time"


def _reasons(prepared: Prepared, gaps: Sequence[Any]) -> list[tuple[datetime, str]]:
    row, decision, now = prepared.row, prepared.decision, prepared.now
    policy = policy_of(row)
    found = []
    for position, planned in enumerate(decision.missed):
        parts = [_absence(row, planned, gaps, now)]
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


def _absence(row: Any, planned: datetime, gaps: Sequence[Any], now: datetime) -> str:
    wake = planned + jitter(row.id, planned, row.jitter_seconds)
    gap = absence_at(gaps, wake, timedelta(seconds=row.grace_seconds))
    if gap is None:
        return f"The console came to it only at {local_time(now, row.zone)}"
    what = "was stopped" if gap.was_stopped else "was down"
    return f"The console {what} {local_span(gap.start, gap.end, row.zone)}"


def _catching_up(wish: Wish, gaps: Sequence[Any]) -> str | None:
    if wish.trigger is not RunTrigger.CATCH_UP:
        return None
    row, decision = wish.prepared.row, wish.prepared.decision
    parts = [_absence(row, wish.planned, gaps, wish.prepared.now)]
    if decision.missed:
        earlier = len(decision.missed) + decision.unkept
        parts.append(f"it also makes up for {earlier:,} earlier {'time' if earlier == 1 else 'times'}")
    elif decision.unkept:
        parts.append(f"{decision.unkept:,} earlier planned times passed too and are not listed")
    return "; ".join(parts)
