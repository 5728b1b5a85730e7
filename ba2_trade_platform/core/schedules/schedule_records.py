"""Schedule records: a schedule as it is shown, read with its watchlists, its last run and its unacknowledged runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Integer, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.recurrence.timings import describe
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.core.schedules.rows import UNACKNOWLEDGED, ScheduleRow, plan_of
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import each
from ba2_trade_platform.vocabulary import Misfire, RunState, ScheduleClock, Subtype

_R = t.schedule_run.c
_S = t.schedule.c


@dataclass(frozen=True)
class LastRun:
    """A schedule's newest run."""

    id: int
    planned_at: datetime
    state: RunState
    reason: str | None
    batch_id: int | None


@dataclass(frozen=True)
class ScheduleInfo:
    """One schedule as it stands. `words` says when it runs, `unseen` how many bad runs nobody has acknowledged."""

    id: int
    name: str
    enabled: bool
    archived_at: datetime | None
    is_demo: bool
    clock: ScheduleClock
    expert_instance_id: int
    expert: str
    subtype: Subtype
    symbols: tuple[str, ...]
    watchlist_ids: tuple[int, ...]
    watchlists: tuple[str, ...]
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
    words: str
    last_run: LastRun | None
    unseen: int

    def draft(self) -> Draft:
        """Return it as something to change."""
        names = Draft.__dataclass_fields__
        return Draft(**{name: getattr(self, name) for name in names})


def schedule_infos(session: Session, rows: Sequence[ScheduleRow]) -> Sequence[ScheduleInfo]:
    ids = [row.id for row in rows]
    names = session.execute(select(t.expert_instance.c.id, t.expert_instance.c.alias))
    aliases = dict(names.all())
    lists: dict[int, list[tuple[int, str]]] = {}
    for schedule_id, watchlist_id, name in session.execute(
        select(t.schedule_watchlist.c.schedule_id, t.watchlist.c.id, t.watchlist.c.name)
        .join(t.watchlist, t.watchlist.c.id == t.schedule_watchlist.c.watchlist_id)
        .order_by(t.watchlist.c.name)
    ):
        lists.setdefault(schedule_id, []).append((watchlist_id, name))
    last, unseen = _last_runs(session, ids), _unseen(session)
    found = []
    for row in rows:
        own = {name: getattr(row, name) for name in _OWN} | {"symbols": tuple(row.symbols)}
        listed = lists.get(row.id, [])
        found.append(
            ScheduleInfo(
                **own,
                expert=aliases.get(row.expert_instance_id, ""),
                watchlist_ids=tuple(each for each, _ in listed),
                watchlists=tuple(name for _, name in listed),
                words=_words(row),
                last_run=last.get(row.id),
                unseen=unseen.get(row.id, 0),
            )
        )
    return found


_COMPOSED = ("expert", "watchlist_ids", "watchlists", "words", "last_run", "unseen")
_OWN = tuple(name for name in ScheduleInfo.__dataclass_fields__ if name not in _COMPOSED)


def _words(row: ScheduleRow) -> str:
    try:
        return describe(plan_of(row))
    except PlatformError as error:
        return str(error)


def _last_runs(session: Session, ids: Sequence[int]) -> dict[int, LastRun]:
    columns = (_R.schedule_id, _R.id, _R.planned_at, _R.state, _R.reason, _R.batch_id)
    # The newest of each by one step down its index: a desk of a year has millions of runs.
    newest = select(_R.id).where(_R.schedule_id == _S.id).order_by(_R.planned_at.desc()).limit(1).scalar_subquery()
    chosen = select(newest).select_from(t.schedule).where(_S.id.in_(each(ids, Integer())))
    rows = session.execute(select(*columns).where(_R.id.in_(chosen))).all()
    return {row.schedule_id: LastRun(*tuple(row)[1:]) for row in rows}


def _unseen(session: Session) -> dict[int, int]:
    statement = select(_R.schedule_id, func.count()).where(UNACKNOWLEDGED).group_by(_R.schedule_id)
    return dict(session.execute(statement).all())
