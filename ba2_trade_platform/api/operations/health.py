"""Probe endpoints: liveness, readiness and Prometheus metrics, for machines that watch the console."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from ba2_trade_platform.api.http.dependencies import Console
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.monitoring.job_list import BOUND
from ba2_trade_platform.core.operations.health_report import Report, State
from ba2_trade_platform.vocabulary import Status

router = APIRouter(tags=["health"])
NUMBERS = {
    "claim_lag": ("ba2_claim_lag_seconds", "How long the analysis that is due for the longest has waited"),
    "oldest": ("ba2_oldest_pending_seconds", "Age of the oldest pending analysis"),
    "worker_loop": ("ba2_worker_loop_lag_seconds", "p99 of the last minute"),
    "page_loop": ("ba2_page_loop_lag_seconds", "p99 of the last minute"),
    "scheduler": ("ba2_scheduler_running", "1 while the scheduler runs"),
    "database": ("ba2_database_bytes", "Size of the database"),
    "wal": ("ba2_wal_bytes", "Size of its write-ahead log"),
    "free_pages": ("ba2_database_free_bytes", "Room inside of the database that is used again"),
    "disk": ("ba2_disk_free_bytes", "Room on the disk of the data folder"),
    "backup_disk": ("ba2_backup_disk_free_bytes", "Room on the disk of the backups"),
    "backup": ("ba2_backup_age_seconds", "Age of the newest verified backup; absent without one"),
    "providers": ("ba2_providers_held", "Providers whose retries wait"),
    "notifications": ("ba2_notifications_failed", "Messages of the last day that never went out"),
    "memory": ("ba2_memory_bytes", "Memory of this process"),
    "uptime": ("ba2_uptime_seconds", "Seconds since the console was put together"),
    "pages": ("ba2_open_pages", "Pages that are open"),
}


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
            console.store.feed.listeners,
        ),
        ("ba2_stale_results_total", "counter", "Late results that were discarded", status.stale_results),
        ("ba2_rescued_total", "counter", "Analyses taken over from a dead worker", status.rescued),
        ("queue_depth", "gauge", f"Analyses that wait or run {capped}", waiting + at_work),
        ("slots", "gauge", "Analyses that may run at once", state.slots),
    ]
    lines = [f"# HELP {name} {text}\n# TYPE {name} {kind}\n{name} {value}\n" for name, kind, text, value in numbers]
    lines += _health_lines(console.operations.health.read())
    counted = console.telemetry.metrics.exposition()
    return PlainTextResponse("".join(lines) + counted, media_type="text/plain; version=0.0.4")


def _count(console: Platform, status: Status) -> int:
    return console.monitoring.jobs.count(Filter(status=(status,)))


def _health_lines(report: Report) -> list[str]:
    known = [(*NUMBERS[item.key], item.number) for item in report.items if item.key in NUMBERS]
    rows = [(name, text, number) for name, text, number in known if number is not None]
    rows.append(("ba2_health_bad", "Items of the page Health that need a person now", len(report.bad)))
    rows.append(
        ("ba2_health_warn", "Items to watch", sum(item.state is State.WARN for item in report.items)),
    )
    return [f"# HELP {name} {text}\n# TYPE {name} gauge\n{name} {number:g}\n" for name, text, number in rows]
