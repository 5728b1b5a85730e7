"""Scheduler: keeps a background job set to the earliest planned time of each clock, with a watchdog for its thread.

Decision record: docs/decisions/0017.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import select

from ba2_trade_platform.core.base.actors import SYSTEM, actor_id, log_activity
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.clocks import SchedulingClock
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert
from ba2_trade_platform.core.observability.process import steady_seconds
from ba2_trade_platform.core.observability.standstill import ASLEEP, Sleep, Standstill
from ba2_trade_platform.core.schedules.due_runs import RunStarter
from ba2_trade_platform.core.schedules.rows import ACTIVE
from ba2_trade_platform.core.schedules.uptime import BEAT_SECONDS, Uptime
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ScheduleClock

log = logging.getLogger(__name__)
AGAIN_SECONDS = 5.0
LOOK_SECONDS = 10.0
OVERDUE = timedelta(seconds=60)
_S = t.schedule.c


class Scheduler:
    """Keeps a background job set to the earliest planned time of each clock."""

    def __init__(
        self,
        store: Store,
        jobs: BackgroundJobs,
        run_starter: RunStarter,
        uptime: Uptime,
        clocks: Mapping[ScheduleClock, SchedulingClock],
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._run_starter = run_starter
        self._uptime = uptime
        self._clocks = clocks
        self._turns = {clock: threading.Lock() for clock in clocks}
        self._arming = threading.Lock()
        self._started = False
        # Clocks that were set, or found where they stand: what they jumped over are no runs, so nothing is fired first.
        self._jumped: set[ScheduleClock] = {clock for clock in clocks if clock is ScheduleClock.REPLAY}
        self.beat_at = self.worked_at = time.monotonic()
        for clock, shown in clocks.items():
            shown.on_change(partial(self._set, clock))

    def start(self) -> None:
        """Begin: what passed while the console was away is run or missed by each schedule's own policy."""
        self._uptime.begin()
        self._started = True
        self._jobs.every(BEAT_SECONDS, "uptime", self.beat)
        self._jobs.every(LOOK_SECONDS, "schedules", self.look, first_seconds=0)

    def stop(self) -> None:
        """Fire nothing any more, and say that the console was stopped; stopping what never began is allowed."""
        if self._started:
            self._started = False
            self._jobs.forget("uptime")
            self._jobs.forget("schedules")
            self._uptime.end()

    def beat(self) -> None:
        """Say that the console is there."""
        self.beat_at = time.monotonic()
        try:
            if self._started:
                self._uptime.beat()
        except Unavailable as error:
            log.warning("The console's uptime could not be written: %s", error)

    def look(self) -> None:
        """Fire whatever is due, armed or not: the clock may have been set, or the machine slept."""
        self.beat()  # first, so that what was missed in a sleep can say so
        for clock in tuple(self._jumped):
            self._skip_ahead(clock)
        if self._uptime.set_back:
            self._step_back()
        for clock in self._clocks:
            if not self._turns[clock].locked():  # else it is being fired, and armed afterwards
                self._fire(clock)

    def arm(self) -> None:
        """Set a job to the earliest planned time of each clock; called after every change of a schedule."""
        if self._started:
            for clock in self._clocks:
                self._arm(clock)

    def overdue(self) -> timedelta:
        """Return for how long the earliest schedule of real time has been waiting beyond its time."""
        earliest = self._earliest(ScheduleClock.REAL)
        now = self._clocks[ScheduleClock.REAL].now()
        return timedelta(0) if earliest is None else max(now - earliest, timedelta(0))

    def _fire(self, clock: ScheduleClock) -> None:
        with self._turns[clock]:
            if not self._started:
                return
            try:
                while clock not in self._jumped and self._run_starter.fire_slice(clock):
                    self.worked_at = time.monotonic()
                self._arm(clock)
            except Unavailable as error:
                log.warning("Schedules wait: %s; again in %s s", error, AGAIN_SECONDS)
                self._wake_in(clock, AGAIN_SECONDS)

    def _arm(self, clock: ScheduleClock) -> None:
        with self._arming:  # whoever arms last has seen what all others committed
            earliest = self._earliest(clock)
            seconds = None if earliest is None else self._clocks[clock].seconds_until(earliest)
            if seconds is None:
                self._jobs.forget(_job(clock))
            else:
                self._wake_in(clock, seconds)

    def _wake_in(self, clock: ScheduleClock, seconds: float) -> None:
        self._jobs.run_at(datetime.now(UTC) + timedelta(seconds=seconds), _job(clock), partial(self._fire, clock))

    def _earliest(self, clock: ScheduleClock) -> datetime | None:
        waiting = select(_S.wake_at).where(_S.clock == clock, *ACTIVE, _S.wake_at.is_not(None))
        with self._store.read() as session:
            earliest: datetime | None = session.scalar(waiting.order_by(_S.wake_at, _S.id).limit(1))
        return earliest

    def _set(self, clock: ScheduleClock) -> None:
        self._jumped.add(clock)
        if self._started:
            self._jobs.run_at(datetime.now(UTC), f"{_job(clock)} set", partial(self._skip_ahead, clock))

    def _skip_ahead(self, clock: ScheduleClock) -> None:
        with self._turns[clock]:
            self._jumped.discard(clock)  # before, for it may be set once more meanwhile
            try:
                self._run_starter.skip_ahead(clock)
                self._arm(clock)
            except Unavailable as error:
                log.warning("Schedules of the %s clock wait: %s", clock.value, error)
                self._jumped.add(clock)  # the next look tries again

    def _step_back(self) -> None:
        with self._turns[ScheduleClock.REAL]:
            try:
                self._run_starter.step_back()
                self._uptime.set_back = False
            except Unavailable as error:
                log.warning("Schedules wait for the times of a clock that was set back: %s", error)


