"""Symbol page read model: recommendations, watchlists and next runs of one symbol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.schedules.next_runs import NextRun, next_runs
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.vocabulary import Signal, Subtype

MOST_ANSWERS = 500
RUNS = 5
_R = t.recommendation.c
_W = t.watchlist.c


@dataclass(frozen=True)
class Answered:
    """What one analysis recommended, and as of when."""

    analysis_id: int
    expert_instance_id: int
    expert: str
    subtype: Subtype
    action: Signal
    confidence: float
    expected_profit: float
    as_of: datetime
    price: Decimal | None
    target: Decimal | None
    stop: Decimal | None
    currency: str
    is_current: bool


@dataclass(frozen=True)
class SymbolReading:
    """One symbol: `answers` newest first, 500 at most; `lists` are (id, name)."""

    symbol: str
    answers: tuple[Answered, ...]
    lists: tuple[tuple[int, str], ...]
    runs: tuple[NextRun, ...]

    @property
    def current(self) -> tuple[Answered, ...]:
        """What counts now, by expert."""
        return tuple(sorted((one for one in self.answers if one.is_current), key=lambda one: one.expert.casefold()))


class SymbolPages:
    """Reads them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, symbol: str) -> SymbolReading:
        """Return what is known of a symbol, known to the desk or not."""
        with self._store.read() as session:
            answers = tuple(_answer(row) for row in session.execute(_answers(symbol)))
            lists = session.execute(
                select(_W.id, _W.name)
                .join(t.watchlist_item, t.watchlist_item.c.watchlist_id == _W.id)
                .join(t.instrument, t.instrument.c.id == t.watchlist_item.c.instrument_id)
                .where(t.instrument.c.symbol == symbol)
                .order_by(_W.name)
            )
            named = tuple((row.id, row.name) for row in lists)
            return SymbolReading(symbol, answers, named, _runs(session, symbol))


def _runs(session: Session, symbol: str) -> tuple[NextRun, ...]:
    return next_runs(session, [symbol], RUNS).get(symbol, ())


def _answers(symbol: str) -> Any:
    # By way of the analyses, which have an index on the symbol.
    return (
        select(t.recommendation, t.expert_instance.c.alias.label("expert"))
        .join(t.analysis, t.analysis.c.id == _R.market_analysis_id)
        .join(t.expert_instance, t.expert_instance.c.id == _R.expert_instance_id)
        .where(t.analysis.c.symbol == symbol, t.analysis.c.status == "completed")
        .order_by(t.analysis.c.id.desc())
        .limit(MOST_ANSWERS)
    )


def _answer(row: AnyRow) -> Answered:
    return Answered(
        analysis_id=row.market_analysis_id,
        expert_instance_id=row.expert_instance_id,
        expert=row.expert,
        subtype=row.subtype,
        action=row.recommended_action,
        confidence=row.confidence,
        expected_profit=row.expected_profit_percent,
        as_of=row.effective_as_of,
        price=row.price_at_date,
        target=row.target_price,
        stop=row.stop_price,
        currency=row.currency,
        is_current=row.is_current,
    )
