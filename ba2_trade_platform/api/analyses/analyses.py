"""Analysis endpoints: submit, list, cancel, run again and delete, and both verbs of a waiting retry."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from ba2_trade_platform.api.http.answers import Answer, Page
from ba2_trade_platform.api.http.dependencies import AnalysisId, Asker, Console, GivenReason, RequestBody
from ba2_trade_platform.api.http.fields import (
    DIGITS,
    MAX_ID,
    AsOf,
    Flag,
    Moment,
    Number,
    Place,
    QueryFlag,
    QueryId,
    Real,
    RowId,
    SymbolText,
    UtcMoment,
    said,
)
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.analyses.queue_service import MAX_PRIORITY, Submitted
from ba2_trade_platform.core.analyses.service import Done
from ba2_trade_platform.core.monitoring.job_list import MAX_LIMIT, SORTS, AnalysisRow
from ba2_trade_platform.vocabulary import ItemOutcome, Signal, Source, Status, Subtype

router = APIRouter(tags=["analyses"])
SORT_ORDERS = [sign + name for name in SORTS for sign in ("", "-")]
RERUN_ONLY = "Only those with more than one attempt"


class SubmissionBody(RequestBody):
    """One analysis to be made; `as_of` absent means the market's present when it starts."""

    expert_instance_id: RowId
    symbol: SymbolText
    subtype: Subtype = Subtype.ENTER_MARKET
    as_of: AsOf | None = None
    priority: Annotated[Number, Field(description="Lower is sooner"), said(minimum=0, maximum=MAX_PRIORITY)] = 0
    run_before: Moment | None = None


class Queued(Answer, of=Submitted):
    """The answer to a submission: a new analysis, or the one that is already under way."""


class Carried(Answer, of=Done):
    """A verb that was carried out."""


class AnalysisPage(Page[AnalysisRow, str | None]):
    """One page of analyses; `next_cursor` absent: no more. `bounded`: sorted among the newest 10,000 matches only."""

    bounded: bool


class AnalysisFilterBody(RequestBody):
    """Which analyses; what is not given is not asked."""

    status: Annotated[list[Status], Field(max_length=6, description="Any of these")] = []
    expert: Annotated[RowId | None, Field(description="Id of the expert instance")] = None
    symbol: Annotated[str | None, Field(max_length=80)] = None
    subtype: Subtype | None = None
    action: Annotated[Signal | None, Field(description="What was recommended")] = None
    source: Source | None = None
    code: Annotated[str | None, Field(max_length=40, description="Failure code, for example RATE_LIMIT")] = None
    fingerprint: Annotated[str | None, Field(max_length=64, description="Of the present failure")] = None
    batch: RowId | None = None
    rerun_only: Annotated[Flag, Field(description=RERUN_ONLY)] = False
    slower_than: Annotated[Real | None, Field(ge=0, le=1e9, description="Seconds")] = None
    q: Annotated[str | None, Field(max_length=200, description="Text in the error")] = None
    finished_since: Annotated[UtcMoment | None, Field(description="Ended at this instant or later")] = None
    bulk: Annotated[RowId | None, Field(description="Items of this bulk re-run")] = None
    bulk_outcome: Annotated[ItemOutcome | None, Field(description="Those that ended like this in it")] = None

    def filter(self) -> Filter:
        """Return this as the services' filter."""
        fields = self.model_dump(include=set(AnalysisFilterBody.model_fields), exclude={"slower_than", "q"})
        return Filter(
            **fields | {"status": tuple(self.status), "slower_than_seconds": self.slower_than, "text": self.q}
        )


