"""Schedule service: creates, changes, enables, duplicates and archives schedules, and runs one now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.clocks import SchedulingClock
from ba2_trade_platform.core.base.errors import Invalid, NotFound, PlatformError, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.transactions import Command
from ba2_trade_platform.core.contracts.exchanges import Calendars
from ba2_trade_platform.core.recurrence.occurrences import is_occurrence, occurrences
from ba2_trade_platform.core.recurrence.timings import Plan, describe
from ba2_trade_platform.core.schedules.drafts import Draft, check, values
from ba2_trade_platform.core.schedules.due_runs import RunStarter
from ba2_trade_platform.core.schedules.rows import SCHEDULES, ScheduleRow, plan_of, symbols_of, wait_for
from ba2_trade_platform.core.schedules.run_writer import NO_SYMBOLS
from ba2_trade_platform.core.schedules.schedule_records import ScheduleInfo, schedule_infos
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ScheduleClock

log = logging.getLogger(__name__)
MOST_TIMES = 100
_S = t.schedule.c


@dataclass(frozen=True)
class Preview:
    """What a draft would do: its words and its next times where it has them, and what is wrong with it.

    `ends` says where its calendar ends before more of them, or soon.
    """

    words: str | None
    times: tuple[datetime, ...]
    problems: tuple[str, ...]
    symbols: int = 0
    ends: str | None = None


@dataclass(frozen=True)
class Upcoming:
    """A schedule's next times; `ends` says where its calendar ends before more of them, or soon."""

    times: tuple[datetime, ...]
    ends: str | None = None


@dataclass(frozen=True)
class RunStarted:
    """The answer to Run now."""

    run_id: int
    sentence: str


