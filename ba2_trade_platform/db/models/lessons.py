"""Lesson table: lessons learnt from decisions, from which the vector store is rebuilt (docs/decisions/0013)."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column, Index
from sqlmodel import Field

from ba2_trade_platform.db.types import Money, Numbered, UtcDateTime, choice
from ba2_trade_platform.vocabulary import MetFirst, Signal, Subtype, TimeHorizon


class LearntLesson(Numbered, table=True):
    """What became of one decision once its horizon had passed; the vector store is rebuilt from these rows.

    It points at nothing by a foreign key: a lesson stays when its analysis is deleted. One that a person deleted keeps
    its row, so that its decision is not learnt from again. `rise_percent` and `fall_percent` are the largest moves
    from the price of the decision until the horizon's close, `met_first` which of target and stop was touched first.
    """

    __tablename__ = "lesson"
    __table_args__ = (
        Index("ux_lesson_decision", "analysis_id", "attempt", unique=True),
        Index("ix_lesson_symbol", "symbol", "id"),
        Index("ix_lesson_known", "known_at", "id"),
        {"sqlite_autoincrement": True},
    )

    analysis_id: int
    attempt: int
    expert_instance_id: int
    symbol: str = Field(max_length=40)
    subtype: Subtype = Field(sa_column=Column(choice(Subtype, "lesson_subtype"), nullable=False))
    action: Signal = Field(sa_column=Column(choice(Signal, "lesson_action"), nullable=False))
    confidence: float
    expected_profit_percent: float
    as_of: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    known_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    price_then: Decimal | None = Field(default=None, sa_column=Column(Money))
    price_after: Decimal | None = Field(default=None, sa_column=Column(Money))
    currency: str = Field(default="USD", max_length=3)
    time_horizon: TimeHorizon = Field(sa_column=Column(choice(TimeHorizon, "lesson_time_horizon"), nullable=False))
    return_percent: float
    rise_percent: float
    fall_percent: float
    met_first: MetFirst | None = Field(default=None, sa_column=Column(choice(MetFirst, "lesson_met_first")))
    was_right: bool
    situation: str
    decision: str
    reflection: str
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
