"""Consoles with a fast clock: schedules of every quarter of an hour come many times a second.

Run as a process: `python -m tests.chaos.schedule_consoles DATA_DIR SPEED`. It imports everything once; each line on
stdin, `live` or `drain`, is a console of its own, forked from it, which says its process id and how far it is on
stdout. The clock goes on where the file clock.txt in the data folder began, so that time passes on while a console is
dead, as it does for one that was killed. One that drains fires nothing, and ends when nothing is left to do.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apscheduler.schedulers.background  # noqa: F401 - as cronsim, so that the forks need not
import cronsim  # noqa: F401
import exchange_calendars  # noqa: F401

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.core.schedules.due_runs import RunStarter
from ba2_trade_platform.core.schedules.scheduler import Scheduler
from ba2_trade_platform.core.schedules.uptime import Uptime
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ScheduleClock, Status

BEGIN = datetime(2026, 3, 28, 20, tzinfo=UTC)  # hours before Berlin's clocks go forward


class FastClock:
    """Runs `speed` times as fast as real time since the instant that a file keeps."""

    def __init__(self, file: Path, speed: float) -> None:
        if not file.exists():
            file.write_text(str(time.time()))
        self._begun, self._speed = float(file.read_text()), speed

    def now(self) -> datetime:
        """Return its present instant."""
        return BEGIN + timedelta(seconds=(time.time() - self._begun) * self._speed)

    def seconds_until(self, instant: datetime) -> float:
        """Return in how many real seconds it shows `instant`."""
        return max(0.0, (instant - self.now()).total_seconds() / self._speed)

    def on_change(self, tell: Callable[[], None]) -> None:
        """Nobody sets it."""


def scheduler_of(platform: Platform, clock: FastClock) -> tuple[Scheduler, RunStarter]:
    """Return a scheduler that runs by this clock, on the console's own clockwork, and what it fires with."""
    clocks = {ScheduleClock.REAL: clock}
    run_starter = RunStarter(platform.store, platform.queue, ExchangeCalendars(), clocks, platform.prices.clock)
    uptime = Uptime(platform.store, "fast")
    return Scheduler(platform.store, platform.operations.background_jobs, run_starter, uptime, clocks), run_starter


def say(word: str) -> None:
    """Write a line in one piece: `print` writes a word and its line's end, and another thread's may come between."""
    os.write(sys.stdout.fileno(), f"{word}\n".encode())


def live(folder: Path, speed: float) -> None:
    """Own the database, fire and work, and wait to be killed."""
    platform = _working(folder)
    completed, worked = Filter(status=(Status.COMPLETED,)), threading.Event()
    before = platform.monitoring.jobs.count(completed)

    def listen(_: Change) -> None:
        if not worked.is_set() and platform.monitoring.jobs.count(completed) > before:
            worked.set()
            say("worked")

    platform.store.feed.subscribe(listen)
    scheduler, run_starter = scheduler_of(platform, FastClock(folder / "clock.txt", speed))
    scheduler.start()
    platform.operations.background_jobs.start()
    say("ready")
    run_starter.fire_slice(ScheduleClock.REAL)
    say("fired")
    threading.Event().wait()


def drain(folder: Path) -> None:
    """Bring everything that was begun to an end, and stop."""
    platform = _working(folder)
    unfinished = Filter(status=(Status.PENDING, Status.RUNNING))
    quiet = threading.Event()
    platform.store.feed.subscribe(lambda _: quiet.set())
    while platform.monitoring.jobs.count(unfinished):
        quiet.wait(0.5)
        quiet.clear()
    platform.stop()
    say("drained")


def _working(folder: Path) -> Platform:
    settings = Settings(_env_file=None, data_dir=folder, demo=False, operator="trader", max_rescues=100)
    platform = build(settings)
    platform.own()
    platform.dispatcher.start(platform.worker.committed)
    platform.worker.start()
    return platform


def main(folder: Path, speed: float) -> None:
    """Fork a console for each line read, until stdin ends."""
    session_calendar("XNYS")  # what experts ask takes seconds to build
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            say(str(os.getpid()))
            try:
                live(folder, speed) if line.strip() == "live" else drain(folder)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
        say("gone")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
