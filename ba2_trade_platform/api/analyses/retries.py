"""Retry statistics endpoint: success, waiting, recovery and waste of re-runs and retries."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from ba2_trade_platform.api.http.dependencies import Console
from ba2_trade_platform.api.http.fields import QueryId
from ba2_trade_platform.core.monitoring.retry_statistics import Statistics

router = APIRouter(prefix="/retries", tags=["retries"])
Window = Annotated[Literal["24h", "7d", "30d"], Query(description="The last 24 hours, 7 or 30 days")]
Expert = Annotated[QueryId | None, Query(description="Id of the expert instance; absent: all")]


@router.get("/statistics")
def statistics(console: Console, window: Window = "24h", expert: Expert = None) -> Statistics:
    """Return success, waiting, recovery and waste of re-runs and retries; hours of the day are the desk's."""
    return console.monitoring.retries.read(window, expert, console.settings.zone)
