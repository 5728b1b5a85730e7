"""Watchlist read model: each symbol with its last analysis and next run, in three queries (docs/decisions/0015)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, func, null, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.instruments import watchlist_items
from ba2_trade_platform.core.schedules.next_runs import NextRun, next_runs
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.vocabulary import Signal, Status

MAX_LIMIT = 500
_ITEM = t.watchlist_item.c
_I = t.instrument.c
_A = t.analysis.c
_R = t.recommendation.c
_ORDER: tuple[ColumnElement[Any], ...] = (_ITEM.position.asc(), _ITEM.id.asc())
SORTS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "order": _ORDER,
    "symbol": (_I.symbol.asc(),),
    "newest": (_ITEM.last_analyzed_at.desc().nulls_last(), *_ORDER),
    "oldest": (_ITEM.last_analyzed_at.asc().nulls_first(), *_ORDER),
    "status": (_ITEM.last_status.asc().nulls_first(), *_ORDER),
}


@dataclass(frozen=True)
class WatchlistRow:
    """One symbol of a watchlist. `last_...` are of the analysis that changed last, the rest is what it answered."""

    symbol: str
    name: str
    position: int
    last_analysis_id: int | None
    last_analyzed_at: datetime | None
    last_status: Status | None
    expert: str | None
    error_code: str | None
    action: Signal | None
    confidence: float | None
    price_then: Decimal | None
    then_at: datetime | None
    currency: str
    next_run: NextRun | None = None


_ROWS = Reader(
    WatchlistRow,
    t.watchlist_item,
    symbol=_I.symbol,
    name=_I.name,
    expert=t.expert_instance.c.alias,
    error_code=_A.error_code,
    action=_R.recommended_action,
    confidence=_R.confidence,
    price_then=_R.price_at_date,
    then_at=_R.effective_as_of,
    currency=func.coalesce(func.nullif(_R.currency, ""), _I.currency),
    next_run=null(),
)
_ITEMS = (
    _ROWS.select()
    .select_from(t.watchlist_item)
    .join(t.instrument, _I.id == _ITEM.instrument_id)
    .outerjoin(t.analysis, _A.id == _ITEM.last_analysis_id)
    .outerjoin(t.expert_instance, t.expert_instance.c.id == _A.expert_instance_id)
    # What a failed analysis had said before it failed is no recommendation.
    .outerjoin(t.recommendation, (_R.market_analysis_id == _ITEM.last_analysis_id) & (_A.status == Status.COMPLETED))
)


class WatchlistRows:
    """Reads watchlists with what is known of their symbols: three queries a page, however long it is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(
        self, watchlist_id: int, text: str | None = None, sort: str = "order", skip: int = 0, limit: int = 100
    ) -> Page[WatchlistRow]:
        """Return the items whose symbol or name has `text`, from place `skip` on; raises NotFound and Invalid."""
        if sort not in SORTS:
            raise Invalid(f"A watchlist is not sorted by {sort[:20]}: {', '.join(SORTS)}")
        if not 1 <= limit <= MAX_LIMIT or skip < 0:
            raise Invalid(f"A page has 1 to {MAX_LIMIT} symbols and begins at 0 or later")
        conditions: list[ColumnElement[bool]] = [_ITEM.watchlist_id == watchlist_id]
        if wanted := (text or "").strip():
            conditions.append(_I.symbol.icontains(wanted, autoescape=True) | _I.name.icontains(wanted, autoescape=True))
        with self._store.read() as session:
            watchlist_items.name_of(session, watchlist_id)
            count = select(func.count()).select_from(t.watchlist_item).join(t.instrument).where(*conditions)
            chosen = _ITEMS.where(*conditions).order_by(*SORTS[sort]).offset(skip).limit(limit)
            return Page(_with_runs(session, chosen), total=session.scalar(count) or 0)

    def items(self, watchlist_id: int, symbols: Sequence[str]) -> dict[str, WatchlistRow]:
        """Return these symbols of a watchlist as they stand now; those that are not on it any more are left out."""
        with self._store.read() as session:
            chosen = _ITEMS.where(_ITEM.watchlist_id == watchlist_id, _I.symbol.in_(symbols))
            return {row.symbol: row for row in _with_runs(session, chosen)}


def _with_runs(session: Session, chosen: Select[Any]) -> tuple[WatchlistRow, ...]:
    items = _ROWS.all(session, chosen)
    runs = next_runs(session, [item.symbol for item in items])
    return tuple(replace(item, next_run=runs[item.symbol][0]) if item.symbol in runs else item for item in items)
