"""Platforms: consoles in a test's own folder, and waits for their events in place of sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry.trace import TracerProvider

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.core.base.clocks import SchedulingClock
from ba2_trade_platform.core.contracts.experts import ExpertCatalog, Prices, SideEffects
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ActorKind, Status
from tests.databases import lay_database
from tests.patience import CONSOLE_SECONDS

TRADER = Actor(ActorKind.USER, "trader")
ACTIVE = Filter(status=(Status.PENDING, Status.RUNNING))
LIMITS = ("max_concurrent", "timeout_seconds", "max_reruns", "max_retries", "retry_base_seconds", "retry_cap_seconds")


def make_platform(
    folder: Path,
    *,
    catalog: ExpertCatalog | None = None,
    prices: Prices | None = None,
    side_effects: Sequence[SideEffects] = (),
    tracing: TracerProvider | None = None,
    minute: float = 60,
    clock: SchedulingClock | None = None,
    **settings: Any,
) -> Platform:
    """Return an owned console with an empty database (no demo unless asked), its worker not yet started.

    `minute` is how long a minute of the providers' limits lasts, in seconds.
    """
    chosen: dict[str, Any] = {
        "data_dir": folder, "demo": False, "operator": "trader", "stop_seconds": 2, "sqlite_synchronous": "OFF",
    }  # fmt: skip
    lay_database(folder)
    configured = Settings(_env_file=None, **{**chosen, **settings})
    platform = build(configured, catalog, prices, side_effects, tracing, minute, clock)
    platform.own()
    return platform


@contextmanager
def running(platform: Platform) -> Iterator[Platform]:
    """Let the worker work for the length of a block, then stop the console."""
    platform.start()
    try:
        yield platform
    finally:
        platform.stop()


def wait_until(platform: Platform, condition: Callable[[], bool], what: str = "it") -> None:
    """Return once `condition` holds, looking again after every change that the console publishes."""
    changed = threading.Event()

    def listen(_: Change) -> None:
        changed.set()

    subscription = platform.store.feed.subscribe(listen)
    deadline = threading.Event()
    timer = threading.Timer(CONSOLE_SECONDS, lambda: (deadline.set(), changed.set()))
    timer.daemon = True
    timer.start()
    try:
        while not condition():
            assert not deadline.is_set(), f"{what} did not happen within {CONSOLE_SECONDS:g} s"
            changed.wait(0.02)  # a worker's own state may change without a commit, hence the second look
            changed.clear()
    finally:
        timer.cancel()
        subscription.close()


def drain(platform: Platform) -> None:
    """Return once nothing is pending or running and the worker has let go of every job."""
    wait_until(
        platform,
        lambda: platform.monitoring.jobs.count(ACTIVE) == 0 and platform.worker.status.busy == 0,
        "draining the queue",
    )


def practice(platform: Platform, alias: str = "Practice desk", **settings: Any) -> int:
    """Configure a PracticeDesk that takes no time and is not retried unless told otherwise; return its instance id."""
    limits = {name: settings.pop(name) for name in LIMITS if name in settings}
    limits.setdefault("max_retries", 0)
    chosen = {"seconds": 0, "steps": 2, "outputs": 3, **settings}
    return platform.experts.create("PracticeDesk", alias, chosen, by=TRADER, **limits).id


def submit(platform: Platform, instance_id: int, symbol: str = "AAPL", **options: Any) -> int:
    """Submit one analysis and return its id."""
    return platform.queue.submit_analysis_task(instance_id, symbol, by=TRADER, **options).analysis_id


def row(platform: Platform, analysis_id: int) -> Any:
    """Return the analysis as the table shows it."""
    return platform.monitoring.details.row(analysis_id)
