"""Instrument tables: instruments, providers' names for them, and the watchlists that they stand in.

The last analysis of a watchlist's item is kept by triggers (docs/decisions/0015).
"""

from datetime import datetime

from sqlalchemy import DDL, Column, UniqueConstraint, event
from sqlmodel import Field, SQLModel

from ba2_trade_platform.db.models.analyses import MarketAnalysis
from ba2_trade_platform.db.types import Json, Named, Numbered, UtcDateTime, choice, json_column
from ba2_trade_platform.vocabulary import Status


class Instrument(Numbered, table=True):
    """A symbol that the desk knows."""

    symbol: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=200)
    type: str = Field(default="stock", max_length=40)
    exchange: str = Field(max_length=20)
    currency: str = Field(max_length=3)
    calendar: str = Field(max_length=20)
    is_demo: bool = False
    # Words of the trader's own, a list of texts; NULL is none.
    labels: Json | None = Field(default=None, sa_column=Column(json_column()))


class SymbolMap(Named, table=True):
    """What a price provider calls a symbol, where it calls it otherwise."""

    provider: str = Field(primary_key=True, max_length=40)
    symbol: str = Field(primary_key=True, max_length=40)
    provider_symbol: str = Field(max_length=80)


class Watchlist(Numbered, table=True):
    """A named list of instruments."""

    name: str = Field(max_length=80, unique=True)
    is_demo: bool = False
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class WatchlistItem(Numbered, table=True):
    """One instrument's place in a watchlist, with the analysis of it that changed last.

    The `last_...` columns are kept by triggers, so in the very transaction that submits, claims, re-runs, cancels,
    ends or deletes an analysis, whichever code that is. `last_analyzed_at` is since when it has its `last_status`.
    """

    __table_args__ = (UniqueConstraint("watchlist_id", "instrument_id"), {"sqlite_autoincrement": True})

    watchlist_id: int = Field(foreign_key="watchlist.id", ondelete="CASCADE")
    instrument_id: int = Field(foreign_key="instrument.id", ondelete="CASCADE", index=True)
    position: int = 0
    last_analysis_id: int | None = Field(
        default=None, foreign_key="market_analysis.id", ondelete="SET NULL", index=True
    )
    last_analyzed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    last_status: Status | None = Field(default=None, sa_column=Column(choice(Status, "last_status")))


_OF_SYMBOL = "instrument_id = (SELECT id FROM instrument WHERE symbol = {0}.symbol)"
_NEWEST = "(SELECT id, updated_at, status FROM market_analysis WHERE symbol = {0} ORDER BY id DESC LIMIT 1)"
_LAST = "(last_analysis_id, last_analyzed_at, last_status)"
LAST_ANALYSIS = (
    f"""
    CREATE TRIGGER watchlist_sees_submit AFTER INSERT ON market_analysis
    BEGIN UPDATE watchlist_item SET {_LAST} = (NEW.id, NEW.updated_at, NEW.status)
    WHERE {_OF_SYMBOL.format("NEW")}; END
    """,
    f"""
    CREATE TRIGGER watchlist_sees_status AFTER UPDATE OF status, attempt ON market_analysis
    BEGIN UPDATE watchlist_item SET {_LAST} = (NEW.id, NEW.updated_at, NEW.status)
    WHERE {_OF_SYMBOL.format("NEW")}; END
    """,
    f"""
    CREATE TRIGGER watchlist_sees_delete AFTER DELETE ON market_analysis
    BEGIN UPDATE watchlist_item SET {_LAST} = {_NEWEST.format("OLD.symbol")}
    WHERE {_OF_SYMBOL.format("OLD")}; END
    """,
    f"""
    CREATE TRIGGER watchlist_takes_item AFTER INSERT ON watchlist_item
    BEGIN UPDATE watchlist_item
    SET {_LAST} = {_NEWEST.format("(SELECT symbol FROM instrument WHERE id = NEW.instrument_id)")}
    WHERE id = NEW.id; END
    """,
)


for _trigger in LAST_ANALYSIS:
    _on = WatchlistItem if "AFTER INSERT ON watchlist_item" in _trigger else MarketAnalysis
    _made = DDL(_trigger).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]  # SQLAlchemy's
    event.listen(SQLModel.metadata.tables[str(_on.__tablename__)], "after_create", _made)
