"""Run records: a planned time, a day and a week of runs as they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ba2_trade_platform.core.completion.runs import UNWELL
from ba2_trade_platform.vocabulary import RunState, RunTrigger, ScheduleClock


@dataclass(frozen=True)
class RunItems:
    """What became of a run's analyses: counts that add up to `total`."""

    total: int = 0
    queued: int = 0
    succeeded: int = 0
    duplicate: int = 0
    failed: int = 0
    skipped: int = 0
    blocked: int = 0


@dataclass(frozen=True)
class RunInfo:
    """What became of one planned time; `reason` says it in words wherever it did not simply go well."""

    id: int
    schedule_id: int
    schedule: str
    clock: ScheduleClock
    zone: str
    planned_at: datetime
    trigger: RunTrigger
    state: RunState
    reason: str | None
    batch_id: int | None
    actor: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledge_reason: str | None
    items: RunItems = RunItems()

    @property
    def needs_ack(self) -> bool:
        """Whether it went badly and nobody has acknowledged it."""
        return self.acknowledged_at is None and self.state in UNWELL


@dataclass(frozen=True)
class RunFilter:
    """Which runs to show; every empty part means all. `first` and `until` are instants; `until` is not included."""

    states: tuple[RunState, ...] = ()
    schedule_id: int | None = None
    first: datetime | None = None
    until: datetime | None = None
    unacknowledged_only: bool = False


@dataclass(frozen=True)
class DaySummary:
    """Expected against done on one day of the desk, by real time: `planned` is all of them, `ahead` not come yet."""

    day: date
    planned: int
    done: int
    late: int
    partly_failed: int
    failed: int
    missed: int
    skipped: int
    running: int
    ahead: int


@dataclass(frozen=True)
class WeekDay:
    """One schedule's day: its runs, the planned times that have none yet, and whether its exchange is closed."""

    day: date
    runs: tuple[RunInfo, ...]
    planned: tuple[datetime, ...]
    closed: bool


@dataclass(frozen=True)
class WeekRow:
    """One schedule's week; what a replay is yet to run has no place in it, for nobody knows when it is played."""

    schedule_id: int
    schedule: str
    enabled: bool
    clock: ScheduleClock
    calendar: str | None
    days: tuple[WeekDay, ...]


@dataclass(frozen=True)
class Week:
    """Seven days from `first_day` in `zone`, schedule by schedule."""

    first_day: date
    zone: str
    rows: tuple[WeekRow, ...]
