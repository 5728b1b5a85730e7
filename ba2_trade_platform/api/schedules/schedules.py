"""Schedule endpoints: make, change, enable, preview, duplicate, archive and run now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, GivenReason, RequestBody
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, WHOLE, Day, Flag, Name, QueryFlag, RowId
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.analyses.queue_service import MAX_PRIORITY
from ba2_trade_platform.core.schedules.drafts import (
    LONGEST_DEADLINE,
    LONGEST_JITTER,
    LONGEST_NAME,
    LONGEST_SECONDS,
    Draft,
)
from ba2_trade_platform.core.schedules.schedule_records import ScheduleInfo
from ba2_trade_platform.core.schedules.service import Preview, RunStarted
from ba2_trade_platform.vocabulary import Misfire, ScheduleClock, Subtype

router = APIRouter(prefix="/schedules", tags=["schedules"])
ScheduleId = Annotated[int, Path(ge=1, le=MAX_ID, description="The schedule"), DIGITS]


class ScheduleDraft(RequestBody):
    """A schedule as it is wanted so far; docs/schedules.md says how its timing is written and meant."""

    name: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    expert_instance_id: RowId
    timing: Annotated[
        dict[str, Any], Field(max_length=20, description='For example {"kind": "times", "times": ["09:30"]}')
    ]
    zone: Annotated[str, Field(max_length=64, description="IANA zone of its local times")]
    subtype: Subtype = Subtype.ENTER_MARKET
    symbols: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=5_000)] = []
    watchlist_ids: Annotated[list[RowId], Field(max_length=500)] = []
    calendar: Annotated[str | None, Field(max_length=20, description="Keep to this exchange's sessions: a MIC")] = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    jitter_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_JITTER), WHOLE] = 0
    deadline_minutes: Annotated[int, Field(strict=True, ge=1, le=LONGEST_DEADLINE), WHOLE] | None = None
    misfire: Annotated[Misfire, Field(description="After an outage: run once, run each, or skip")] = Misfire.RUN_ONCE
    grace_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_SECONDS), WHOLE] = 300
    priority: Annotated[int, Field(strict=True, ge=0, le=MAX_PRIORITY), WHOLE] = 50
    clock: ScheduleClock = ScheduleClock.REAL
    enabled: Flag = True

    def draft(self) -> Draft:
        """Return this as the service's draft."""
        fields = self.model_dump(include=set(ScheduleDraft.model_fields))
        return Draft(**fields | {"symbols": tuple(self.symbols), "watchlist_ids": tuple(self.watchlist_ids)})


class ScheduleBody(ScheduleDraft):
    """A schedule as it is wanted, with its name."""

    name: Name


class ScheduleChange(ScheduleBody):
    """The whole schedule as it is to be; `version` is that of the one that was read."""

    version: RowId


class CopyBody(RequestBody):
    """What a copy is to be called; absent: as the original, with a number."""

    name: Name | None = None


class Schedules(BaseModel):
    """Every schedule, by name."""

    items: list[ScheduleInfo]


class NextTimes(BaseModel):
    """The next planned times, whether the schedule is enabled or not; `ends` says where its calendar ends."""

    times: list[datetime]
    ends: str | None


class PreviewAnswer(Answer, of=Preview, but=["symbols"]):
    """When a schedule would run, in words and instants, and everything that is wrong with it."""


class RunAnswer(Answer, of=RunStarted):
    """The run that was begun."""


class Acknowledged(BaseModel):
    """How many bad runs had not been acknowledged before."""

    acknowledged: int
    sentence: str


Count = Annotated[int, Query(ge=1, le=100, description="How many times"), DIGITS]


@router.get("")
def list_schedules(
    console: Console, archived: Annotated[QueryFlag, Query(description="The archived ones instead")] = False
) -> Schedules:
    """Return every schedule, with its next time and its last run."""
    return Schedules(items=list(console.schedules.service.list(archived=archived)))


@router.post("", status_code=201, responses=documented(409))
def create_schedule(body: ScheduleBody, console: Console, asker: Asker) -> ScheduleInfo:
    """Make a schedule; it waits for its first time from now."""
    return console.schedules.service.create(body.draft(), by=asker)


@router.post("/preview")
def preview_schedule(body: ScheduleDraft, console: Console, count: Count = 5) -> PreviewAnswer:
    """Say when a schedule would run and what is wrong with it, without making it."""
    return PreviewAnswer.model_validate(console.schedules.service.preview(body.draft(), count))


@router.get("/{schedule_id:int}", responses=documented(404))
def get_schedule(schedule_id: ScheduleId, console: Console) -> ScheduleInfo:
    """Return one schedule."""
    return console.schedules.service.get(schedule_id)


@router.put("/{schedule_id:int}", responses=documented(404, 409))
def change_schedule(schedule_id: ScheduleId, body: ScheduleChange, console: Console, asker: Asker) -> ScheduleInfo:
    """Change a schedule; it waits anew from now. What was due by its old plan is run or missed first."""
    return console.schedules.service.update(schedule_id, body.draft(), version=body.version, by=asker)


@router.delete("/{schedule_id:int}", status_code=204, responses=documented(404, 409))
def archive_schedule(schedule_id: ScheduleId, console: Console, asker: Asker) -> None:
    """Take a schedule away; its runs stay."""
    console.schedules.service.archive(schedule_id, by=asker)


@router.get("/{schedule_id:int}/next", responses=documented(404))
def next_times(schedule_id: ScheduleId, console: Console, count: Count = 5) -> NextTimes:
    """Return the next planned times."""
    upcoming = console.schedules.service.next_times(schedule_id, count)
    return NextTimes(times=list(upcoming.times), ends=upcoming.ends)


@router.post("/{schedule_id:int}/enable", responses=documented(404, 409))
def enable_schedule(schedule_id: ScheduleId, console: Console, asker: Asker) -> ScheduleInfo:
    """Let a schedule run again, from its first time after now."""
    return console.schedules.service.enable(schedule_id, by=asker)


@router.post("/{schedule_id:int}/disable", responses=documented(404, 409))
def disable_schedule(schedule_id: ScheduleId, console: Console, asker: Asker) -> ScheduleInfo:
    """Let a schedule rest; its times from now on are no runs."""
    return console.schedules.service.disable(schedule_id, by=asker)


@router.post("/{schedule_id:int}/duplicate", status_code=201, responses=documented(404, 409))
def duplicate_schedule(
    schedule_id: ScheduleId, console: Console, asker: Asker, body: CopyBody | None = None
) -> ScheduleInfo:
    """Make a disabled copy."""
    return console.schedules.service.duplicate(schedule_id, by=asker, name=body.name if body else None)


@router.post("/{schedule_id:int}/run", status_code=202, responses=documented(404, 409))
def run_schedule(schedule_id: ScheduleId, console: Console, asker: Asker) -> RunAnswer:
    """Run a schedule at once, enabled or not, beside its planned times."""
    return RunAnswer.model_validate(console.schedules.service.run_now(schedule_id, by=asker))


@router.post("/{schedule_id:int}/acknowledge", responses=documented(404))
def acknowledge_schedule(schedule_id: ScheduleId, console: Console, asker: Asker, reason: GivenReason) -> Acknowledged:
    """Say that all bad runs of a schedule were seen."""
    console.schedules.service.get(schedule_id)
    count = console.schedules.runs.acknowledge(schedule_id=schedule_id, by=asker, reason=reason)
    return Acknowledged(acknowledged=count, sentence=f"{count} runs acknowledged")
