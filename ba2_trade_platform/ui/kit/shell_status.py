"""Shell status: counts and switches of the whole desk, read once for all pages that ask together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.queue_service import QueueState
from ba2_trade_platform.core.base.clocks import day_start
from ba2_trade_platform.core.failures.breakers import Breaker
from ba2_trade_platform.core.monitoring.job_list import Counts
from ba2_trade_platform.core.notifications.alerts import Unacknowledged
from ba2_trade_platform.core.worker.worker import WorkerStatus
from ba2_trade_platform.demo.demo import DemoState
from ba2_trade_platform.ui.kit.feedback import off_loop

T = TypeVar("T")


class ShellStatus(NamedTuple):
    """The desk's counts and switches."""

    counts: Counts
    queue: QueueState
    worker: WorkerStatus
    demo: DemoState
    breakers: tuple[Breaker, ...]
    needs_person: int
    unwell: int
    alerts: Unacknowledged
    unacknowledged_runs: int


def read_shell_status(platform: Platform) -> ShellStatus:
    """Read everything that the shell shows; blocking."""
    today = day_start(datetime.now(UTC), platform.settings.zone)
    return ShellStatus(
        counts=platform.monitoring.jobs.counts(today),
        queue=platform.queue.state(),
        worker=platform.worker.status,
        demo=platform.demo.desk.state(),
        breakers=tuple(platform.breakers.active()),
        needs_person=platform.monitoring.failures.needs_person(),
        unwell=platform.operations.health.bad_count,
        alerts=platform.notifications.alerts.unacknowledged(),
        unacknowledged_runs=platform.schedules.runs.unacknowledged(),
    )


class SharedReading(Generic[T]):
    """Reads off the loop, once for everybody who asks while the reading before is under way.

    Nobody is given what was read before he asked: what he has just been told of may not be in it.
    """

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._at_work: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return what a reading that began after this call has found; raises what it raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._after(self._at_work), name="shared reading")
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._at_work, self._next = self._next, None
        return await off_loop(self._read)
