"""Schedule rows: reads plan and symbols from a row, for all code that plans, fires or shows a schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.recurrence.occurrences import jitter
from ba2_trade_platform.core.recurrence.timings import Plan, read_timing
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.dialect_text import condition, hint
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.vocabulary import Misfire, ScheduleClock, Subtype

_S = t.schedule.c
ACTIVE: tuple[ColumnElement[bool], ...] = (_S.enabled, _S.archived_at.is_(None))
# In words and by its index, or SQLite reads all that was ever missed, acknowledged or not, whenever the rail counts.
UNACKNOWLEDGED = condition(
    f"(schedule_run.id IN (SELECT unseen.id FROM schedule_run AS unseen{hint('ix_schedule_run_unseen')}"
    " WHERE unseen.acknowledged_at IS NULL AND unseen.state IN ('missed','failed','partly_failed')))"
)
_LISTED = (
    select(t.schedule_watchlist.c.schedule_id, t.instrument.c.symbol)
    .join(t.watchlist_item, t.watchlist_item.c.instrument_id == t.instrument.c.id)
    .join(t.schedule_watchlist, t.schedule_watchlist.c.watchlist_id == t.watchlist_item.c.watchlist_id)
    .where(t.schedule_watchlist.c.schedule_id.in_(bindparam("s_ids", expanding=True)))
    .order_by(t.watchlist_item.c.watchlist_id, t.watchlist_item.c.position, t.watchlist_item.c.id)
)
# Built once, as above: at half past nine thousands of schedules ask it.
_WAIT = (
    update(t.schedule)
    .where(_S.id == bindparam("s_id"))
    .values(next_at=bindparam("s_next_at"), wake_at=bindparam("s_wake_at"))
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a schedule keeps of itself, whether it is read to run or to be shown."""

    id: int
    name: str
    enabled: bool
    archived_at: datetime | None
    is_demo: bool
    clock: ScheduleClock
    expert_instance_id: int
    subtype: Subtype
    symbols: Sequence[str]
    timing: Mapping[str, Any]
    zone: str
    calendar: str | None
    starts_on: date | None
    ends_on: date | None
    jitter_seconds: int
    deadline_minutes: int | None
    misfire: Misfire
    grace_seconds: int
    priority: int
    next_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class ScheduleRow(Schedule):
    """A schedule as it is stored; it waits for `next_at`, with its jitter for `wake_at`."""

    wake_at: datetime | None
    actor_id: int

    @property
    def due_at(self) -> datetime:
        """Return the planned time it waits for. Raises ValueError for one that waits for none."""
        if self.next_at is None:
            raise ValueError(f"Schedule {self.id} waits for no time")
        return self.next_at

    def wake(self, planned: datetime) -> datetime:
        """Return when the run of a planned time begins: then, with its jitter."""
        return planned + jitter(self.id, planned, self.jitter_seconds)


SCHEDULES = Reader(ScheduleRow, t.schedule)


def plan_of(row: ScheduleRow) -> Plan:
    """Return the plan that a schedule's row keeps; raises Invalid for a timing or a zone that cannot be read here."""
    try:
        ZoneInfo(row.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        # A backup of another machine, or a release of the zones that has renamed it.
        raise Invalid(f"This machine knows no time zone {row.zone}; choose another", code="ZONE_UNKNOWN") from error
    return Plan(read_timing(row.timing), row.zone, row.calendar, row.starts_on, row.ends_on)


def wait_for(session: Session, waits: Sequence[tuple[ScheduleRow, datetime | None]]) -> None:
    """Have each of these schedules wait for its planned time, with its jitter, or for none."""
    values = [
        {"s_id": row.id, "s_next_at": planned, "s_wake_at": None if planned is None else row.wake(planned)}
        for row, planned in waits
    ]
    if values:
        session.connection().execute(_WAIT, values)


def symbols_of(session: Session, rows: Sequence[ScheduleRow]) -> dict[int, list[str]]:
    """Return by their ids these schedules' own symbols and those of their watchlists as they are now, each once."""
    listed = session.execute(_LISTED, {"s_ids": [row.id for row in rows]})
    found: dict[int, list[str]] = {row.id: list(row.symbols) for row in rows}
    for schedule_id, symbol in listed:
        found[schedule_id].append(symbol)
    return {schedule_id: list(dict.fromkeys(symbols)) for schedule_id, symbols in found.items()}
