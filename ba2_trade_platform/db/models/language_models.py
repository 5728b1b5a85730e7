"""Language model tables: providers, the call log, and answers kept until their attempt ends (docs/decisions/0012)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DDL, CheckConstraint, Column, Index, Integer, LargeBinary, event
from sqlmodel import Field, SQLModel

from ba2_trade_platform.db.types import Json, Money, Named, Numbered, UtcDateTime, choice, json_column, partial_index
from ba2_trade_platform.vocabulary import CallOutcome, ProviderKind


class ModelProvider(Named, table=True):
    """One model provider as this desk uses it. `key` is encrypted; NULL takes the environment's where it has one.

    `dialect`: NULL is the usual one of its kind and address; `dialect_changes` says some of its fields otherwise.
    `structured` names the structured-output method of each model that needs another than the dialect's, `windows` the
    tokens that a model's question and answer may have together.
    """

    __table_args__ = (CheckConstraint("concurrency > 0", name="some_concurrency"),)

    name: str = Field(primary_key=True, max_length=80)
    kind: ProviderKind = Field(sa_column=Column(choice(ProviderKind, "provider_kind"), nullable=False))
    enabled: bool = True
    base_url: str | None = Field(default=None, max_length=500)
    quick_model: str = Field(max_length=200)
    deep_model: str = Field(max_length=200)
    structured: Json | None = Field(default=None, sa_column=Column(json_column()))
    dialect: str | None = Field(default=None, max_length=40)
    dialect_changes: Json | None = Field(default=None, sa_column=Column(json_column()))
    windows: Json | None = Field(default=None, sa_column=Column(json_column()))
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int = 8
    position: int = 0
    key: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    key_changed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    version: int = 1


class ModelAdaptation(Named, table=True):
    """One field of a dialect that a model refused, and what it took instead (core.contracts.dialects.Adaptation)."""

    provider: str = Field(primary_key=True, max_length=80)
    model: str = Field(primary_key=True, max_length=200)
    field: str = Field(primary_key=True, max_length=40)
    value: Any = Field(default=None, sa_column=Column(json_column()))
    reason: str
    adapted_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ModelCheck(Named, table=True):
    """What the newest test of a provider's model found, a line for each thing that was tried."""

    provider: str = Field(primary_key=True, max_length=80)
    model: str = Field(primary_key=True, max_length=200)
    findings: Json = Field(sa_column=Column(json_column(), nullable=False))
    checked_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ModelCall(Numbered, table=True):
    """One model call, written when it begins and once more when it ends; never changed or deleted after.

    It points at nothing by a foreign key: what was paid stays paid when its analysis is deleted.
    `reserved` is the most that the call may cost while it is under way; `tokens_reasoning` are among `tokens_out`,
    `tokens_written` (into the provider's cache) among `tokens_in`.
    """

    __table_args__ = (
        Index("ix_model_call_analysis", "analysis_id", "attempt", "step"),
        Index("ix_model_call_expert", "expert_instance_id", "started_at"),
        # Holds all that the budget of a day adds up, for that is asked before every call.
        Index("ix_model_call_started", "started_at", "expert_instance_id", "cost", "reserved"),
        partial_index("ix_model_call_under_way", "id", where="outcome IS NULL"),
        {"sqlite_autoincrement": True},
    )

    analysis_id: int
    attempt: int
    expert_instance_id: int
    symbol: str = Field(max_length=40)
    step: str | None = Field(default=None, max_length=200)
    provider: str = Field(max_length=80)
    model: str = Field(max_length=200)
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    duration_ms: int | None = None
    outcome: CallOutcome | None = Field(default=None, sa_column=Column(choice(CallOutcome, "call_outcome")))
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    tokens_reasoning: int | None = None
    tokens_written: int | None = None
    reserved: Decimal | None = Field(default=None, sa_column=Column(Money))
    cost: Decimal | None = Field(default=None, sa_column=Column(Money))
    currency: str = Field(default="USD", max_length=3)
    error_code: str | None = Field(default=None, max_length=40)
    error_message: str | None = None


# What was paid cannot be rewritten: a call is never deleted, and changed once, when it ends.
APPEND_ONLY = (
    """
    CREATE TRIGGER model_call_is_kept BEFORE DELETE ON model_call
    BEGIN SELECT RAISE(ABORT, 'model calls are kept for ever'); END
    """,
    """
    CREATE TRIGGER model_call_is_new BEFORE INSERT ON model_call
    WHEN EXISTS (SELECT 1 FROM model_call WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'model calls are never replaced'); END
    """,
    """
    CREATE TRIGGER model_call_ends_once BEFORE UPDATE ON model_call
    WHEN OLD.outcome IS NOT NULL OR NEW.outcome IS NULL OR NEW.id IS NOT OLD.id
        OR NEW.analysis_id IS NOT OLD.analysis_id OR NEW.attempt IS NOT OLD.attempt
        OR NEW.expert_instance_id IS NOT OLD.expert_instance_id OR NEW.symbol IS NOT OLD.symbol
        OR NEW.step IS NOT OLD.step OR NEW.provider IS NOT OLD.provider OR NEW.model IS NOT OLD.model
        OR NEW.started_at IS NOT OLD.started_at OR NEW.reserved IS NOT OLD.reserved
        OR NEW.currency IS NOT OLD.currency
    BEGIN SELECT RAISE(ABORT, 'a model call is changed once, when it ends'); END
    """,
)
for _trigger in APPEND_ONLY:
    _made = DDL(_trigger).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]  # SQLAlchemy's
    event.listen(SQLModel.metadata.tables["model_call"], "after_create", _made)


class ModelAnswer(Named, table=True):
    """What was answered in an attempt that has not ended yet, so that a killed console does not ask again.

    Written with the end of its call; `digest` is of the question. Gone once its attempt has ended by itself.
    """

    __table_args__ = (Index("ix_model_answer_analysis", "analysis_id", "digest", "call_id"),)

    call_id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    analysis_id: int
    attempt: int
    digest: str = Field(max_length=64)
    message: Json = Field(sa_column=Column(json_column(), nullable=False))
