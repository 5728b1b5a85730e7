"""Result tables: an analysis's steps, outputs and recommendation, and its lesson (docs/decisions/0013)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Money, Named, Numbered, UtcDateTime, choice, json_column, partial_index
from ba2_trade_platform.vocabulary import MetFirst, RiskLevel, Signal, StepStatus, Subtype, TimeHorizon


class AnalysisStep(Numbered, table=True):
    """One named piece of an attempt's work."""

    __table_args__ = (UniqueConstraint("analysis_id", "attempt", "position"), {"sqlite_autoincrement": True})

    analysis_id: int = Field(foreign_key="market_analysis.id", ondelete="CASCADE")
    attempt: int
    position: int
    name: str = Field(max_length=200)
    status: StepStatus = Field(sa_column=Column(choice(StepStatus, "step_status"), nullable=False))
    inputs_hash: str | None = Field(default=None, max_length=64)
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    tokens: int | None = None
    cost: Decimal | None = Field(default=None, sa_column=Column(Money))
    currency: str = Field(default="USD", max_length=3)
    provider: str | None = Field(default=None, max_length=80)
    error_message: str | None = None
    reused_from_attempt: int | None = None
    depends_on: Json | None = Field(default=None, sa_column=Column(json_column()))


class AnalysisStepResult(Named, table=True):
    """What a completed step returned, for a resume; apart from the step so that listing steps stays quick."""

    step_id: int = Field(
        sa_column=Column(Integer, ForeignKey("analysis_step.id", ondelete="CASCADE"), primary_key=True)
    )
    result: Any = Field(default=None, sa_column=Column(json_column()))


class AnalysisOutput(Numbered, table=True):
    """One readable thing that an expert wrote."""

    __table_args__ = (Index("ix_analysis_output_analysis", "market_analysis_id", "id"), {"sqlite_autoincrement": True})

    market_analysis_id: int = Field(foreign_key="market_analysis.id", ondelete="CASCADE")
    attempt: int
    step_id: int | None = Field(default=None, foreign_key="analysis_step.id", ondelete="SET NULL", index=True)
    type: str = Field(max_length=40)
    name: str = Field(max_length=200)
    text: str
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class AnalysisRawData(Named, table=True):
    """The large data behind an output, compressed; never in a listed table."""

    output_id: int = Field(
        sa_column=Column(Integer, ForeignKey("analysis_output.id", ondelete="CASCADE"), primary_key=True)
    )
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ExpertRecommendation(Numbered, table=True):
    """An expert's answer. Tradable only while it is current, and never when it says REVIEW."""

    __table_args__ = (
        UniqueConstraint("market_analysis_id"),
        CheckConstraint("confidence BETWEEN 1 AND 100", name="confidence_percent"),
        partial_index(
            "ux_expert_recommendation_current",
            "expert_instance_id",
            "symbol",
            "subtype",
            unique=True,
            where="is_current",
        ),
        Index(
            "ix_expert_recommendation_history",
            "expert_instance_id",
            "symbol",
            "subtype",
            "effective_as_of",
            "market_analysis_id",
        ),
        {"sqlite_autoincrement": True},
    )

    market_analysis_id: int = Field(foreign_key="market_analysis.id", ondelete="CASCADE")
    attempt: int
    expert_instance_id: int = Field(foreign_key="expert_instance.id")
    symbol: str = Field(max_length=40)
    subtype: Subtype = Field(sa_column=Column(choice(Subtype, "recommendation_subtype"), nullable=False))
    recommended_action: Signal = Field(sa_column=Column(choice(Signal, "recommended_action"), nullable=False))
    confidence: float
    expected_profit_percent: float
    price_at_date: Decimal | None = Field(default=None, sa_column=Column(Money))
    target_price: Decimal | None = Field(default=None, sa_column=Column(Money))
    stop_price: Decimal | None = Field(default=None, sa_column=Column(Money))
    currency: str = Field(default="USD", max_length=3)
    risk_level: RiskLevel = Field(sa_column=Column(choice(RiskLevel, "risk_level"), nullable=False))
    time_horizon: TimeHorizon = Field(sa_column=Column(choice(TimeHorizon, "time_horizon"), nullable=False))
    details: str
    effective_as_of: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    is_current: bool = False
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


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
