"""Makes the runs of schedules whose time has come: run, analyses and next planned time in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, delete, select, true, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from ba2_trade_platform.core.actors import Actor, ActorKind, actor_id
from ba2_trade_platform.core.alarms import Alarm, raise_alarm
from ba2_trade_platform.core.contracts import Clock
from ba2_trade_platform.core.desk_clock import DeskClock
from ba2_trade_platform.core.errors import PlatformError, Unavailable
from ba2_trade_platform.core.misfires import Decision, Policy, decide, divide
from ba2_trade_platform.core.planned_times import is_planned, jitter, planned_times
from ba2_trade_platform.core.presence import absence_at, absences
from ba2_trade_platform.core.queue.run_endings import RunNews, announce_runs, local_time, settle_runs
from ba2_trade_platform.core.queue.submissions import Order
from ba2_trade_platform.core.queue.worker_queue import NewBatch, WorkerQueue
from ba2_trade_platform.core.schedule_rows import plan_of, symbols_of, waking
from ba2_trade_platform.core.sessions import Calendars
from ba2_trade_platform.core.store import Store, Transaction
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import BatchKind, ItemOutcome, Misfire, RunState, RunTrigger, ScheduleClock, Source

log = logging.getLogger(__name__)
# About so many analyses are made in one transaction, for others want to write too.
SLICE = 100
# What a row that cannot be read, or a value that cannot be written, raises.
DATA_ERRORS = (SQLAlchemyError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
NO_SYMBOLS = "It has no symbols: add some, or put some on its watchlists"
_S, _R = t.schedule.c, t.schedule_run.c


@dataclass(frozen=True)
class _Prepared:
    row: Any
    decision: Decision
    now: datetime
    symbols: list[str]
    closed: bool = False


class ScheduleFiring:
    """Fires schedules that are due, by the clock each runs by. Thread-safe: the database decides who was first."""

    def __init__(
        self,
        store: Store,
        queue: WorkerQueue,
        calendars: Calendars,
        clocks: Mapping[ScheduleClock, DeskClock],
        market: Clock,
    ) -> None:
        self._store = store
        self._queue = queue
        self._calendars = calendars
        self._clocks = clocks
        self._market = market

    def fire(self, clock: ScheduleClock) -> None:
        """Make the runs of every schedule that is due by this clock.

        Raises Unavailable when the database cannot be written just now; what is due then stays due.
        """
        while self.fire_slice(clock):
            pass

    def fire_slice(self, clock: ScheduleClock) -> bool:
        """Make some of the runs that are due by this clock, in one transaction; return whether any were due."""
        due = self._due(clock)
        if due:
            self._slice(due)
        return bool(due)

    def fire_one(self, schedule_id: int) -> None:
        """Make the runs of one schedule that are due: before it is changed, by its old plan."""
        while due := self._due(schedule_id=schedule_id):
            self._slice(due)

    def settle(self, transaction: Transaction, schedule_id: int) -> None:
        """Make what has come due since `fire_one`, in the transaction that changes the schedule: nothing falls between.

        Raises Invalid when its old plan cannot be read.
        """
        due = select(t.schedule).where(_S.id == schedule_id, _S.enabled, _S.archived_at.is_(None))
        while row := transaction.session.execute(due.where(_S.wake_at.is_not(None))).one_or_none():
            if row.wake_at > self._now(row.clock):
                return
            self._apply(transaction, self._prepare(row))

    def skip_ahead(self, clock: ScheduleClock) -> None:
        """Have every schedule of a clock that was set wait for its first time from now; what it jumped are no runs."""
        self._plan_anew(clock, true())

    def step_back(self) -> None:
        """After real time was set back: wait again for what comes from now on, instead of for what seemed to be next.

        Times ahead that were taken for missed are no longer so; a time that was run stays run.
        """
        now = self._now(ScheduleClock.REAL)
        real = select(_S.id).where(_S.clock == ScheduleClock.REAL)
        taken_for_missed = (_R.planned_at > now, _R.state == RunState.MISSED, _R.trigger != RunTrigger.MANUAL)
        with self._store.write() as transaction:
            session = transaction.session
            session.execute(
                delete(t.schedule_run).where(*taken_for_missed, _R.batch_id.is_(None), _R.schedule_id.in_(real))
            )
            sentence = f"The clock was set back to {now:%Y-%m-%d %H:%M} UTC: look whether schedules ran too early"
            raise_alarm(session, Alarm("clock", "clock set back", sentence, "/schedules?tab=runs"), now)
            transaction.everything = True
        log.warning("%s", sentence)
        self._plan_anew(ScheduleClock.REAL, _S.next_at.is_(None) | (_S.next_at > now))

    def _plan_anew(self, clock: ScheduleClock, chosen: ColumnElement[bool]) -> None:
        now = self._now(clock)
        with self._store.read() as session:
            rows = session.execute(
                select(t.schedule).where(_S.clock == clock, _S.enabled, _S.archived_at.is_(None), chosen)
            ).all()
        plans = []
        for row in rows:
            try:
                plans.append((row, plan_of(row)))
            except PlatformError as error:
                self._set_aside(row, error)
        for start in range(0, len(plans), SLICE):
            with self._store.write() as transaction:
                for row, plan in plans[start : start + SLICE]:
                    following = next(planned_times(plan, now, self._calendars), None)
                    self._wait_for(transaction.session, row, following)

    def run_of(self, transaction: Transaction, row: Any, now: datetime, by: Actor) -> int | None:
        """Run a schedule because a person asks, in the caller's transaction; None when it has a run of this instant."""
        prepared = _Prepared(row, Decision(), now, symbols_of(transaction.session, row))
        return self._run(transaction, prepared, now, RunTrigger.MANUAL, by)

    def _due(self, clock: ScheduleClock | None = None, schedule_id: int | None = None) -> Sequence[Any]:
        found: list[Any] = []
        with self._store.read() as session:
            for each in ScheduleClock if clock is None else (clock,):
                chosen = [_S.clock == each] if schedule_id is None else [_S.clock == each, _S.id == schedule_id]
                waiting = (_S.enabled, _S.archived_at.is_(None), _S.wake_at <= self._now(each))
                statement = select(t.schedule).where(*chosen, *waiting).order_by(_S.wake_at, _S.id).limit(SLICE)
                found += session.execute(statement).all()
        return found

    def _now(self, clock: ScheduleClock) -> datetime:
        return self._clocks[clock].now()

    def _slice(self, rows: Sequence[Any]) -> None:
        prepared, weight = [], 0
        for row in rows:
            try:
                ready = self._prepare(row)
            except Unavailable:
                raise
            except (PlatformError, *DATA_ERRORS) as error:
                self._set_aside(row, error)
                continue
            prepared.append(ready)
            weight += 1 + len(ready.symbols)
            if weight >= SLICE:
                break
        try:
            self._apply_all(prepared)
        except DATA_ERRORS:
            for each in prepared:  # one by one, so that the one that cannot be made holds up no other
                self._apply_alone(each)

    def _apply_all(self, prepared: Sequence[_Prepared]) -> None:
        with self._store.write() as transaction:
            for each in prepared:
                self._apply(transaction, each)

    def _apply_alone(self, prepared: _Prepared) -> None:
        try:
            self._apply_all([prepared])
        except DATA_ERRORS as error:
            self._set_aside(prepared.row, error)

    def _prepare(self, row: Any) -> _Prepared:
        plan, now = plan_of(row), self._now(row.clock)
        times = planned_times(plan, row.next_at, self._calendars)
        # A holiday that became known since: the time that was waited for is none any more.
        closed = not is_planned(plan, row.next_at, self._calendars)

        def wake(planned: datetime) -> datetime:
            return planned + jitter(row.id, planned, row.jitter_seconds)

        with self._store.read() as session:
            symbols = symbols_of(session, row)
        if closed:
            return _Prepared(row, Decision(next_at=next(times, None)), now, symbols, closed=True)
        due = divide(chain([row.next_at], times), wake, now)
        return _Prepared(row, decide(due, policy_of(row), wake, now), now, symbols)

    def _apply(self, transaction: Transaction, prepared: _Prepared) -> None:
        """Settle what `prepared` decided, unless the schedule was changed or fired since."""
        session, row, decision = transaction.session, prepared.row, prepared.decision
        as_read = (_S.id == row.id, _S.version == row.version, _S.next_at == row.next_at, _S.enabled)
        if session.scalar(select(_S.id).where(*as_read, _S.archived_at.is_(None))) is None:
            return
        if prepared.closed:
            self._close(transaction, prepared)
        if decision.missed:
            self._miss(transaction, prepared)
        if decision.run is not None:
            self._run(transaction, prepared, decision.run, decision.trigger, Actor(ActorKind.SCHEDULE, row.name))
        self._wait_for(session, row, decision.next_at)

    def _wait_for(self, session: Session, row: Any, planned: datetime | None) -> None:
        session.execute(update(t.schedule).where(_S.id == row.id).values(**waking(row, planned)))

    def _close(self, transaction: Transaction, prepared: _Prepared) -> None:
        row = prepared.row
        why = (
            f"The market is closed: {row.calendar} has no session then" if row.calendar else "The plan has no such time"
        )
        self._rows(transaction, prepared, [(row.next_at, why)], RunState.SKIPPED)

    def _miss(self, transaction: Transaction, prepared: _Prepared) -> None:
        reasons = self._reasons(transaction.session, prepared)
        self._rows(transaction, prepared, reasons, RunState.MISSED)
        newest, why = reasons[-1]
        count = "" if len(reasons) == 1 else f"{len(reasons)} planned times were missed, this one last. "
        news = RunNews(prepared.row.id, prepared.row.name, newest, RunState.MISSED, count + why)
        announce_runs(transaction.session, [news], self._store.clock.now())

    def _rows(
        self, transaction: Transaction, prepared: _Prepared, reasons: Sequence[tuple[datetime, str]], state: RunState
    ) -> None:
        session, at = transaction.session, self._store.clock.now()
        who = actor_id(session, Actor(ActorKind.SCHEDULE, prepared.row.name))
        rows = [
            {
                "schedule_id": prepared.row.id, "planned_at": planned, "trigger": RunTrigger.PLANNED, "state": state,
                "reason": why, "actor_id": who, "created_at": at, "finished_at": at,
            }
            for planned, why in reasons
        ]  # fmt: skip
        conflict = insert(t.schedule_run).on_conflict_do_nothing(index_elements=["schedule_id", "planned_at"])
        session.execute(conflict, rows)
        transaction.everything = True
        log.warning("%s: %s planned times %s: %s", prepared.row.name, len(rows), state.value, reasons[-1][1])

    def _reasons(self, session: Session, prepared: _Prepared) -> list[tuple[datetime, str]]:
        row, decision, now = prepared.row, prepared.decision, prepared.now
        policy = policy_of(row)
        gaps = absences(session, decision.missed[0], now)
        found = []
        for position, planned in enumerate(decision.missed):
            parts = [self._absence(row, planned, gaps, now)]
            if policy.deadline is not None and planned + policy.deadline <= now:
                parts.append(f"its deadline, {local_time(planned + policy.deadline, row.zone)}, has passed")
            elif decision.made_up_by is not None:
                parts.append(f"the run of {local_time(decision.made_up_by, row.zone)} makes up for it")
            elif policy.misfire is Misfire.SKIP:
                parts.append("this schedule skips what it missed")
            if position == 0 and decision.unkept:
                parts.append(f"{decision.unkept} earlier planned times passed too and are not listed")
            found.append((planned, "; ".join(parts)))
        return found

    def _absence(self, row: Any, planned: datetime, gaps: Sequence[Any], now: datetime) -> str:
        wake = planned + jitter(row.id, planned, row.jitter_seconds)
        gap = absence_at(gaps, wake, timedelta(seconds=row.grace_seconds))
        if gap is None:
            return f"The console came to it only at {local_time(now, row.zone)}"
        what = "was stopped" if gap.was_stopped else "was down"
        return f"The console {what} from {local_time(gap.start, row.zone)} to {local_time(gap.end, row.zone)}"

    def _run(
        self, transaction: Transaction, prepared: _Prepared, planned: datetime, trigger: RunTrigger, by: Actor
    ) -> int | None:
        session, row, at = transaction.session, prepared.row, self._store.clock.now()
        who = actor_id(session, by)
        run_id: int | None = session.scalar(
            insert(t.schedule_run)
            .values(
                schedule_id=row.id, planned_at=planned, trigger=trigger, state=RunState.RUNNING, actor_id=who,
                created_at=at, started_at=at, reason=self._catching_up(session, prepared, planned, trigger),
            )
            .on_conflict_do_nothing(index_elements=["schedule_id", "planned_at"])
            .returning(_R.id)
        )  # fmt: skip
        if run_id is None:
            return None
        transaction.everything = True
        if not prepared.symbols:
            end = {"state": RunState.MISSED, "reason": NO_SYMBOLS, "finished_at": at}
            session.execute(update(t.schedule_run).where(_R.id == run_id).values(**end))
            announce_runs(session, [RunNews(row.id, row.name, planned, RunState.MISSED, NO_SYMBOLS)], at)
            return run_id
        self._place(transaction, prepared, run_id, planned, trigger, who)
        return run_id

    def _place(
        self,
        transaction: Transaction,
        prepared: _Prepared,
        run_id: int,
        planned: datetime,
        trigger: RunTrigger,
        who: int,
    ) -> None:
        row, session, at = prepared.row, transaction.session, self._store.clock.now()
        replay = row.clock is ScheduleClock.REPLAY
        deadline = None if replay or row.deadline_minutes is None else timedelta(minutes=row.deadline_minutes)
        order = Order(
            row.expert_instance_id,
            "",
            row.subtype,
            as_of=planned if replay or self._looks_back(row, planned, trigger) else None,
            priority=row.priority,
            run_before=None if deadline is None else planned + deadline,
        )
        new = NewBatch(BatchKind.SCHEDULE_RUN, f"{row.name}, {local_time(planned, row.zone)}", Source.SCHEDULE, who)
        orders = [replace(order, symbol=symbol) for symbol in prepared.symbols]
        batch = self._queue.place_batch(transaction, new, orders)
        session.execute(update(t.schedule_run).where(_R.id == run_id).values(batch_id=batch.batch_id))
        if not any(item.outcome is ItemOutcome.QUEUED for item in batch.items):
            settle_runs(session, [batch.batch_id], at)
        transaction.then(lambda: log.info("%s, %s run: %s", row.name, trigger.value, batch.sentence))

    def _looks_back(self, row: Any, planned: datetime, trigger: RunTrigger) -> bool:
        # Several runs made up at once would otherwise ask the same, and all but the first be duplicates.
        each = trigger is RunTrigger.CATCH_UP and row.misfire is Misfire.RUN_EACH
        return each and planned <= self._market.now()

    def _catching_up(self, session: Session, prepared: _Prepared, planned: datetime, trigger: RunTrigger) -> str | None:
        if trigger is not RunTrigger.CATCH_UP:
            return None
        row, decision = prepared.row, prepared.decision
        parts = [self._absence(row, planned, absences(session, planned, prepared.now), prepared.now)]
        if decision.missed:
            parts.append(f"it also makes up for {len(decision.missed) + decision.unkept} earlier times")
        elif decision.unkept:
            parts.append(f"{decision.unkept} earlier planned times passed too and are not listed")
        return "; ".join(parts)

    def _set_aside(self, row: Any, error: Exception) -> None:
        """Let a schedule that cannot be planned wait for a person, so that it holds up no other."""
        known = isinstance(error, PlatformError)
        why = str(error) if known else f"our own error, {type(error).__name__}; report it with the log"
        sentence = f"Schedule {row.name} cannot be planned and does not run: {why}"
        if not known:
            log.error("%s", sentence, exc_info=error)
        with self._store.write() as transaction:
            self._wait_for(transaction.session, row, None)
            alarm = Alarm("schedule_broken", f"schedule {row.id}", sentence, f"/schedules?schedule={row.id}")
            raise_alarm(transaction.session, alarm, self._store.clock.now())
        log.warning("%s", sentence)


def policy_of(row: Any) -> Policy:
    """Return what a schedule's row says of lateness."""
    deadline = None if row.deadline_minutes is None else timedelta(minutes=row.deadline_minutes)
    return Policy(row.misfire, timedelta(seconds=row.grace_seconds), deadline, row.clock is ScheduleClock.REPLAY)