class AnalysisQuery(AnalysisFilterBody):
    """Which analyses, in which order."""

    # A parameter is text, of which a number or a truth is read; in a body it is one.
    expert: Annotated[QueryId | None, Field(description="Id of the expert instance")] = None
    batch: QueryId | None = None
    rerun_only: Annotated[QueryFlag, Field(description=RERUN_ONLY)] = False
    slower_than: Annotated[float | None, Field(ge=0, le=1e9, allow_inf_nan=False, description="Seconds")] = None
    bulk: Annotated[QueryId | None, Field(description="Items of this bulk re-run")] = None
    sort: Annotated[str, Field(max_length=40, description="With - in front descending"), said(enum=SORT_ORDERS)] = "-id"
    cursor: Place | None = None
    limit: Annotated[int, Field(ge=-MAX_ID, le=MAX_ID), DIGITS, said(minimum=1, maximum=MAX_LIMIT)] = 50


_QUEUED: dict[int | str, dict[str, Any]] = {
    200: {"model": Queued, "description": "Already under way"},
    **documented(404, 409),
}


@router.post("/analyses", status_code=202, responses=_QUEUED)
def submit(body: SubmissionBody, console: Console, asker: Asker, response: Response) -> Queued:
    """Queue one analysis, or answer with the one that is already pending or running."""
    submitted = console.queue.submit_analysis_task(**body.model_dump(), by=asker, source=Source.API)
    response.status_code = 200 if submitted.is_duplicate else 202
    return Queued.model_validate(submitted)


@router.get("/analyses", responses=documented(409))
def list_analyses(wanted: Annotated[AnalysisQuery, Query()], console: Console) -> AnalysisPage:
    """Return a page of analyses, newest first unless told otherwise."""
    page = console.monitoring.jobs.page(
        wanted.filter(),
        sort=wanted.sort.removeprefix("-"),
        descending=wanted.sort.startswith("-"),
        cursor=wanted.cursor,
        limit=wanted.limit,
    )
    return AnalysisPage.model_validate(page)


@router.get("/analyses/{analysis_id:int}", responses=documented(404))
def get_analysis(analysis_id: AnalysisId, console: Console) -> AnalysisRow:
    """Return one analysis, with its whole error message."""
    return console.monitoring.details.row(analysis_id)


@router.delete("/analyses/{analysis_id:int}", status_code=204, responses=documented(404))
def delete_analysis(analysis_id: AnalysisId, console: Console, asker: Asker) -> None:
    """Remove an analysis and all that hangs on it; what runs is cancelled first."""
    console.analyses.delete(analysis_id, by=asker)


@router.post("/analyses/{analysis_id:int}/cancel", status_code=202, responses=documented(404, 409))
def cancel(analysis_id: AnalysisId, console: Console, asker: Asker, reason: GivenReason) -> Carried:
    """End a pending or running analysis now; its expert is stopped."""
    return Carried.model_validate(console.analyses.cancel(analysis_id, by=asker, reason=reason))


@router.post("/analyses/{analysis_id:int}/run-now", status_code=202, responses=documented(404, 409))
def run_now(analysis_id: AnalysisId, console: Console, asker: Asker, reason: GivenReason) -> Carried:
    """Run an analysis at once that waits for its automatic retry."""
    return Carried.model_validate(console.waiting_retries.run_now(analysis_id, by=asker, reason=reason))


@router.post("/analyses/{analysis_id:int}/stop-retrying", status_code=202, responses=documented(404, 409))
def stop_retrying(analysis_id: AnalysisId, console: Console, asker: Asker, reason: GivenReason) -> Carried:
    """Let an analysis that waits for its automatic retry stand failed, as its last attempt ended."""
    return Carried.model_validate(console.waiting_retries.stop(analysis_id, by=asker, reason=reason))


@router.post("/analyses/{analysis_id:int}/run-again", status_code=202, responses=_QUEUED)
def run_again(analysis_id: AnalysisId, console: Console, asker: Asker, response: Response) -> Queued:
    """Queue a new analysis like this finished one."""
    submitted = console.analyses.run_again(analysis_id, by=asker, source=Source.API)
    response.status_code = 200 if submitted.is_duplicate else 202
    return Queued.model_validate(submitted)
