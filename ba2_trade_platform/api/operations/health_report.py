"""Health endpoints: the report item by item, the list of attention, and the dead man's switch."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import WHOLE, Flag, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.operations import dead_man_switch as switch
from ba2_trade_platform.core.operations import health_report as report
from ba2_trade_platform.core.operations.attention import AttentionItem

router = APIRouter(tags=["health"])


class AttentionAnswer(Answer):
    """Every source, also those of which nothing waits; `total` is their sum."""

    items: list[AttentionItem]
    total: int


class HealthItem(Answer, of=report.Item):
    """One thing that was looked at; `number` is `value` in seconds, bytes or pieces, where it is a number."""

    group: str


class HealthReport(Answer, of=report.Report):
    """The whole: its state is the worst of its items, `text` is the same for a bug report, without secrets."""

    state: report.State
    sentence: str
    items: list[HealthItem]
    text: str


class Ping(Answer, of=switch.Ping):
    """The last ping; `error` is empty when the server took it."""


class HeartbeatState(Answer, of=switch.DeadManSwitchState):
    """The dead man's switch; `host` is all that is told of its URL."""

    last: Ping | None
    sentence: str


class HeartbeatBody(RequestBody):
    """Where to ping, null for nowhere; write-only. `tell_failure`: POST the reasons to URL/fail when not ready."""

    url: Annotated[str | None, Field(max_length=500), said(pattern=r"^([Hh][Tt][Tt][Pp][Ss]?://[\s\S]*)?$")]
    every_seconds: Annotated[int, Field(strict=True, ge=switch.SHORTEST, le=switch.LONGEST), WHOLE] = (
        switch.EVERY_SECONDS
    )
    tell_failure: Flag = False


@router.get("/attention")
def get_attention(console: Console) -> AttentionAnswer:
    """Say what needs a person: failures, alerts, runs of schedules, breakers, health."""
    items = console.operations.attention.read()
    return AttentionAnswer(items=list(items), total=sum(item.count for item in items))


@router.get("/health")
def read_health(console: Console) -> HealthReport:
    """Tell how everything stands that the desk needs to run by itself; at most three seconds old."""
    return HealthReport.model_validate(console.operations.health.read())


@router.get("/heartbeat")
def read_heartbeat(console: Console) -> HeartbeatState:
    """Tell how the dead man's switch stands."""
    return HeartbeatState.model_validate(console.operations.dead_man_switch.state)


@router.put("/heartbeat", responses=documented(409))
def change_heartbeat(body: HeartbeatBody, console: Console, asker: Asker) -> HeartbeatState:
    """Ping this URL while the console can work."""
    return HeartbeatState.model_validate(console.operations.dead_man_switch.change(by=asker, **body.model_dump()))


@router.post("/heartbeat/test", responses=documented(409))
def test_heartbeat(console: Console, asker: Asker) -> HeartbeatState:
    """Ping now, and tell how it went."""
    return HeartbeatState.model_validate(console.operations.dead_man_switch.test(by=asker))