class Schedules:
    """Keeps the schedules. Blocking; `changed` is called after every commit that moved a planned time."""

    def __init__(
        self,
        store: Store,
        calendars: Calendars,
        clocks: Mapping[ScheduleClock, SchedulingClock],
        run_starter: RunStarter,
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._calendars = calendars
        self._clocks = clocks
        self._run_starter = run_starter
        self._changed = changed

    def calendars(self) -> Sequence[str]:
        """Return the exchange calendars that can be chosen."""
        return self._calendars.names()

    def list(self, *, archived: bool = False) -> Sequence[ScheduleInfo]:
        """Return every schedule by name; archived ones on request."""
        wanted = _S.archived_at.is_not(None) if archived else _S.archived_at.is_(None)
        with self._store.read() as session:
            rows = SCHEDULES.all(session, SCHEDULES.select().where(wanted).order_by(_S.name, _S.id))
            return self._with_warnings(schedule_infos(session, rows))

    def get(self, schedule_id: int) -> ScheduleInfo:
        """Return one schedule. Raises NotFound."""
        with self._store.read() as session:
            return self._with_warnings(schedule_infos(session, [_row(session, schedule_id)]))[0]

    def create(self, draft: Draft, *, by: Actor) -> ScheduleInfo:
        """Make a schedule; it waits for its first time from now. Raises Invalid with everything that is wrong."""
        with self._store.command(by, Action.CREATE, Subject.SCHEDULE) as command:
            session, now = command.session, command.now
            columns = values(draft, check(session, draft, self._calendars))
            stamps = {"actor_id": command.actor_id, "created_at": now, "updated_at": now, "version": 1}
            schedule_id = session.scalars(insert(t.schedule).values(**columns, **stamps).returning(_S.id)).one()
            _list_watchlists(session, schedule_id, draft)
            self._replan(command, schedule_id)
            command.record(schedule_id, after=columns["name"])
        return self.get(schedule_id)

    def update(self, schedule_id: int, draft: Draft, *, version: int, by: Actor) -> ScheduleInfo:
        """Change a schedule; what was due by its old plan is run or missed first, and then it waits anew from now.

        Raises NotFound, Invalid, or Refused when somebody else has changed it since `version`.
        """
        self._run_starter.fire_one(schedule_id)
        before = self.get(schedule_id)
        with self._store.command(by, Action.CHANGE, Subject.SCHEDULE) as command:
            session, now = command.session, command.now
            row = _unarchived(session, schedule_id)
            if row.version != version:
                raise Refused.changed(row.name)
            self._run_starter.settle(command, schedule_id)
            waited = _row(session, schedule_id)
            columns = values(draft, check(session, draft, self._calendars, schedule_id))
            session.execute(
                update(t.schedule).where(_S.id == schedule_id).values(**columns, updated_at=now, version=version + 1)
            )
            _list_watchlists(session, schedule_id, draft)
            self._replan(command, schedule_id, waited)
            after = self._with_warnings(schedule_infos(session, [_row(session, schedule_id)]))[0]
            _record(command, schedule_id, before=_told(before), after=_told(after))
        return after

    def enable(self, schedule_id: int, *, by: Actor) -> ScheduleInfo:
        """Let a schedule run again, from its first time after now. Raises NotFound."""
        return self._switch(schedule_id, Action.ENABLE, by, enabled=True)

    def disable(self, schedule_id: int, *, by: Actor) -> ScheduleInfo:
        """Let a schedule rest; its times from now on are no runs. Raises NotFound."""
        return self._switch(schedule_id, Action.DISABLE, by, enabled=False)

    def archive(self, schedule_id: int, *, by: Actor) -> None:
        """Take a schedule away for good; its runs stay. Raises NotFound."""
        self._switch(schedule_id, Action.ARCHIVE, by, enabled=False, archived_at=self._store.clock.now())

    def duplicate(self, schedule_id: int, *, by: Actor, name: str | None = None) -> ScheduleInfo:
        """Make a disabled schedule like this one. Raises NotFound, or Invalid for a name that is taken."""
        draft = self.get(schedule_id).draft()
        taken = {each.name for each in self.list()}
        names = (f"{draft.name[:70]} ({number})" for number in range(2, len(taken) + 3))
        chosen = name or next(each for each in names if each not in taken)
        return self.create(replace(draft, name=chosen, enabled=False, is_demo=False), by=by)

    def next_times(self, schedule_id: int, count: int = 5) -> Upcoming:
        """Return its next planned times, whether it is enabled or not. Raises NotFound, Invalid."""
        if not 1 <= count <= MOST_TIMES:
            raise Invalid(f"The count must be between 1 and {MOST_TIMES}, not {count}", code="INVALID_LIMIT")
        with self._store.read() as session:
            row = _row(session, schedule_id)
        return self._upcoming(plan_of(row), self._clocks[row.clock].now(), count)

    def preview(self, draft: Draft, count: int = 5, *, schedule_id: int | None = None) -> Preview:
        """Return what a draft would do and what is wrong with it; `schedule_id` is the schedule that it changes."""
        with self._store.read() as session:
            checked = check(session, draft, self._calendars, schedule_id)
        words: str | None = None
        times: tuple[datetime, ...] = ()
        ends: str | None = None
        if checked.plan is not None:
            now = self._clocks[draft.clock].now()
            words = describe(checked.plan)
            upcoming = self._upcoming(checked.plan, now, min(count, MOST_TIMES))
            times, ends = upcoming.times, upcoming.ends
            if not times:
                checked.problems.append(ends or "It never comes again")
        return Preview(words, times, tuple(checked.problems), len(checked.symbols), ends)

    def run_now(self, schedule_id: int, *, by: Actor) -> RunStarted:
        """Run a schedule at once, enabled or not, beside its planned times. Raises NotFound, Refused."""
        with self._store.command(by, Action.RUN, Subject.SCHEDULE) as command:
            row = _unarchived(command.session, schedule_id)
            if not symbols_of(command.session, [row])[row.id]:
                raise Refused(f"{row.name} cannot run. {NO_SYMBOLS}", code="NO_SYMBOLS")
            run_id = self._run_starter.run_of(command, row, self._clocks[row.clock].now(), by)
            if run_id is None:
                raise Refused(f"{row.name} has already run at this very instant of its clock")
            _record(command, schedule_id)
        return RunStarted(run_id, f"{row.name} runs now (run {run_id})")

    def _upcoming(self, plan: Plan, now: datetime, count: int) -> Upcoming:
        coming = occurrences(plan, now, self._calendars)
        times = tuple(islice(coming, count))
        ends = coming.ends.sentence if coming.ends else self._ends_soon(plan.calendar, plan.ends_on, now)
        return Upcoming(times, ends)

    def _ends_soon(self, calendar: str | None, ends_on: date | None, now: datetime) -> str | None:
        if calendar is None:
            return None
        reach = self._calendars.reach(calendar)
        goes_on = ends_on is None or ends_on > reach.last
        return reach.sentence if goes_on and reach.ends_soon(now.date()) else None

    def _with_warnings(self, schedules: Sequence[ScheduleInfo]) -> Sequence[ScheduleInfo]:
        return [replace(schedule, warning=self._warning(schedule)) for schedule in schedules]

    def _warning(self, schedule: ScheduleInfo) -> str | None:
        try:
            return self._ends_soon(schedule.calendar, schedule.ends_on, self._clocks[schedule.clock].now())
        except PlatformError:  # its words say that there is no such calendar
            return None

    def _switch(self, schedule_id: int, action: Action, by: Actor, **columns: Any) -> ScheduleInfo:
        self._run_starter.fire_one(schedule_id)
        with self._store.command(by, action, Subject.SCHEDULE) as command:
            self._run_starter.settle(command, schedule_id)
            row = _unarchived(command.session, schedule_id)
            if any(getattr(row, name) != value for name, value in columns.items()):
                values = columns | {"updated_at": command.now, "version": row.version + 1}
                command.session.execute(update(t.schedule).where(_S.id == schedule_id).values(**values))
                self._replan(command, schedule_id)
                _record(command, schedule_id)
        return self.get(schedule_id)

    def _replan(self, command: Command, schedule_id: int, waited: ScheduleRow | None = None) -> None:
        """Have a schedule wait for its first time from now, or for the time that it `waited` for and still has."""
        row = _row(command.session, schedule_id)
        planned: datetime | None = None
        if row.enabled and row.archived_at is None:
            plan, now = plan_of(row), self._clocks[row.clock].now()
            # Its planned time may have passed while its jitter has not: that run is still to come.
            kept = waited.next_at if waited and waited.clock is row.clock and waited.enabled else None
            if kept and kept <= now and is_occurrence(plan, kept, self._calendars):
                planned = kept
            else:
                planned = occurrences(plan, now, self._calendars).next_planned()
        wait_for(command.session, [(row, planned)])
        command.then(self._changed)


def _list_watchlists(session: Session, schedule_id: int, draft: Draft) -> None:
    listed = t.schedule_watchlist
    session.execute(delete(listed).where(listed.c.schedule_id == schedule_id))
    rows = [{"schedule_id": schedule_id, "watchlist_id": each} for each in dict.fromkeys(draft.watchlist_ids)]
    if rows:
        session.execute(insert(listed), rows)


def _record(command: Command, schedule_id: int, before: str | None = None, after: str | None = None) -> None:
    command.record(schedule_id, before=before, after=after)
    command.then(lambda: log.info("Schedule %s: %s by %s", schedule_id, command.action.value, command.by))


def _row(session: Session, schedule_id: int) -> ScheduleRow:
    row = SCHEDULES.first(session, SCHEDULES.select().where(_S.id == schedule_id))
    if row is None:
        raise NotFound(f"Schedule {schedule_id} not found", schedule_id=schedule_id)
    return row


def _unarchived(session: Session, schedule_id: int) -> ScheduleRow:
    row = _row(session, schedule_id)
    if row.archived_at is not None:
        raise Refused(f"{row.name} was archived")
    return row


def _told(schedule: ScheduleInfo) -> str:
    rest = "enabled" if schedule.enabled else "disabled"
    return f"{schedule.name}: {schedule.expert}, {schedule.words}, {schedule.misfire.value}, {rest}"
