"""Whether the console lives and can work, and its numbers, for whoever watches machines."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from ba2_trade_platform.api.dependencies import Console
from ba2_trade_platform.app import Platform
from ba2_trade_platform.core.errors import Unavailable
from ba2_trade_platform.core.monitor import BOUND, Filter, Status

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Whether all is well, and if not, why."""

    ok: bool
    version: str
    reasons: list[str]


@router.get("/healthz")
def healthz(console: Console) -> Health:
    """Tell that the console lives."""
    return Health(ok=True, version=console.version, reasons=[])


@router.get("/readyz", responses={503: {"model": Health, "description": "It cannot work just now", "content": {}}})
def readyz(console: Console, response: Response) -> Health:
    """Tell whether the console can work: its worker runs, and its database can be written."""
    reasons = _obstacles(console)
    response.status_code = 503 if reasons else 200
    return Health(ok=not reasons, version=console.version, reasons=reasons)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(console: Console) -> PlainTextResponse:
    """Return the console's numbers in Prometheus' text format."""
    state, status = console.queue.state(), console.worker.status
    capped = f"(ends at {BOUND + 1}, which stands for more)"
    waiting, at_work = _count(console, Status.PENDING), _count(console, Status.RUNNING)
    numbers = [
        ("ba2_pending_analyses", "gauge", f"Analyses that wait {capped}", waiting),
        ("ba2_running_analyses", "gauge", f"Analyses that run {capped}", at_work),
        ("ba2_failed_analyses", "gauge", f"Analyses that stand as failed {capped}", _count(console, Status.FAILED)),
        ("ba2_slots", "gauge", "Analyses that may run at once", state.slots),
        ("ba2_slots_busy", "gauge", "Slots that are taken, by experts that do not stop too", status.busy),
        ("ba2_queue_paused", "gauge", "1 while nothing new is started", int(state.paused)),
        ("ba2_worker_running", "gauge", "1 while the worker runs", int(status.running)),
        ("ba2_storage_trouble", "gauge", "1 while the worker cannot write", int(status.storage_problem is not None)),
        (
            "ba2_change_listeners",
            "gauge",
            "Who listens for changes: services, and one for all open pages",
            console.feed.listeners,
        ),
        ("ba2_stale_results_total", "counter", "Late results that were discarded", status.stale_results),
        ("ba2_rescued_total", "counter", "Analyses taken over from a dead worker", status.rescued),
        ("queue_depth", "gauge", f"Analyses that wait or run {capped}", waiting + at_work),
        ("slots", "gauge", "Analyses that may run at once", state.slots),
    ]
    lines = [f"# HELP {name} {text}\n# TYPE {name} {kind}\n{name} {value}\n" for name, kind, text, value in numbers]
    counted = console.telemetry.metrics.exposition()
    return PlainTextResponse("".join(lines) + counted, media_type="text/plain; version=0.0.4")


def _count(console: Platform, status: Status) -> int:
    return console.monitor.count(Filter(status=(status,)))


def _obstacles(console: Platform) -> list[str]:
    status = console.worker.status
    reasons = [] if status.running else ["the worker does not run"]
    if status.storage_problem:
        reasons.append(status.storage_problem)
    try:
        console.store.check()
    except Unavailable as error:
        reasons.append(str(error))
    return list(dict.fromkeys(reasons))
