"""Watchlist read model: each symbol with its last analysis and next run, in three queries a page.

Decision record: docs/decisions/0015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.schedules.next_runs import NextRun, next_runs
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
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
            if session.scalar(select(t.watchlist.c.id).where(t.watchlist.c.id == watchlist_id)) is None:
                raise NotFound(f"There is no watchlist {watchlist_id}")
            count = select(func.count()).select_from(t.watchlist_item).join(t.instrument).where(*conditions)
            chosen = _items().where(*conditions).order_by(*SORTS[sort]).offset(skip).limit(limit)
            items = [_item(row) for row in session.execute(chosen)]
            return Page(_with_runs(session, items), session.scalar(count) or 0)

    def items(self, watchlist_id: int, symbols: Sequence[str]) -> dict[str, WatchlistRow]:
        """Return these symbols of a watchlist as they stand now; those that are not on it any more are left out."""
        with self._store.read() as session:
            chosen = _items().where(_ITEM.watchlist_id == watchlist_id, _I.symbol.in_(symbols))
            return {row.symbol: row for row in _with_runs(session, [_item(row) for row in session.execute(chosen)])}


def _items() -> Any:
    return (
        select(
            _I.symbol,
            _I.name,
            _I.currency,
            _ITEM.position,
            _ITEM.last_analysis_id,
            _ITEM.last_analyzed_at,
            _ITEM.last_status,
            t.expert_instance.c.alias.label("expert"),
            _A.error_code,
            _R.recommended_action,
            _R.confidence,
            _R.price_at_date,
            _R.effective_as_of,
            _R.currency.label("their_currency"),
        )
        .select_from(t.watchlist_item)
        .join(t.instrument, _I.id == _ITEM.instrument_id)
        .outerjoin(t.analysis, _A.id == _ITEM.last_analysis_id)
        .outerjoin(t.expert_instance, t.expert_instance.c.id == _A.expert_instance_id)
        # What a failed analysis had said before it failed is no recommendation.
        .outerjoin(
            t.recommendation, (_R.market_analysis_id == _ITEM.last_analysis_id) & (_A.status == Status.COMPLETED)
        )
    )


def _item(row: AnyRow) -> WatchlistRow:
    return WatchlistRow(
        symbol=row.symbol,
        name=row.name,
        position=row.position,
        last_analysis_id=row.last_analysis_id,
        last_analyzed_at=row.last_analyzed_at,
        last_status=row.last_status,
        expert=row.expert,
        error_code=row.error_code,
        action=row.recommended_action,
        confidence=row.confidence,
        price_then=row.price_at_date,
        then_at=row.effective_as_of,
        currency=row.their_currency or row.currency,
    )


def _with_runs(session: Session, items: Sequence[WatchlistRow]) -> tuple[WatchlistRow, ...]:
    runs = next_runs(session, [item.symbol for item in items])
    return tuple(replace(item, next_run=runs[item.symbol][0]) if item.symbol in runs else item for item in items)
