"""Route dependencies: give every route the services, the asking actor and ids the database can hold."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.actors import Actor

MAX_ID = 2**63 - 1


def _console(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


def _asker(request: Request) -> Actor:
    actor: Actor = request.app.state.actor
    return actor


Console = Annotated[Platform, Depends(_console)]
Asker = Annotated[Actor, Depends(_asker)]
RowId = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]
AnalysisId = Annotated[int, Path(ge=1, le=MAX_ID, description="The analysis")]
Reason = Annotated[str, Field(max_length=500, description="Why, in the trader's words; kept in the activity log")]


class RequestBody(BaseModel):
    """What a client may send: a field that is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class ReasonBody(RequestBody):
    """Why something is done."""

    reason: Reason | None = None
