"""Expert endpoints: list the experts with their settings' schema, and configure instances."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from ba2_trade_platform.api.http.answers import Items
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, Flag, Name, Number, QueryFlag, Real, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.experts.instances import LIMITS, ExpertInfo, Instance

router = APIRouter(tags=["experts"])
Alias = Annotated[Name, Field(examples=["Technical rules"])]
Settings = Annotated[dict[str, Any], Field(max_length=100)]


def _limits(name: str) -> Any:
    low, high = LIMITS[name]
    return said(minimum=low, maximum=high)


class Limits(RequestBody):
    """What an instance may use; absent: as it is, or the default."""

    enabled: Flag | None = None
    max_concurrent: Annotated[Number | None, Field(description="Analyses at once"), _limits("max_concurrent")] = None
    max_reruns: Annotated[
        Number | None,
        Field(description="Re-runs of one analysis by persons; more need an override"),
        _limits("max_reruns"),
    ] = None
    max_retries: Annotated[
        Number | None,
        Field(description="Automatic retries of transient failures, anew for each re-run"),
        _limits("max_retries"),
    ] = None
    retry_base_seconds: Annotated[
        Real | None, Field(description="Longest wait before the first retry, s"), _limits("retry_base_seconds")
    ] = None
    retry_cap_seconds: Annotated[
        Real | None, Field(description="Longest wait before any retry, s"), _limits("retry_cap_seconds")
    ] = None
    timeout_seconds: Annotated[
        Real | None, Field(description="Limit of one attempt, s"), _limits("timeout_seconds")
    ] = None


class NewInstance(Limits):
    """An expert to be configured; its settings' schema is at /experts."""

    expert: Annotated[str, Field(max_length=80, examples=["TechnicalRules"])]
    alias: Alias
    settings: Settings = {}


class ChangedInstance(Limits):
    """What to change; settings are given whole and become a new revision."""

    alias: Alias | None = None
    settings: Settings | None = None


@router.get("/experts")
def experts(console: Console) -> Items[ExpertInfo]:
    """Return the experts that can be configured, with their settings' JSON schema and unmet requirements."""
    return Items(items=console.experts.experts())


@router.get("/expert-instances")
def instances(console: Console, archived: QueryFlag = False) -> Items[Instance]:
    """Return the configured experts by alias; archived ones on request."""
    return Items(items=console.experts.list(archived=archived))


@router.post("/expert-instances", status_code=201, responses=documented(404, 409))
def create_instance(body: NewInstance, console: Console, asker: Asker) -> Instance:
    """Configure an expert under a new alias."""
    limits = body.model_dump(exclude={"expert", "alias", "settings"})
    return console.experts.create(body.expert, body.alias, body.settings, by=asker, **limits)


@router.patch("/expert-instances/{instance_id:int}", responses=documented(404, 409))
def change_instance(
    instance_id: Annotated[int, Path(ge=1, le=MAX_ID), DIGITS], body: ChangedInstance, console: Console, asker: Asker
) -> Instance:
    """Change an instance; what is absent stays as it is."""
    return console.experts.update(instance_id, by=asker, **body.model_dump())
