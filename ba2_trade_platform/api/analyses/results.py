"""Result endpoints: attempts, steps, outputs, calls, outlook and recommendation of one analysis."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from ba2_trade_platform.api.http.answers import Items
from ba2_trade_platform.api.http.dependencies import AnalysisId, Console
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.models.costs import Call
from ba2_trade_platform.core.monitoring.attempt_diffs import AttemptDiff
from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.core.monitoring.details import Archived, Output, Recommendation, Step
from ba2_trade_platform.core.monitoring.rerun_outlook import RerunOutlook
from ba2_trade_platform.core.monitoring.timelines import Moment

router = APIRouter(prefix="/analyses/{analysis_id:int}", tags=["results"], responses=documented(404))
Number = Annotated[int, Path(ge=1, le=MAX_ID, description="An attempt"), DIGITS]


@router.get("/attempts")
def attempts(analysis_id: AnalysisId, console: Console) -> Items[Attempt]:
    """Return all attempts, newest first: who, why, when, how long, outcome."""
    return Items(items=console.monitoring.details.attempts(analysis_id))


@router.get("/attempts/{number:int}/archive")
def archive(analysis_id: AnalysisId, number: Number, console: Console) -> Archived:
    """Return what an earlier attempt left before it was purged, and its traceback; packed away or not."""
    if not any(attempt.number == number for attempt in console.monitoring.details.attempts(analysis_id)):
        raise NotFound(f"Analysis {analysis_id} has no attempt {number}")
    return console.monitoring.details.archive(analysis_id, number)


@router.get("/attempts/{number:int}/diff/{other:int}", responses=documented(409))
def diff(analysis_id: AnalysisId, number: Number, other: Number, console: Console) -> AttemptDiff:
    """Return what differs between two attempts: facts, recommendation, settings and each output, line by line."""
    return console.monitoring.details.compare(analysis_id, number, other)


@router.get("/timeline")
def timeline(analysis_id: AnalysisId, console: Console) -> Items[Moment]:
    """Return the states that the analysis went through and what was done to it, oldest first, with their times."""
    return Items(items=console.monitoring.details.timeline(analysis_id))


@router.get("/steps")
def steps(analysis_id: AnalysisId, console: Console) -> Items[Step]:
    """Return the newest attempt's steps in their order."""
    return Items(items=console.monitoring.details.steps(analysis_id))


@router.get("/calls")
def calls(analysis_id: AnalysisId, console: Console) -> Items[Call]:
    """Return the model calls of all attempts, newest first, 1,000 at most; those of a deleted analysis too."""
    return Items(items=console.models.costs.calls(analysis_id))


@router.get("/outputs")
def outputs(analysis_id: AnalysisId, console: Console) -> Items[Output]:
    """Return what the newest attempt wrote; the texts are markdown to be sanitised before they are shown."""
    return Items(items=console.monitoring.details.outputs(analysis_id))


@router.get("/verdict")
def verdict(analysis_id: AnalysisId, console: Console) -> RerunOutlook:
    """Return whether a re-run of this failed analysis is worth it, with the evidence."""
    outlook = console.monitoring.outlook.of([console.monitoring.details.row(analysis_id)]).get(analysis_id)
    if outlook is None:
        raise NotFound(f"Analysis {analysis_id} has no failure to be judged", code="NO_VERDICT")
    return outlook


@router.get("/recommendation")
def recommendation(analysis_id: AnalysisId, console: Console) -> Recommendation:
    """Return the newest attempt's recommendation."""
    found = console.monitoring.details.recommendation(analysis_id)
    if found is None:
        raise NotFound(f"Analysis {analysis_id} has no recommendation", code="NO_RECOMMENDATION")
    return found
