"""Queue endpoints: read the queue's switches and counts, pause, resume and set its slots."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ba2_trade_platform.api.http.dependencies import Asker, Console, ReasonBody, RequestBody
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.vocabulary import Status

router = APIRouter(prefix="/queue", tags=["queue"])


class SlotsBody(RequestBody):
    """How many analyses may run at once."""

    count: Annotated[int, Field(strict=True, description="1 to 256")]


class Queue(BaseModel):
    """The queue's switches, and how much is in it; counts end at 10,001, which stands for more."""

    paused: bool
    reason: str | None
    actor: str | None
    since: datetime | None
    slots: int
    busy: int
    stopping: list[int]
    pending: int
    running: int
    failed: int
    storage_problem: str | None


@router.get("")
def get_queue(console: Console) -> Queue:
    """Return the queue's switches and numbers."""
    return _queue(console)


@router.post("/pause")
def pause(console: Console, asker: Asker, body: ReasonBody | None = None) -> Queue:
    """Start nothing new; what runs goes on."""
    console.queue.pause(by=asker, reason=body.reason if body else None)
    return _queue(console)


@router.post("/resume")
def resume(console: Console, asker: Asker, body: ReasonBody | None = None) -> Queue:
    """Start analyses again."""
    console.queue.resume(by=asker, reason=body.reason if body else None)
    return _queue(console)


@router.put("/slots")
def set_slots(body: SlotsBody, console: Console, asker: Asker) -> Queue:
    """Say how many analyses may run at once; survives a restart."""
    console.queue.set_slots(body.count, by=asker)
    return _queue(console)


def _queue(console: Platform) -> Queue:
    state, status = console.queue.state(), console.worker.status
    return Queue(
        paused=state.paused,
        reason=state.reason,
        actor=state.actor,
        since=state.since,
        slots=state.slots,
        busy=status.busy,
        stopping=sorted(status.stopping),
        pending=console.monitoring.jobs.count(Filter(status=(Status.PENDING,))),
        running=console.monitoring.jobs.count(Filter(status=(Status.RUNNING,))),
        failed=console.monitoring.jobs.count(Filter(status=(Status.FAILED,))),
        storage_problem=status.storage_problem,
    )
