"""Alert endpoints: list alerts and acknowledge one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from ba2_trade_platform.api.http.answers import Page
from ba2_trade_platform.api.http.dependencies import Asker, Console, IdCursor, Limit, ReasonBody
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, QueryFlag
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.notifications.alerts import Alert

router = APIRouter(prefix="/alerts", tags=["alerts"])
AlertId = Annotated[int, Path(ge=1, le=MAX_ID, description="The alert"), DIGITS]


class AlertAnswers(Page[Alert, int | None]):
    """One page of alerts, and how many wait to be acknowledged in all."""

    unacknowledged: int


@router.get("")
def list_alerts(
    console: Console,
    acknowledged: Annotated[QueryFlag | None, Query(description="false: only those that wait")] = None,
    cursor: IdCursor = None,
    limit: Limit = 100,
) -> AlertAnswers:
    """Return alerts, newest first."""
    page = console.notifications.alerts.history(acknowledged, cursor, limit)
    waiting = console.notifications.alerts.unacknowledged().count
    return AlertAnswers(items=list(page.items), next_cursor=page.next_cursor, unacknowledged=waiting)


@router.post("/{alert_id:int}/acknowledge", responses=documented(404))
def acknowledge_alert(alert_id: AlertId, body: ReasonBody, console: Console, asker: Asker) -> Alert:
    """Take an alert off the pages; one that somebody has acknowledged before stays as he left it."""
    return console.notifications.alerts.acknowledge([alert_id], by=asker, reason=body.reason)[0]
