"""Symbol page read model: recommendations, watchlists and next runs of one symbol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.schedules.next_runs import NextRun, next_runs
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.vocabulary import Signal, Status, Subtype

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


_ANSWERS = Reader(
    Answered,
    t.recommendation,
    analysis_id=_R.market_analysis_id,
    expert=t.expert_instance.c.alias,
    action=_R.recommended_action,
    expected_profit=_R.expected_profit_percent,
    as_of=_R.effective_as_of,
    price=_R.price_at_date,
    target=_R.target_price,
    stop=_R.stop_price,
)
_ANSWERED = (
    _ANSWERS.select()
    .join(t.analysis, t.analysis.c.id == _R.market_analysis_id)
    .join(t.expert_instance, t.expert_instance.c.id == _R.expert_instance_id)
    .order_by(t.analysis.c.id.desc())
    .limit(MOST_ANSWERS)
)


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
            # By way of the analyses, which have an index on the symbol.
            completed = (t.analysis.c.symbol == symbol, t.analysis.c.status == Status.COMPLETED)
            answers = _ANSWERS.all(session, _ANSWERED.where(*completed))
            lists = session.execute(
                select(_W.id, _W.name)
                .join(t.watchlist_item, t.watchlist_item.c.watchlist_id == _W.id)
                .join(t.instrument, t.instrument.c.id == t.watchlist_item.c.instrument_id)
                .where(t.instrument.c.symbol == symbol)
                .order_by(_W.name)
            )
            named = tuple((row.id, row.name) for row in lists)
            return SymbolReading(symbol, tuple(answers), named, next_runs(session, [symbol], RUNS).get(symbol, ()))
