"""Run endpoints: list runs, sum up a day, and acknowledge a bad run."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from ba2_trade_platform.api.http.answers import Page
from ba2_trade_platform.api.http.dependencies import MAX_ID, Asker, Console, GivenReason, Limit
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.schedules.run_records import DaySummary, RunFilter, RunInfo
from ba2_trade_platform.vocabulary import RunState

router = APIRouter(prefix="/runs", tags=["schedules"])
RunId = Annotated[int, Path(ge=1, le=MAX_ID, description="The run of a schedule")]


class Runs(Page[RunInfo, str | None]):
    """One page of runs, the newest planned first; `next_cursor` absent: no more."""


@router.get("")
def list_runs(
    console: Console,
    state: Annotated[list[RunState], Query(max_length=7, description="Any of these")] = [],  # noqa: B006 - FastAPI copies it
    schedule: Annotated[int | None, Query(ge=1, le=MAX_ID, description="One schedule's")] = None,
    first: Annotated[AwareDatetime | None, Query(alias="from", description="Planned at or after this instant")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="Planned before this instant")] = None,
    unseen: Annotated[bool, Query(description="Only bad ones that nobody has acknowledged")] = False,
    cursor: Annotated[str | None, Query(max_length=100, description="next_cursor of the page before")] = None,
    limit: Limit = 100,
) -> Runs:
    """Return a page of runs: every planned time that has come, with what became of it and why."""
    wanted = RunFilter(tuple(state), schedule, first, until, unseen)
    return Runs.model_validate(console.schedules.runs.list(wanted, cursor, limit))


@router.get("/summary")
def summarise_day(
    console: Console, day: Annotated[date | None, Query(description="A day of the desk; absent: today")] = None
) -> DaySummary:
    """Return expected against done on one day of the desk."""
    return console.schedules.runs.day_summary(day)


@router.get("/{run_id}", responses=documented(404))
def get_run(run_id: RunId, console: Console) -> RunInfo:
    """Return one run."""
    return console.schedules.runs.get(run_id)


@router.post("/{run_id}/acknowledge", responses=documented(404))
def acknowledge_run(run_id: RunId, console: Console, asker: Asker, reason: GivenReason) -> RunInfo:
    """Say that a bad run was seen, so that it is counted no more."""
    console.schedules.runs.acknowledge([run_id], by=asker, reason=reason)
    return console.schedules.runs.get(run_id)
