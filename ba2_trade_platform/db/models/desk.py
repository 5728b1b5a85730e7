"""What a desk keeps beside its analyses: instruments, watchlists, batches and the queue's switches."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from ba2_trade_platform.db.enums import BatchKind, BatchState, ItemOutcome
from ba2_trade_platform.db.types import UtcDateTime, choice


class Instrument(SQLModel, table=True):
    """A symbol that the desk knows."""

    __tablename__ = "instrument"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    symbol: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=200)
    type: str = Field(default="stock", max_length=40)
    exchange: str = Field(max_length=20)
    currency: str = Field(max_length=3)
    calendar: str = Field(max_length=20)
    is_demo: bool = False


class Watchlist(SQLModel, table=True):
    """A named list of instruments."""

    __tablename__ = "watchlist"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=80, unique=True)
    is_demo: bool = False
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class WatchlistItem(SQLModel, table=True):
    """One instrument's place in a watchlist."""

    __tablename__ = "watchlist_item"
    __table_args__ = (UniqueConstraint("watchlist_id", "instrument_id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    watchlist_id: int = Field(foreign_key="watchlist.id", ondelete="CASCADE")
    instrument_id: int = Field(foreign_key="instrument.id", ondelete="CASCADE", index=True)
    position: int = 0


class Batch(SQLModel, table=True):
    """Several analyses that were asked for at once."""

    __tablename__ = "batch"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    kind: BatchKind = Field(sa_column=Column(choice(BatchKind, "batch_kind"), nullable=False))
    name: str = Field(max_length=200)
    actor_id: int = Field(foreign_key="actor.id")
    state: BatchState = Field(sa_column=Column(choice(BatchState, "batch_state"), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class BatchItem(SQLModel, table=True):
    """One member of a batch; membership and every count come from here."""

    __tablename__ = "batch_item"
    __table_args__ = (
        UniqueConstraint("batch_id", "position"),
        Index("ix_batch_item_outcome", "batch_id", "outcome", "position"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    batch_id: int = Field(foreign_key="batch.id", ondelete="CASCADE")
    position: int
    symbol: str = Field(max_length=40)
    expert_instance_id: int = Field(foreign_key="expert_instance.id")
    analysis_id: int | None = Field(default=None, foreign_key="market_analysis.id", ondelete="SET NULL", index=True)
    attempt: int | None = None
    outcome: ItemOutcome = Field(sa_column=Column(choice(ItemOutcome, "item_outcome"), nullable=False))
    reason: str | None = None


class QueueState(SQLModel, table=True):
    """The queue's switches, one row, so that a pause survives a restart."""

    __tablename__ = "queue_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"), CheckConstraint("slots >= 1", name="slots_positive"))

    id: int | None = Field(default=1, primary_key=True)
    paused: bool = False
    reason: str | None = None
    actor_id: int | None = Field(default=None, foreign_key="actor.id")
    since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    slots: int
