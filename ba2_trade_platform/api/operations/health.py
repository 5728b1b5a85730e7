"""Probe endpoints: liveness, readiness and Prometheus metrics, for machines that watch the console."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from ba2_trade_platform.api.http.dependencies import Console

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Whether all is well, and if not, why."""

    ok: bool
    version: str
    reasons: list[str]


@router.get("/healthz")
async def healthz(console: Console) -> Health:  # on the loop itself: the threads may all wait for the database
    """Tell that the console lives."""
    return Health(ok=True, version=console.version, reasons=[])


@router.get("/readyz", responses={503: {"model": Health, "description": "It cannot work just now", "content": {}}})
def readyz(console: Console, response: Response) -> Health:
    """Tell whether the console can work: worker, scheduler, schema, room on the disk, a database to be written."""
    reasons = list(console.operations.health.obstacles())
    response.status_code = 503 if reasons else 200
    return Health(ok=not reasons, version=console.version, reasons=reasons)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(console: Console) -> PlainTextResponse:
    """Return the console's numbers in Prometheus' text format."""
    return PlainTextResponse(console.telemetry.metrics.exposition(), media_type="text/plain; version=0.0.4")