class Watchdog:
    """Sees from its own thread whether the background jobs still run, and starts them again.

    Where it was kept from looking itself, the machine slept: nobody is to blame, and whoever subscribed is told.
    """

    def __init__(
        self,
        store: Store,
        jobs: BackgroundJobs,
        scheduler: Scheduler,
        look_seconds: float = LOOK_SECONDS,
        steady: Callable[[], float] = steady_seconds,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._scheduler = scheduler
        self._look_seconds = look_seconds
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._standstill = Standstill(look_seconds, steady)
        self._listeners: list[Callable[[], None]] = []
        self.slept: Sleep | None = None

    def on_wake(self, tell: Callable[[], None]) -> None:
        """Call `tell` when the machine has slept."""
        self._listeners.append(tell)

    def start(self) -> None:
        """Begin to watch."""
        self._stopping.clear()
        self._standstill.begin()
        self._thread = threading.Thread(target=self._watch, name="scheduler-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more; stopping what never began is allowed."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=self._look_seconds)

    def _watch(self) -> None:
        while not self._stopping.wait(self._look_seconds):
            try:
                self.look()
            except Unavailable as error:
                log.warning("The scheduler's watchdog could not look: %s", error)
            self._standstill.begin()  # a look that had to wait for the database is no sleep

    def look(self) -> bool:
        """Start the background jobs again where they stand still; return whether it did."""
        late = self._standstill.late()
        if late:  # what stood still with this thread gets as long as ever to go on
            self._scheduler.beat_at = self._scheduler.worked_at = time.monotonic()
        if late > ASLEEP:
            self._wake(late)
        why = self._why()
        if why is None:
            return False
        log.warning("The scheduler stood still and was started again: %s", why)
        self._jobs.start()
        self._scheduler.beat_at = self._scheduler.worked_at = time.monotonic()
        self._scheduler.arm()
        now = self._store.clock.now()
        with self._store.write() as transaction:
            sentence = f"The scheduler stood still and was started again: {why}. Look whether every run was made"
            raise_alert(transaction, AlertEvent("scheduler", "scheduler", sentence, "/schedules"), now)
        return True

    def _wake(self, late: timedelta) -> None:
        now = self._store.clock.now()
        self.slept = Sleep(now - late, now)
        for tell in self._listeners:
            tell()
        start, end = (instant.isoformat(sep=" ", timespec="seconds") for instant in (self.slept.start, self.slept.end))
        log.info("The machine slept, or this process was stopped, from %s to %s", start, end)
        with self._store.write() as transaction:
            who = actor_id(transaction.session, SYSTEM)
            log_activity(transaction.session, who, now, Action.SLEEP, Subject.CONSOLE, before=start, after=end)
            transaction.touch(Topic.OPERATIONS)

    def _why(self) -> str | None:
        if not self._jobs.alive:
            return "its thread had ended"
        silence = time.monotonic() - self._scheduler.beat_at
        if silence > OVERDUE.total_seconds():
            return f"it had done nothing for {silence:.0f} s"
        overdue, idle = self._scheduler.overdue(), time.monotonic() - self._scheduler.worked_at
        if overdue > OVERDUE and idle > OVERDUE.total_seconds():
            return f"a schedule waited {overdue.total_seconds():.0f} s beyond its time"
        return None


def _job(clock: ScheduleClock) -> str:
    return f"schedules of the {clock.value} clock"
