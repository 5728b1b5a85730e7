"""Health endpoints: the report item by item, and the dead man's switch."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.operations.dead_man_switch import EVERY_SECONDS, LONGEST, SHORTEST
from ba2_trade_platform.core.operations.health_report import State

router = APIRouter(tags=["health"])


class HealthItem(BaseModel):
    """One thing that was looked at; `number` is `value` in seconds, bytes or pieces, where it is a number."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    group: str
    label: str
    state: State
    value: str
    sentence: str
    link: str | None
    number: float | None


class HealthReport(BaseModel):
    """The whole: its state is the worst of its items, `text` is the same for a bug report, without secrets."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    state: State
    sentence: str
    items: list[HealthItem]
    versions: dict[str, str]
    text: str


class Ping(BaseModel):
    """The last ping; `error` is empty when the server took it."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    error: str | None


class HeartbeatState(BaseModel):
    """The dead man's switch; `host` is all that is told of its URL."""

    model_config = ConfigDict(from_attributes=True)

    host: str | None
    every_seconds: int
    tell_failure: bool
    last: Ping | None
    last_good_at: datetime | None
    failures: int
    sentence: str


class HeartbeatBody(RequestBody):
    """Where to ping, null for nowhere; write-only. `tell_failure`: POST the reasons to URL/fail when not ready."""

    url: Annotated[str, Field(max_length=500)] | None
    every_seconds: Annotated[int, Field(strict=True, ge=SHORTEST, le=LONGEST)] = EVERY_SECONDS
    tell_failure: bool = False


@router.get("/health")
def read_health(console: Console) -> HealthReport:
    """Tell how everything stands that the desk needs to run by itself; at most three seconds old."""
    return HealthReport.model_validate(console.operations.health.read())


@router.get("/heartbeat")
def read_heartbeat(console: Console) -> HeartbeatState:
    """Tell how the dead man's switch stands."""
    return HeartbeatState.model_validate(console.operations.dead_man_switch.state)


@router.put("/heartbeat")
def change_heartbeat(body: HeartbeatBody, console: Console, asker: Asker) -> HeartbeatState:
    """Ping this URL while the console can work."""
    changed = console.operations.dead_man_switch.change(
        body.url, by=asker, every_seconds=body.every_seconds, tell_failure=body.tell_failure
    )
    return HeartbeatState.model_validate(changed)


@router.post("/heartbeat/test", responses=documented(409))
def test_heartbeat(console: Console, asker: Asker) -> HeartbeatState:
    """Ping now, and tell how it went."""
    return HeartbeatState.model_validate(console.operations.dead_man_switch.test(by=asker))
