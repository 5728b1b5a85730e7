"""Schedule records: a schedule as it is shown, read with its watchlists, its last run and its unacknowledged runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Integer, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.recurrence.timings import describe
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.core.schedules.rows import UNACKNOWLEDGED, Schedule, ScheduleRow, plan_of
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import each
from ba2_trade_platform.vocabulary import RunState

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


@dataclass(frozen=True, slots=True)
class ScheduleInfo(Schedule):
    """One schedule as it stands. `words` says when it runs, `unseen` how many bad runs nobody has acknowledged.

    `warning` says that its calendar ends within 60 days, or has ended.
    """

    symbols: tuple[str, ...]
    expert: str
    watchlist_ids: tuple[int, ...]
    watchlists: tuple[str, ...]
    words: str
    last_run: LastRun | None
    unseen: int
    warning: str | None = None

    def draft(self) -> Draft:
        """Return it as something to change."""
        return Draft(**{field.name: getattr(self, field.name) for field in fields(Draft)})


def schedule_infos(session: Session, rows: Sequence[ScheduleRow]) -> Sequence[ScheduleInfo]:
    """Return these schedules as they stand."""
    aliases = dict(session.execute(select(t.expert_instance.c.id, t.expert_instance.c.alias)).all())
    bad = select(_R.schedule_id, func.count()).where(UNACKNOWLEDGED).group_by(_R.schedule_id)
    unseen: dict[int, int] = {row[0]: row[1] for row in session.execute(bad)}
    lists: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for schedule_id, watchlist_id, name in session.execute(
        select(t.schedule_watchlist.c.schedule_id, t.watchlist.c.id, t.watchlist.c.name)
        .join(t.watchlist, t.watchlist.c.id == t.schedule_watchlist.c.watchlist_id)
        .order_by(t.watchlist.c.name)
    ):
        lists[schedule_id].append((watchlist_id, name))
    last = _last_runs(session, [row.id for row in rows])
    return [
        ScheduleInfo(
            **{field.name: getattr(row, field.name) for field in fields(Schedule) if field.name != "symbols"},
            symbols=tuple(row.symbols),
            expert=aliases.get(row.expert_instance_id, ""),
            watchlist_ids=tuple(watchlist_id for watchlist_id, _ in lists[row.id]),
            watchlists=tuple(name for _, name in lists[row.id]),
            words=_words(row),
            last_run=last.get(row.id),
            unseen=unseen.get(row.id, 0),
        )
        for row in rows
    ]


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
