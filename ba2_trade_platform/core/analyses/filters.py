"""Analysis filter: turns a person's choice into SQL conditions that SQLite answers from an index."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, func, select

from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import is_status, likely, unindexed
from ba2_trade_platform.vocabulary import ItemOutcome, Signal, Source, Status, Subtype

_A = t.analysis.c
_ITEM = t.batch_item.c
TEXT_BOUND = 100_000


@dataclass(frozen=True)
class Filter:
    """Which analyses to show; every empty part means all. `text` is looked for in the error message and the code.

    `bulk` means the items of that bulk re-run (or batch), `bulk_outcome` those that ended like this in it.
    """

    status: tuple[Status, ...] = ()
    expert: int | None = None
    symbol: str | None = None
    subtype: Subtype | None = None
    action: Signal | None = None
    source: Source | None = None
    code: str | None = None
    fingerprint: str | None = None
    batch: int | None = None
    rerun_only: bool = False
    slower_than_seconds: float | None = None
    finished_since: datetime | None = None
    text: str | None = None
    bulk: int | None = None
    bulk_outcome: ItemOutcome | None = None

    @property
    def parts(self) -> int:
        """How many parts of the filter are set."""
        return sum(getattr(self, part.name) != part.default for part in fields(self))

    @property
    def ranged(self) -> bool:
        """Whether a part of the filter is a range, which may be met by any number of rows at any place."""
        return self.rerun_only or self.slower_than_seconds is not None or self.finished_since is not None


def _status(chosen: Filter) -> ColumnElement[bool]:
    """Return the condition on the status, so put that SQLite takes the index that leaves least to look at."""
    if chosen.text or chosen.fingerprint:
        # The index of the errors, or of their groups, finds the few that match; `+` keeps the status' own out of it.
        return unindexed(_A.status).in_(chosen.status)
    among: ColumnElement[bool] = _A.status.in_(chosen.status)
    if chosen.ranged:
        return likely(among)  # a day's rows are fewer than a status'
    if chosen.status == (Status.FAILED,):
        return is_status(_A.status, Status.FAILED)  # in words, as the partial index has it
    return among


def conditions_of(chosen: Filter) -> list[ColumnElement[bool]]:
    """Return the filter as conditions that SQLite can answer from an index."""
    conditions: list[ColumnElement[bool]] = []
    if chosen.status:
        conditions.append(_status(chosen))
    for column, value in (
        (_A.expert_instance_id, chosen.expert),
        (_A.symbol, spelled(chosen.symbol) if chosen.symbol else None),
        (_A.subtype, chosen.subtype),
        (_A.result_action, chosen.action),
        (_A.source, chosen.source),
        (_A.error_code, chosen.code),
        (_A.fingerprint, chosen.fingerprint),
        (_A.batch_id, chosen.batch),
    ):
        if value is not None and value != "":
            conditions.append(column == value)
    if chosen.rerun_only:
        conditions.append(_A.attempt > 1)
    if chosen.slower_than_seconds is not None:
        conditions.append(_A.duration_ms > chosen.slower_than_seconds * 1000)
    if chosen.finished_since is not None:
        conditions.append(_A.finished_at >= chosen.finished_since)
    if chosen.bulk is not None:
        items = select(_ITEM.analysis_id).where(_ITEM.batch_id == chosen.bulk, _ITEM.analysis_id.is_not(None))
        if chosen.bulk_outcome is not None:
            items = items.where(_ITEM.outcome == chosen.bulk_outcome)
        conditions.append(_A.id.in_(items))
    if chosen.text:
        wanted = chosen.text.strip()
        errors = t.analysis.alias()
        oldest = (
            select(errors.c.id)
            .where(errors.c.error_code.is_not(None))
            .order_by(errors.c.id.desc())
            .limit(1)
            .offset(TEXT_BOUND - 1)
            .scalar_subquery()
        )
        found = _A.error_message.icontains(wanted, autoescape=True) | _A.error_code.icontains(wanted, autoescape=True)
        conditions += [_A.error_code.is_not(None), found, _A.id >= func.coalesce(oldest, 0)]
    return conditions
