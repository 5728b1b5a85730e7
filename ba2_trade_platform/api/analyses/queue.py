"""Queue endpoints: read the queue's switches and counts, pause, resume and set its slots."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, GivenReason, RequestBody
from ba2_trade_platform.api.http.fields import Number, said
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.analyses.queue_service import MAX_SLOTS, QueueState
from ba2_trade_platform.vocabulary import Status

router = APIRouter(prefix="/queue", tags=["queue"])


class SlotsBody(RequestBody):
    """How many analyses may run at once."""

    count: Annotated[Number, said(minimum=1, maximum=MAX_SLOTS)]


class Queue(Answer, of=QueueState):
    """The queue's switches, and how much is in it; counts end at 10,001, which stands for more."""

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
def pause(console: Console, asker: Asker, reason: GivenReason) -> Queue:
    """Start nothing new; what runs goes on."""
    console.queue.pause(by=asker, reason=reason)
    return _queue(console)


@router.post("/resume")
def resume(console: Console, asker: Asker, reason: GivenReason) -> Queue:
    """Start analyses again."""
    console.queue.resume(by=asker, reason=reason)
    return _queue(console)


@router.put("/slots")
def set_slots(body: SlotsBody, console: Console, asker: Asker) -> Queue:
    """Say how many analyses may run at once; survives a restart."""
    console.queue.set_slots(body.count, by=asker)
    return _queue(console)


def _queue(console: Platform) -> Queue:
    worker, jobs = console.worker.status, console.monitoring.jobs
    counts = {
        status.value: jobs.count(Filter(status=(status,))) for status in (Status.PENDING, Status.RUNNING, Status.FAILED)
    }
    return Queue(
        **vars(console.queue.state()),
        busy=worker.busy,
        stopping=sorted(worker.stopping),
        **counts,
        storage_problem=worker.storage_problem,
    )
