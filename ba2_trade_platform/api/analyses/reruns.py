"""Re-run endpoints: plan a re-run, and accept it as planned."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import AnalysisId, Asker, Console, GivenReason, ReasonBody, RequestBody
from ba2_trade_platform.api.http.fields import Flag
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.analyses.rerun import RerunAccepted
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions, RerunPlan
from ba2_trade_platform.core.analyses.withdrawal import Withdrawn
from ba2_trade_platform.vocabulary import Mode

router = APIRouter(prefix="/analyses/{analysis_id:int}", tags=["re-runs"])


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# A name may look like a number, and a number is a place: both are sent as they are and told apart by the service.
Step = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(max_length=200, description="For from_step and only: a step's name, or its place, counted from 1"),
]
Attempt = Annotated[int, Field(ge=1, le=1_000_000)]
Config = Annotated[
    Literal["current", "original"] | Attempt,
    Field(description="The expert's present settings, those of the first attempt, or those of attempt n"),
]
Provider = Annotated[str, Field(min_length=1, max_length=80)]


class RerunFields(RequestBody):
    """Which part is to be done again, and with what."""

    mode: Mode = Mode.FRESH
    step: Step | None = None
    config: Config = "current"
    provider: Annotated[Provider | None, Field(description="Ask only this one")] = None
    exclude_providers: Annotated[list[Provider], Field(max_length=20, description="Ask none of these")] = []


class RerunBody(RerunFields, ReasonBody):
    """How a failed analysis is done again."""

    plan_hash: Annotated[str | None, Field(max_length=64, description="Only if the plan still is this one")] = None
    override: Annotated[Flag, Field(description="Past the limit of re-runs; needs a reason")] = False
    acknowledge: Annotated[Flag, Field(description="Although something acts on the recommendation; needs a reason")] = (
        False
    )


class RerunQueued(Answer, of=RerunAccepted):
    """A re-run that was accepted."""

    sentence: str


class RerunWithdrawn(Answer, of=Withdrawn):
    """A re-run that was withdrawn."""

    sentence: str


def _options(sent: RerunFields) -> RerunOptions:
    given = sent.model_dump(include={"mode", "step", "provider"})
    return RerunOptions(**given, config=str(sent.config), exclude_providers=tuple(sent.exclude_providers))


@router.get("/rerun-plan", responses=documented(404, 409))
def rerun_plan(analysis_id: AnalysisId, wanted: Annotated[RerunFields, Query()], console: Console) -> RerunPlan:
    """Return what a re-run would do now, step by step, and the hash that holds a re-run to it."""
    return console.analyses.rerun_plan(analysis_id, _options(wanted))


@router.post("/rerun", status_code=202, responses=documented(404, 409, 429))
def rerun(analysis_id: AnalysisId, console: Console, asker: Asker, body: RerunBody | None = None) -> RerunQueued:
    """Archive what the failed attempt left, and queue the same analysis again, whole or in part."""
    sent = body or RerunBody()
    asked = sent.model_dump(include={"reason", "plan_hash", "override", "acknowledge"})
    accepted = console.analyses.rerun(analysis_id, by=asker, options=replace(_options(sent), **asked))
    return RerunQueued.model_validate(accepted)


@router.post("/withdraw", responses=documented(404, 409))
def withdraw(analysis_id: AnalysisId, console: Console, asker: Asker, reason: GivenReason) -> RerunWithdrawn:
    """Undo a re-run that no worker has claimed yet: the analysis stands failed, as it was before."""
    return RerunWithdrawn.model_validate(console.analyses.withdraw(analysis_id, by=asker, reason=reason))
