"""Analysis table: request, result and queue entry in one row, so that queueing needs no second table."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, Column, Index, false
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Numbered, UtcDateTime, choice, json_column, partial_index
from ba2_trade_platform.vocabulary import FailureKind, Signal, Source, Status, Subtype

SORTABLE = (
    "symbol",
    "expert_instance_id",
    "status",
    "subtype",
    "source",
    "error_code",
    "result_action",
    "result_confidence",
    "result_expected_profit",
    "attempt",
    "created_at",
    "finished_at",
    "duration_ms",
)
_FAILED = "status = 'failed'"
_ERRORS = "error_code IS NOT NULL"


class MarketAnalysis(Numbered, table=True):
    """One request to one expert about one symbol: job, result and its place in the queue in one row."""

    __table_args__ = (
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress_percent"),
        partial_index(
            "ux_market_analysis_dedupe_key", "dedupe_key", unique=True, where="status IN ('pending','running')"
        ),
        partial_index(
            "ix_market_analysis_claim",
            "expert_instance_id",
            "priority",
            "id",
            "available_at",
            "rescues_used",
            "retry_provider",
            where="status = 'pending' AND NOT held",
        ),
        partial_index("ix_market_analysis_lease", "lease_until", where="status = 'running'"),
        partial_index("ix_market_analysis_run_before", "run_before", where="status = 'pending'"),
        # The texts are in the index, so that a search through them reads nothing else.
        partial_index("ix_market_analysis_errors", "id", "error_code", "error_message", where=_ERRORS),
        partial_index("ix_market_analysis_error_expert", "error_code", "expert_instance_id", "id", where=_ERRORS),
        partial_index("ix_market_analysis_failed_expert", "expert_instance_id", "id", where=_FAILED),
        # With what its own condition names, or SQLite would look into the table for it.
        partial_index(
            "ix_market_analysis_failed_fingerprint",
            "fingerprint",
            "expert_instance_id",
            "symbol",
            "id",
            "status",
            where=_FAILED,
        ),
        Index("ix_market_analysis_batch", "batch_id", "id"),
        Index("ix_market_analysis_fingerprint", "fingerprint", "id"),
        *(Index(f"ix_market_analysis_{column}", column, "id") for column in SORTABLE),
        {"sqlite_autoincrement": True},
    )

    symbol: str = Field(max_length=40)
    expert_instance_id: int = Field(foreign_key="expert_instance.id")
    subtype: Subtype = Field(sa_column=Column(choice(Subtype, "analysis_subtype"), nullable=False))
    status: Status = Field(sa_column=Column(choice(Status, "analysis_status"), nullable=False))
    source: Source = Field(sa_column=Column(choice(Source, "analysis_source"), nullable=False))
    batch_id: int | None = Field(default=None, foreign_key="batch.id", ondelete="SET NULL")
    priority: int = 0
    # Its batch is paused: it is not claimed, whatever else becomes of it.
    held: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    as_of: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    run_before: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    available_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    started_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    duration_ms: int | None = None
    attempt: int = 1
    reruns_used: int = 0
    retries_used: int = 0
    rescues_used: int = 0
    progress: int = 0
    current_step: str | None = None
    config_id: int | None = Field(default=None, foreign_key="expert_config.id")
    error_code: str | None = Field(default=None, max_length=40)
    error_message: str | None = None
    failure_kind: FailureKind | None = Field(default=None, sa_column=Column(choice(FailureKind, "failure_kind")))
    fingerprint: str | None = Field(default=None, max_length=64)
    # Set while it is to be retried by itself: the provider that failed, whose open breaker makes it wait.
    retry_provider: str | None = Field(default=None, max_length=80)
    result_action: Signal | None = Field(default=None, sa_column=Column(choice(Signal, "result_action")))
    result_confidence: float | None = None
    result_expected_profit: float | None = None
    lease_token: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    worker_id: str | None = Field(default=None, max_length=80)
    dedupe_key: str = Field(max_length=200)
    version: int = 1
    state: Json | None = Field(default=None, sa_column=Column(json_column()))
