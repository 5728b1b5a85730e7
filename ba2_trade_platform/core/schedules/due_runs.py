"""Due runs: finds due schedules; commits run, analyses and next planned time together, so that no kill doubles any.

Decision record: docs/decisions/0017.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import ColumnElement, delete, select, true
from sqlalchemy.exc import SQLAlchemyError

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.base.actors import Actor, actor_id
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.clocks import Clock, SchedulingClock
from ba2_trade_platform.core.base.errors import PlatformError, Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.exchanges import Calendars
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert
from ba2_trade_platform.core.recurrence.misfires import Decision, decide, divide
from ba2_trade_platform.core.recurrence.occurrences import occurrences
from ba2_trade_platform.core.schedules.rows import ACTIVE, SCHEDULES, ScheduleRow, plan_of, symbols_of, wait_for
from ba2_trade_platform.core.schedules.run_writer import DueRun, NewRun, RunWriter, policy_of
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import RunState, RunTrigger, ScheduleClock

log = logging.getLogger(__name__)
# About so many analyses are made in one transaction, for others want to write too.
SLICE = 200
# What a row that cannot be read, or a value that cannot be written, raises.
DATA_ERRORS = (SQLAlchemyError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_S, _R = t.schedule.c, t.schedule_run.c


class RunStarter:
    """Fires schedules that are due, by the clock each runs by. Thread-safe: the database decides who was first."""

    def __init__(
        self,
        store: Store,
        queue: WorkerQueue,
        calendars: Calendars,
        clocks: Mapping[ScheduleClock, SchedulingClock],
        market: Clock,
    ) -> None:
        self._store = store
        self._calendars = calendars
        self._clocks = clocks
        self._writer = RunWriter(store, queue, market)

    def fire_slice(self, clock: ScheduleClock) -> bool:
        """Make some of the runs that are due by this clock, in one transaction; return whether any were due.

        Raises Unavailable when the database cannot be written just now; what is due then stays due.
        """
        due = self._due((clock,))
        if due:
            self._slice(due)
        return bool(due)

    def fire_one(self, schedule_id: int) -> None:
        """Make the runs of one schedule that are due: before it is changed, by its old plan."""
        while due := self._due(ScheduleClock, _S.id == schedule_id):
            self._slice(due)

    def settle(self, transaction: Transaction, schedule_id: int) -> None:
        """Make what has come due since `fire_one`, in the transaction that changes the schedule: nothing falls between.

        Raises Invalid when its old plan cannot be read.
        """
        waiting = SCHEDULES.select().where(_S.id == schedule_id, *ACTIVE, _S.wake_at.is_not(None))
        while row := SCHEDULES.first(transaction.session, waiting):
            if row.wake_at is None or row.wake_at > self._now(row.clock):
                return
            symbols = symbols_of(transaction.session, [row])[row.id]
            self._writer.settle(transaction, [self._due_run(row, symbols)])

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
            never = delete(t.schedule_run).where(*taken_for_missed, _R.batch_id.is_(None), _R.schedule_id.in_(real))
            transaction.session.execute(never)
            sentence = f"The clock was set back to {now:%Y-%m-%d %H:%M} UTC: look whether schedules ran too early"
            raise_alert(transaction, AlertEvent("clock", "clock set back", sentence, "/schedules?tab=runs"), now)
            transaction.touch(Topic.SCHEDULES)
        log.warning("%s", sentence)
        self._plan_anew(ScheduleClock.REAL, _S.next_at.is_(None) | (_S.next_at > now))

    def _plan_anew(self, clock: ScheduleClock, chosen: ColumnElement[bool]) -> None:
        now = self._now(clock)
        with self._store.read() as session:
            rows = SCHEDULES.all(session, SCHEDULES.select().where(_S.clock == clock, *ACTIVE, chosen))
        plans = []
        for row in rows:
            try:
                plans.append((row, plan_of(row)))
            except PlatformError as error:
                self._set_aside(row, error)
        for start in range(0, len(plans), SLICE):
            with self._store.write() as transaction:
                following = [
                    (row, occurrences(plan, now, self._calendars).next_planned())
                    for row, plan in plans[start : start + SLICE]
                ]
                wait_for(transaction.session, following)
                transaction.touch(Topic.SCHEDULES)

    def find_earlier(self) -> bool:
        """Have schedules wait for a time that has become known and comes before what they wait for.

        Return whether there were any: a calendar was updated, or corrected by its desk.
        """
        kept = (*ACTIVE, _S.calendar.is_not(None))
        with self._store.read() as session:
            rows = SCHEDULES.all(session, SCHEDULES.select().where(*kept))
        found = {row.id: planned for row in rows if (planned := self._earlier(row)) is not None}
        waiting = {row.id: (row.version, row.next_at) for row in rows}
        ids = list(found)
        for start in range(0, len(ids), SLICE):
            with self._store.write() as transaction:
                some = SCHEDULES.select().where(_S.id.in_(ids[start : start + SLICE]), *kept)
                present = SCHEDULES.all(transaction.session, some)
                still = [row for row in present if waiting[row.id] == (row.version, row.next_at)]
                wait_for(transaction.session, [(row, found[row.id]) for row in still])
                transaction.touch(Topic.SCHEDULES)
        return bool(found)

    def _earlier(self, row: ScheduleRow) -> datetime | None:
        now = self._now(row.clock)
        if row.next_at is not None and row.next_at <= now:
            return None
        try:
            first = next(occurrences(plan_of(row), now, self._calendars, until=row.next_at), None)
        except PlatformError:  # it is set aside when its time comes
            return None
        return None if first == row.next_at else first

    def run_of(self, transaction: Transaction, row: ScheduleRow, now: datetime, by: Actor) -> int | None:
        """Run a schedule because a person asks, in the caller's transaction; None when it has a run of this instant."""
        session = transaction.session
        due_run = DueRun(row, Decision(), now, symbols_of(session, [row])[row.id])
        new_run = NewRun(due_run, now, RunTrigger.MANUAL, actor_id(session, by))
        return self._writer.make(transaction, [new_run]).get(row.id)

    def _due(self, clocks: Iterable[ScheduleClock], *chosen: ColumnElement[bool]) -> Sequence[ScheduleRow]:
        found: list[ScheduleRow] = []
        with self._store.read() as session:
            for clock in clocks:
                due = (_S.clock == clock, *ACTIVE, _S.wake_at <= self._now(clock), *chosen)
                statement = SCHEDULES.select().where(*due).order_by(_S.wake_at, _S.id).limit(SLICE)
                found += SCHEDULES.all(session, statement)
        return found

    def _now(self, clock: ScheduleClock) -> datetime:
        return self._clocks[clock].now()

    def _slice(self, rows: Sequence[ScheduleRow]) -> None:
        due_runs = self._due_runs(rows)
        try:
            self._make(due_runs)
        except DATA_ERRORS:
            for due_run in due_runs:  # one by one, so that the one that cannot be made holds up no other
                try:
                    self._make([due_run])
                except DATA_ERRORS as error:
                    self._set_aside(due_run.row, error)

    def _make(self, due_runs: Sequence[DueRun]) -> None:
        with self._store.write() as transaction:
            self._writer.settle(transaction, due_runs)

    def _symbols(self, rows: Sequence[ScheduleRow]) -> dict[int, list[str]]:
        """Return the symbols of these by their ids; one whose row cannot be read is set aside and left out."""
        try:
            with self._store.read() as session:
                return symbols_of(session, rows)
        except DATA_ERRORS as error:
            if len(rows) == 1:
                self._set_aside(rows[0], error)
                return {}
        return {row_id: symbols for row in rows for row_id, symbols in self._symbols([row]).items()}

    def _due_runs(self, rows: Sequence[ScheduleRow]) -> list[DueRun]:
        """Decide about as many of these as fit into one slice; all that takes no write lock."""
        symbols = self._symbols(rows)
        due_runs, weight = [], 0
        for row in (row for row in rows if row.id in symbols):
            try:
                due_runs.append(self._due_run(row, symbols[row.id]))
            except Unavailable:
                raise
            except (PlatformError, *DATA_ERRORS) as error:
                self._set_aside(row, error)
                continue
            weight += 1 + len(symbols[row.id])
            if weight >= SLICE:
                break
        return due_runs

    def _due_run(self, row: ScheduleRow, symbols: list[str]) -> DueRun:
        plan, now = plan_of(row), self._now(row.clock)
        times = occurrences(plan, row.due_at - timedelta(microseconds=1), self._calendars)
        first = next(times, None)
        if first is None and times.ends is not None:  # told once; what it waits for is looked for by CalendarWatch
            return DueRun(row, Decision(), now, symbols, calendar_ends=times.ends.sentence)
        if first != row.next_at:  # a holiday that became known since: what was waited for is no planned time any more
            return DueRun(row, Decision(next_at=first), now, symbols, closed=True)
        due = divide(chain([row.due_at], times), row.wake, now)
        if due.following is None and times.ends is not None:
            due = replace(due, following=times.ends.at)
        return DueRun(row, decide(due, policy_of(row), row.wake, now), now, symbols)

    def _set_aside(self, row: ScheduleRow, error: Exception) -> None:
        """Let a schedule that cannot be planned wait for a person, so that it holds up no other."""
        known = isinstance(error, PlatformError)
        why = str(error) if known else f"our own error, {type(error).__name__}; report it with the log"
        sentence = f"Schedule {row.name} cannot be planned and does not run: {why}"
        if not known:
            log.error("%s", sentence, exc_info=error)
        with self._store.write() as transaction:
            wait_for(transaction.session, [(row, None)])
            alert = AlertEvent("schedule_broken", f"schedule {row.id}", sentence, f"/schedules?schedule={row.id}")
            raise_alert(transaction, alert, self._store.clock.now())
            transaction.touch(Topic.SCHEDULES)
        log.warning("%s", sentence)
