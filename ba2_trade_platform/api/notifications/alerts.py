"""Alert endpoints: list alerts and acknowledge one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict

from ba2_trade_platform.api.http.dependencies import MAX_ID, Asker, Console, ReasonBody
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.notifications.alerts import Alert

router = APIRouter(prefix="/alerts", tags=["alerts"])
AlertId = Annotated[int, Path(ge=1, le=MAX_ID, description="The alert")]


class AlertAnswers(BaseModel):
    """One page of alerts, and how many wait to be acknowledged in all."""

    model_config = ConfigDict(from_attributes=True)

    items: list[Alert]
    next_cursor: int | None
    unacknowledged: int


@router.get("")
def list_alerts(
    console: Console,
    acknowledged: Annotated[bool | None, Query(description="false: only those that wait")] = None,
    cursor: Annotated[int | None, Query(ge=1, le=MAX_ID, description="next_cursor of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> AlertAnswers:
    """Return alerts, newest first."""
    page = console.notifications.alerts.history(acknowledged, cursor, limit)
    waiting = console.notifications.alerts.unacknowledged().count
    return AlertAnswers(items=list(page.items), next_cursor=page.next_cursor, unacknowledged=waiting)


@router.post("/{alert_id}/acknowledge", responses=documented(404))
def acknowledge_alert(alert_id: AlertId, body: ReasonBody, console: Console, asker: Asker) -> Alert:
    """Take an alert off the pages; one that somebody has acknowledged before stays as he left it."""
    return console.notifications.alerts.acknowledge([alert_id], by=asker, reason=body.reason)[0]
