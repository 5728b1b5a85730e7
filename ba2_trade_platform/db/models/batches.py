"""Batch tables: batches with the parameters of those that re-run, and their items."""

from datetime import datetime

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Numbered, UtcDateTime, choice, json_column, partial_index
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Mode, Source


class Batch(Numbered, table=True):
    """Several analyses that were asked for at once; those of kind `bulk_rerun` have a plan, and perhaps a canary."""

    __table_args__ = (
        Index("ix_batch_state", "state", "id"),
        partial_index("ix_batch_unfinished", "id", where="finished_at IS NULL"),
        {"sqlite_autoincrement": True},
    )

    kind: BatchKind = Field(sa_column=Column(choice(BatchKind, "batch_kind"), nullable=False))
    name: str = Field(max_length=200)
    actor_id: int = Field(foreign_key="actor.id")
    state: BatchState = Field(sa_column=Column(choice(BatchState, "batch_state"), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    source: Source | None = Field(default=None, sa_column=Column(choice(Source, "batch_source")))
    resume_state: BatchState | None = Field(default=None, sa_column=Column(choice(BatchState, "batch_resume_state")))
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    stopped_by: int | None = Field(default=None, foreign_key="actor.id")
    stop_reason: str | None = None
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    reason: str | None = None
    mode: Mode | None = Field(default=None, sa_column=Column(choice(Mode, "batch_mode")))
    filter: Json | None = Field(default=None, sa_column=Column(json_column()))
    rate_per_minute: int | None = None
    canary: int | None = None
    plan_hash: str | None = Field(default=None, max_length=64)
    next_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    after_batch_id: int | None = Field(default=None, foreign_key="batch.id", ondelete="SET NULL")


class BatchItem(Numbered, table=True):
    """One member of a batch; membership and every count come from here."""

    __table_args__ = (
        UniqueConstraint("batch_id", "position"),
        Index("ix_batch_item_outcome", "batch_id", "outcome", "position"),
        {"sqlite_autoincrement": True},
    )

    batch_id: int = Field(foreign_key="batch.id", ondelete="CASCADE")
    position: int
    symbol: str = Field(max_length=40)
    expert_instance_id: int = Field(foreign_key="expert_instance.id")
    analysis_id: int | None = Field(default=None, foreign_key="market_analysis.id", ondelete="SET NULL", index=True)
    attempt: int | None = None
    outcome: ItemOutcome = Field(sa_column=Column(choice(ItemOutcome, "item_outcome"), nullable=False))
    reason: str | None = None
