"""Attempt tables: attempts, and the archive of each one's results."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Money, Named, Numbered, UtcDateTime, choice, json_column, partial_index
from ba2_trade_platform.vocabulary import FailureKind, Mode, Outcome, Trigger


class AnalysisAttempt(Numbered, table=True):
    """When and why one attempt began and ended, who asked, and what it cost; kept for ever."""

    __table_args__ = (
        UniqueConstraint("analysis_id", "number"),
        Index("ix_analysis_attempt_fingerprint", "fingerprint", "id"),
        Index("ix_analysis_attempt_finished", "finished_at", "id"),
        # The track record of an error is read from these alone: how what followed it ended, and how long it waited.
        *(
            partial_index(
                f"ix_analysis_attempt_{column}",
                column,
                "id",
                "outcome",
                "started_at",
                "after_failed_at",
                where=f"{column} IS NOT NULL",
            )
            for column in ("after_fingerprint", "after_code")
        ),
        partial_index(
            "ix_analysis_attempt_open_after",
            "after_fingerprint",
            "outcome",
            where="outcome IS NULL AND after_fingerprint IS NOT NULL",
        ),
        partial_index(
            "ix_analysis_attempt_provider", "provider", "error_code", "finished_at", where="provider IS NOT NULL"
        ),
        {"sqlite_autoincrement": True},
    )

    analysis_id: int = Field(foreign_key="market_analysis.id", ondelete="CASCADE")
    number: int
    trigger: Trigger = Field(sa_column=Column(choice(Trigger, "attempt_trigger"), nullable=False))
    mode: Mode = Field(sa_column=Column(choice(Mode, "attempt_mode"), nullable=False))
    base_attempt: int
    actor_id: int = Field(foreign_key="actor.id")
    reason: str | None = None
    queued_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    started_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    outcome: Outcome | None = Field(default=None, sa_column=Column(choice(Outcome, "attempt_outcome")))
    error_code: str | None = Field(default=None, max_length=40)
    error_message: str | None = None
    failure_kind: FailureKind | None = Field(
        default=None, sa_column=Column(choice(FailureKind, "attempt_failure_kind"))
    )
    fingerprint: str | None = Field(default=None, max_length=64)
    warnings: Json | None = Field(default=None, sa_column=Column(json_column()))
    effective_as_of: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    config_id: int | None = Field(default=None, foreign_key="expert_config.id")
    environment: Json | None = Field(default=None, sa_column=Column(json_column()))
    worker_id: str | None = Field(default=None, max_length=80)
    tokens: int | None = None
    cost: Decimal | None = Field(default=None, sa_column=Column(Money))
    currency: str = Field(default="USD", max_length=3)
    step: str | None = Field(default=None, max_length=200)
    provider: str | None = Field(default=None, max_length=80)
    provider_choice: Json | None = Field(default=None, sa_column=Column(json_column()))
    # The bulk re-run that asked; like the columns below added later, and SQLite adds a foreign key only by a copy.
    batch_id: int | None = None
    # Of the failed attempt that this one answers: a re-run, a retry, or what a rescue made of them.
    after_fingerprint: str | None = Field(default=None, max_length=64)
    after_code: str | None = Field(default=None, max_length=40)
    after_failed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    # What acted on the recommendation that this attempt purged, as it was when somebody acknowledged it.
    acknowledged: Json | None = Field(default=None, sa_column=Column(json_column()))
    packed_into: str | None = Field(default=None, max_length=200)


class AttemptArchive(Named, table=True):
    """What an attempt left, compressed; apart from the attempt so that counting attempts stays quick."""

    attempt_id: int = Field(
        sa_column=Column(Integer, ForeignKey("analysis_attempt.id", ondelete="CASCADE"), primary_key=True)
    )
    traceback: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    contents: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
