"""Run endpoints: list runs, sum up a day, and acknowledge a bad run."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from ba2_trade_platform.api.http.answers import Page
from ba2_trade_platform.api.http.dependencies import Asker, Console, GivenReason, Limit
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, Day, Place, QueryFlag, QueryId, UtcMoment
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.schedules.run_records import DaySummary, RunFilter, RunInfo
from ba2_trade_platform.vocabulary import RunState

router = APIRouter(prefix="/runs", tags=["schedules"])
RunId = Annotated[int, Path(ge=1, le=MAX_ID, description="The run of a schedule"), DIGITS]


class Runs(Page[RunInfo, str | None]):
    """One page of runs, the newest planned first; `next_cursor` absent: no more."""


@router.get("", responses=documented(409))
def list_runs(
    console: Console,
    state: Annotated[list[RunState], Query(max_length=7, description="Any of these")] = [],  # noqa: B006 - FastAPI copies it
    schedule: Annotated[QueryId | None, Query(description="One schedule's")] = None,
    first: Annotated[UtcMoment | None, Query(alias="from", description="Planned at or after this instant")] = None,
    until: Annotated[UtcMoment | None, Query(alias="to", description="Planned before this instant")] = None,
    unseen: Annotated[QueryFlag, Query(description="Only bad ones that nobody has acknowledged")] = False,
    cursor: Annotated[Place | None, Query()] = None,
    limit: Limit = 100,
) -> Runs:
    """Return a page of runs: every planned time that has come, with what became of it and why."""
    wanted = RunFilter(tuple(state), schedule, first, until, unseen)
    return Runs.model_validate(console.schedules.runs.list(wanted, cursor, limit))


@router.get("/summary", responses=documented(409))
def summarise_day(
    console: Console, day: Annotated[Day | None, Query(description="A day of the desk; absent: today")] = None
) -> DaySummary:
    """Return expected against done on one day of the desk."""
    return console.schedules.runs.day_summary(day)


@router.get("/{run_id:int}", responses=documented(404))
def get_run(run_id: RunId, console: Console) -> RunInfo:
    """Return one run."""
    return console.schedules.runs.get(run_id)


@router.post("/{run_id:int}/acknowledge", responses=documented(404))
def acknowledge_run(run_id: RunId, console: Console, asker: Asker, reason: GivenReason) -> RunInfo:
    """Say that a bad run was seen, so that it is counted no more."""
    console.schedules.runs.acknowledge([run_id], by=asker, reason=reason)
    return console.schedules.runs.get(run_id)
