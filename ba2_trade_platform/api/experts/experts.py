"""Expert endpoints: list the experts with their settings' schema, and configure instances."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from ba2_trade_platform.api.http.answers import Items
from ba2_trade_platform.api.http.dependencies import MAX_ID, Asker, Console, RequestBody
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.experts.instances import ExpertInfo, Instance

router = APIRouter(tags=["experts"])
Alias = Annotated[str, Field(max_length=200, examples=["Technical rules"])]
Count = Annotated[int, Field(strict=True)]
Settings = Annotated[dict[str, Any], Field(max_length=100)]


class Limits(RequestBody):
    """What an instance may use; absent: as it is, or the default."""

    enabled: bool | None = None
    max_concurrent: Annotated[Count | None, Field(description="Analyses at once, 1 to 256")] = None
    max_reruns: Annotated[
        Count | None, Field(description="Re-runs of one analysis by persons, 0 to 100; more need an override")
    ] = None
    max_retries: Annotated[
        Count | None, Field(description="Automatic retries of transient failures, 0 to 20, anew for each re-run")
    ] = None
    retry_base_seconds: Annotated[float | None, Field(description="Longest wait before the first retry, s")] = None
    retry_cap_seconds: Annotated[float | None, Field(description="Longest wait before any retry, s")] = None
    timeout_seconds: Annotated[float | None, Field(description="Limit of one attempt, 0.1 to 86400 s")] = None


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
def instances(console: Console, archived: bool = False) -> Items[Instance]:
    """Return the configured experts by alias; archived ones on request."""
    return Items(items=console.experts.list(archived=archived))


@router.post("/expert-instances", status_code=201, responses=documented(409))
def create_instance(body: NewInstance, console: Console, asker: Asker) -> Instance:
    """Configure an expert under a new alias."""
    limits = body.model_dump(exclude={"expert", "alias", "settings"})
    return console.experts.create(body.expert, body.alias, body.settings, by=asker, **limits)


@router.patch("/expert-instances/{instance_id}", responses=documented(404, 409))
def change_instance(
    instance_id: Annotated[int, Path(ge=1, le=MAX_ID)], body: ChangedInstance, console: Console, asker: Asker
) -> Instance:
    """Change an instance; what is absent stays as it is."""
    return console.experts.update(instance_id, by=asker, **body.model_dump())
