"""Schedule tables: schedules, their watchlists, and a unique run for each planned time (docs/decisions/0017)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Column, Index, UniqueConstraint
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Named, Numbered, UtcDateTime, choice, json_column, partial_index
from ba2_trade_platform.vocabulary import Misfire, RunState, RunTrigger, ScheduleClock, Subtype


class Schedule(Numbered, table=True):
    """When one expert analyses which symbols. Archived, never deleted: its runs are evidence.

    `timing` is the rule that `core.recurrence.timings` reads, `zone` the IANA zone of its local times, `calendar` the
    exchange whose sessions it keeps to (a MIC; NULL: every day). `next_at` is the earliest planned time without a run,
    `wake_at` the same with its jitter; both are NULL when none comes. `deadline_minutes` after its planned time an
    analysis that has not begun is skipped (RUN_BEFORE); a run that begins `grace_seconds` late is late.
    """

    __table_args__ = (
        CheckConstraint("jitter_seconds >= 0", name="jitter_not_negative"),
        CheckConstraint("grace_seconds >= 0", name="grace_not_negative"),
        CheckConstraint("deadline_minutes > 0", name="some_deadline"),
        partial_index("ux_schedule_name", "name", unique=True, where="archived_at IS NULL"),
        partial_index("ix_schedule_wake", "wake_at", "id", where="wake_at IS NOT NULL"),
        Index("ix_schedule_expert", "expert_instance_id", "id"),
        {"sqlite_autoincrement": True},
    )

    name: str = Field(max_length=80)
    enabled: bool = True
    archived_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    is_demo: bool = False
    clock: ScheduleClock = Field(sa_column=Column(choice(ScheduleClock, "schedule_clock"), nullable=False))
    expert_instance_id: int = Field(foreign_key="expert_instance.id")
    subtype: Subtype = Field(sa_column=Column(choice(Subtype, "schedule_subtype"), nullable=False))
    symbols: Json = Field(sa_column=Column(json_column(), nullable=False))
    timing: Json = Field(sa_column=Column(json_column(), nullable=False))
    zone: str = Field(max_length=64)
    calendar: str | None = Field(default=None, max_length=20)
    starts_on: date | None = None
    ends_on: date | None = None
    jitter_seconds: int = 0
    deadline_minutes: int | None = None
    misfire: Misfire = Field(sa_column=Column(choice(Misfire, "misfire"), nullable=False))
    grace_seconds: int = 300
    priority: int = 50
    next_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    wake_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    actor_id: int = Field(foreign_key="actor.id")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    version: int = 1


class ScheduleWatchlist(Named, table=True):
    """One watchlist whose symbols, as they are when a run begins, a schedule analyses."""

    schedule_id: int = Field(primary_key=True, foreign_key="schedule.id", ondelete="CASCADE")
    watchlist_id: int = Field(primary_key=True, foreign_key="watchlist.id", ondelete="CASCADE", index=True)


class ScheduleRun(Numbered, table=True):
    """What became of one planned time: unique, so that no time is ever run twice, however often it is tried."""

    __table_args__ = (
        UniqueConstraint("schedule_id", "planned_at"),
        Index("ix_schedule_run_planned", "planned_at", "id"),
        Index("ix_schedule_run_state", "state", "planned_at", "id"),
        partial_index(
            "ix_schedule_run_unseen",
            "schedule_id",
            "planned_at",
            where="acknowledged_at IS NULL AND state IN ('missed','failed','partly_failed')",
        ),
        partial_index("ix_schedule_run_under_way", "batch_id", where="state = 'running'"),
        {"sqlite_autoincrement": True},
    )

    schedule_id: int = Field(foreign_key="schedule.id")
    planned_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    trigger: RunTrigger = Field(sa_column=Column(choice(RunTrigger, "run_trigger"), nullable=False))
    state: RunState = Field(sa_column=Column(choice(RunState, "run_state"), nullable=False))
    reason: str | None = None
    batch_id: int | None = Field(default=None, foreign_key="batch.id", ondelete="SET NULL", index=True)
    actor_id: int = Field(foreign_key="actor.id")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    started_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    acknowledged_by: int | None = Field(default=None, foreign_key="actor.id")
    acknowledge_reason: str | None = None
