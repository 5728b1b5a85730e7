"""Failure tables: failure groups, their hourly counts, and provider circuit breakers."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field

from ba2_trade_platform.db.types import Named, Numbered, UtcDateTime, choice, partial_index
from ba2_trade_platform.vocabulary import BreakerState, FailureKind, Mark


class FailureGroup(Named, table=True):
    """Equal failures, by their fingerprint: when they came, what a person said of them, and what kind he says it is.

    How many analyses stand failed now is counted from them; `seen` counts every attempt that ever ended like this.
    """

    __table_args__ = (
        Index("ix_failure_group_last_seen", "last_seen", "fingerprint"),
        partial_index("ix_failure_group_kind", "kind", where="kind IS NOT NULL"),
        partial_index("ix_failure_group_mark", "mark", where="mark IS NOT NULL"),
    )

    fingerprint: str = Field(primary_key=True, max_length=64)
    code: str = Field(max_length=40)
    message: str
    provider: str | None = Field(default=None, max_length=80)
    first_seen: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_seen: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen: int = 1
    regressed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    mark: Mark | None = Field(default=None, sa_column=Column(choice(Mark, "failure_mark")))
    marked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    marked_by: int | None = Field(default=None, foreign_key="actor.id")
    mark_reason: str | None = None
    ignore_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    ignore_seen: int | None = None
    kind: FailureKind | None = Field(default=None, sa_column=Column(choice(FailureKind, "group_failure_kind")))
    kind_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    kind_by: int | None = Field(default=None, foreign_key="actor.id")
    kind_reason: str | None = None


class FailureHour(Named, table=True):
    """How often a group was seen in one hour, so that its day can be drawn without counting attempts."""

    __table_args__ = (Index("ix_failure_hour_hour", "hour"),)

    fingerprint: str = Field(
        primary_key=True, max_length=64, foreign_key="failure_group.fingerprint", ondelete="CASCADE"
    )
    hour: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    seen: int = 1


class Breaker(Numbered, table=True):
    """One incident of a provider: while it is not closed, retries for that provider wait."""

    __table_args__ = (
        partial_index("ux_breaker_provider", "provider", unique=True, where="state <> 'closed'"),
        Index("ix_breaker_opened", "opened_at", "id"),
        {"sqlite_autoincrement": True},
    )

    provider: str = Field(max_length=80)
    code: str | None = Field(default=None, max_length=40)
    state: BreakerState = Field(sa_column=Column(choice(BreakerState, "breaker_state"), nullable=False))
    failures: int = 0
    opened_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    opened_by: int | None = Field(default=None, foreign_key="actor.id")
    reason: str | None = None
    cooldown_seconds: float
    probe_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    probe_analysis_id: int | None = Field(default=None, foreign_key="market_analysis.id", ondelete="SET NULL")
    probe_attempt: int | None = None
    probes: int = 0
    drained_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    released: int = 0
    closed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    closed_by: int | None = Field(default=None, foreign_key="actor.id")
    close_reason: str | None = None
