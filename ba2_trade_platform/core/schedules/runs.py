"""Run history: shows planned against done, day by day, until a person acknowledges each bad run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, and_, func, or_, select, update

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.clocks import SchedulingClock
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound, PlatformError
from ba2_trade_platform.core.base.pages import (
    Page,
    checked_limit,
    database_integer,
    decode_cursor,
    encode_cursor,
    page_of,
)
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.exchanges import Calendars
from ba2_trade_platform.core.recurrence.occurrences import closed_days, occurrences
from ba2_trade_platform.core.recurrence.timings import FIRST_YEAR, LAST_YEAR
from ba2_trade_platform.core.schedules.rows import ACTIVE, SCHEDULES, UNACKNOWLEDGED, ScheduleRow, plan_of
from ba2_trade_platform.core.schedules.run_records import (
    DaySummary,
    RunFilter,
    RunInfo,
    RunItems,
    Week,
    WeekDay,
    WeekRow,
)
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import each
from ba2_trade_platform.vocabulary import ItemOutcome, RunState, RunTrigger, ScheduleClock

MAX_PAGE = 500
_R = t.schedule_run.c
_S = t.schedule.c


class ScheduleRuns:
    """Reads runs and has bad ones acknowledged. Blocking."""

    def __init__(
        self, store: Store, calendars: Calendars, clocks: Mapping[ScheduleClock, SchedulingClock], zone: ZoneInfo
    ) -> None:
        self._store = store
        self._calendars = calendars
        self._clocks = clocks
        self._zone = zone

    def list(self, wanted: RunFilter | None = None, cursor: str | None = None, limit: int = 100) -> Page[RunInfo]:
        """Return a page of runs, the newest planned first. Raises Invalid for a limit or cursor that is none."""
        checked_limit(limit, MAX_PAGE)
        conditions = _conditions(wanted or RunFilter())
        if cursor is not None:
            conditions.append(decode_cursor(cursor, _before))
        found = self._read(_RUNS.where(*conditions).order_by(_R.planned_at.desc(), _R.id.desc()).limit(limit + 1))
        return page_of(found, limit, lambda run: encode_cursor(run.planned_at, run.id))

    def get(self, run_id: int) -> RunInfo:
        """Return one run. Raises NotFound."""
        found = self._read(_RUNS.where(_R.id == run_id))
        if not found:
            raise NotFound(f"Run {run_id} not found", run_id=run_id)
        return found[0]

    def unacknowledged(self) -> int:
        """Return how many runs went badly and nobody has acknowledged."""
        with self._store.read() as session:
            return session.scalar(select(func.count()).select_from(t.schedule_run).where(UNACKNOWLEDGED)) or 0

    def acknowledge(
        self, run_ids: Sequence[int] = (), *, schedule_id: int | None = None, by: Actor, reason: str | None = None
    ) -> int:
        """Say that these runs, or all bad ones of a schedule, were seen; return how many were not before.

        Raises NotFound for a run that does not exist, Invalid when nothing is named.
        """
        if bool(run_ids) == (schedule_id is not None):
            raise Invalid("Name either runs or a schedule")
        why = clean_reason(reason)
        chosen = _R.schedule_id == schedule_id if schedule_id is not None else _R.id.in_(each(list(run_ids), Integer()))
        with self._store.command(by, Action.ACKNOWLEDGE, Subject.SCHEDULE_RUN) as command:
            session = command.session
            if run_ids:
                known = set(session.scalars(select(_R.id).where(chosen)))
                for run_id in run_ids:
                    if run_id not in known:
                        raise NotFound(f"Run {run_id} not found", run_id=run_id)
            acknowledged = session.scalars(select(_R.id).where(chosen, UNACKNOWLEDGED)).all()
            if acknowledged:
                said = {"acknowledged_by": command.actor_id, "acknowledge_reason": why}
                of_these = _R.id.in_(each(acknowledged, Integer()))
                session.execute(update(t.schedule_run).where(of_these).values(acknowledged_at=command.now, **said))
            for run_id in acknowledged:
                command.record(run_id, reason=why)
        return len(acknowledged)

    def day_summary(self, day: date | None = None) -> DaySummary:
        """Return what was planned on a day of the desk by real time, and what became of it; absent: today."""
        day = day or self._clocks[ScheduleClock.REAL].now().astimezone(self._zone).date()
        first, until = self._bounds(day, 1)
        with self._store.read() as session:
            rows = session.execute(
                select(_R.state, func.count())
                .join(t.schedule, _S.id == _R.schedule_id)
                .where(
                    _R.planned_at >= first, _R.planned_at < until, _S.clock == ScheduleClock.REAL,
                    _R.trigger != RunTrigger.MANUAL,
                )
                .group_by(_R.state)
            )  # fmt: skip
            counts: Counter[RunState] = Counter(dict(rows.all()))
            due = (*ACTIVE, _S.clock == ScheduleClock.REAL, _S.next_at < until)
            waiting = SCHEDULES.all(session, SCHEDULES.select().where(*due))
        ahead = sum(len(self._planned(row, max(first, row.next_at or first), until)) for row in waiting)
        states = {state.value: counts[state] for state in RunState}
        return DaySummary(day=day, planned=counts.total() + ahead, ahead=ahead, **states)

    def week(self, first_day: date) -> Week:
        """Return seven days of every schedule: runs of the past, planned times to come, days without a session."""
        first, until = self._bounds(first_day, 7)
        listed = SCHEDULES.select().where(_S.archived_at.is_(None)).order_by(_S.name, _S.id)
        with self._store.read() as session:
            schedules = SCHEDULES.all(session, listed)
        planned = _RUNS.where(_R.planned_at >= first, _R.planned_at < until).order_by(_R.planned_at, _R.id)
        runs: dict[int, list[RunInfo]] = defaultdict(list)
        for run in self._read(planned):
            runs[run.schedule_id].append(run)
        days = [first_day + timedelta(days=number) for number in range(7)]
        rows = tuple(self._week_row(row, days, first, until, runs[row.id]) for row in schedules)
        return Week(first_day, self._zone.key, rows)

    def _week_row(
        self, row: ScheduleRow, days: Sequence[date], first: datetime, until: datetime, own: Sequence[RunInfo]
    ) -> WeekRow:
        coming = row.next_at if row.enabled and row.clock is ScheduleClock.REAL else None
        ahead = self._planned(row, max(first, coming), until) if coming else ()
        closed = self._closed(row, days)
        shown = []
        for day in days:
            runs = tuple(run for run in own if self._day(run.planned_at) == day)
            planned = tuple(instant for instant in ahead if self._day(instant) == day)
            shown.append(WeekDay(day, runs, planned, day in closed))
        return WeekRow(row.id, row.name, row.enabled, row.clock, row.calendar, tuple(shown))

    def _planned(self, row: ScheduleRow, first: datetime, until: datetime) -> Sequence[datetime]:
        try:
            just_before = first - timedelta(microseconds=1)
            last = until - timedelta(microseconds=1)
            return tuple(occurrences(plan_of(row), just_before, self._calendars, until=last))
        except PlatformError:  # a plan that cannot be read has no times; its alert says so
            return ()

    def _closed(self, row: ScheduleRow, days: Sequence[date]) -> Sequence[date]:
        try:
            return closed_days(plan_of(row), days[0], days[-1], self._calendars)
        except PlatformError:
            return ()

    def _day(self, instant: datetime) -> date:
        return instant.astimezone(self._zone).date()

    def _bounds(self, day: date, count: int) -> tuple[datetime, datetime]:
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            sentence = f"No calendar knows {day}: schedules know the years {FIRST_YEAR} to {LAST_YEAR}"
            raise Impossible(sentence, code="INVALID_DAY")
        first = datetime.combine(day, time(), self._zone)
        return first.astimezone(UTC), datetime.combine(day + timedelta(days=count), time(), self._zone).astimezone(UTC)

    def _read(self, statement: Any) -> Sequence[RunInfo]:
        with self._store.read() as session:
            rows = session.execute(statement).mappings().all()
            batches = [row["batch_id"] for row in rows if row["batch_id"] is not None]
            i = t.batch_item.c
            items = session.execute(
                select(i.batch_id, i.outcome, func.count().label("number"))
                .where(i.batch_id.in_(each(batches, Integer())))
                .group_by(i.batch_id, i.outcome)
            )
            counts: dict[int | None, Counter[str]] = defaultdict(Counter)
            for item in items:
                counts[item.batch_id]["queued" if item.outcome in _WAITING else item.outcome.value] += item.number
        found = ((row, counts[row["batch_id"]]) for row in rows)
        return [RunInfo(**row, items=RunItems(tally.total(), **tally)) for row, tally in found]


_BY = t.actor.alias("by_actor")
_SEEN_BY = t.actor.alias("seen_by")
_RUNS = (
    select(
        _R.id, _R.schedule_id, _S.name.label("schedule"), _S.clock, _S.zone, _R.planned_at, _R.trigger, _R.state,
        _R.reason, _R.batch_id, _BY.c.name.label("actor"), _R.created_at, _R.started_at, _R.finished_at,
        _R.acknowledged_at, _SEEN_BY.c.name.label("acknowledged_by"), _R.acknowledge_reason,
    )
    .select_from(t.schedule_run)
    .join(t.schedule, _S.id == _R.schedule_id)
    .join(_BY, _BY.c.id == _R.actor_id)
    .outerjoin(_SEEN_BY, _SEEN_BY.c.id == _R.acknowledged_by)
)  # fmt: skip
_WAITING = (ItemOutcome.PLANNED, ItemOutcome.QUEUED)


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(_R.state.in_(wanted.states))
    if wanted.schedule_id is not None:
        conditions.append(_R.schedule_id == wanted.schedule_id)
    if wanted.first is not None:
        conditions.append(_R.planned_at >= _utc(wanted.first))
    if wanted.until is not None:
        conditions.append(_R.planned_at < _utc(wanted.until))
    if wanted.unacknowledged_only:
        conditions.append(UNACKNOWLEDGED)
    return conditions


def _utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise Invalid(f"{instant.isoformat()} lies outside the calendar") from error


def _before(stamp: str, run_id: int) -> ColumnElement[bool]:
    planned, number = datetime.fromisoformat(stamp).astimezone(UTC), database_integer(run_id)
    return or_(_R.planned_at < planned, and_(_R.planned_at == planned, _R.id < number))
