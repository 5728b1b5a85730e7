"""A stepped desk with schedules whose clocks are moved by a test; firing, queue and database are real."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.base.schedule_clocks import DeskClock
from ba2_trade_platform.core.instruments.watchlists import Watchlists
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.core.schedules.due_runs import ScheduleFiring
from ba2_trade_platform.core.schedules.runs import RunFilter, RunInfo, ScheduleRuns
from ba2_trade_platform.core.schedules.service import ScheduleInfo, Schedules
from ba2_trade_platform.core.schedules.uptime import Presence
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.vocabulary import ScheduleClock
from tests.fakes.clock import MovingClock
from tests.platforms import TRADER
from tests.stepped import Desk, SteppedWorker, make_desk

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # ten o'clock in Berlin
TWICE_A_DAY = {"kind": "times", "times": ["11:00", "15:45"]}
QUARTERLY = {"kind": "cron", "expression": "*/15 * * * *"}


@dataclass
class ScheduleDesk:
    """Schedules on a stepped desk; `live` is one life of its console."""

    desk: Desk
    worker: SteppedWorker
    firing: ScheduleFiring
    presence: Presence
    schedules: Schedules
    runs: ScheduleRuns
    replay: MovingClock
    expert: int
    moved: list[str] = field(default_factory=list)

    @property
    def clock(self) -> MovingClock:
        """The clock of the desk."""
        return self.desk.clock

    def schedule(self, name: str = "Morning", **wanted: Any) -> ScheduleInfo:
        """Make a schedule of two symbols at eleven and a quarter to four in Berlin unless told otherwise."""
        draft = Draft(name, self.expert, TWICE_A_DAY, "Europe/Berlin", symbols=("AAPL", "MSFT"))
        return self.schedules.create(replace(draft, **wanted), by=TRADER)

    def at(self, hour: int, minute: int = 0, day: int = 2) -> None:
        """Move the clock to a local time of March 2026 in Berlin."""
        wanted = datetime(2026, 3, day, hour, minute, tzinfo=BERLIN)
        self.clock.advance((wanted - self.clock.now()).total_seconds())

    def come_to_it(self) -> list[RunInfo]:
        """Fire what is due, as the scheduler does when it wakes, and return every run, the oldest planned first."""
        self.firing.fire(ScheduleClock.REAL)
        return self.listed()

    def listed(self, **wanted: Any) -> list[RunInfo]:
        """Return runs, the oldest planned first."""
        return list(reversed(self.runs.list(RunFilter(**wanted), limit=500).items))

    def live(self, until: timedelta) -> None:
        """Be seen every fifteen seconds for so long."""
        for _ in range(int(until.total_seconds() // 15)):
            self.clock.advance(15)
            self.presence.beat()

    def finish(self, **failing: bool) -> None:
        """Let every pending analysis be done; those of symbols named True fail."""
        self.worker.tick()
        while self.worker.held:
            claim = next(iter(self.worker.held.values()))
            self.worker.fail(claim) if failing.get(claim.symbol) else self.worker.succeed(claim)


def schedule_desk(folder: Path) -> ScheduleDesk:
    """Return a desk with an expert and no schedule yet, its console just started."""
    desk = make_desk(folder)
    calendars, replay = ExchangeCalendars(), MovingClock(datetime(2008, 9, 12, 12, tzinfo=UTC))
    clocks: dict[ScheduleClock, DeskClock] = {ScheduleClock.REAL: desk.clock, ScheduleClock.REPLAY: replay}
    firing = ScheduleFiring(desk.store, desk.queue, calendars, clocks, desk.clock)
    presence = Presence(desk.store, "test")
    moved: list[str] = []
    schedules = Schedules(desk.store, calendars, clocks, firing, lambda: moved.append("moved"))
    known = {expert.alias: expert.id for expert in desk.experts.list()}
    expert = known["Scripted"] if "Scripted" in known else desk.expert()
    presence.begin()
    runs = ScheduleRuns(desk.store, calendars, clocks, BERLIN)
    return ScheduleDesk(desk, desk.worker(), firing, presence, schedules, runs, replay, expert, moved)


def watchlist(desk: Desk, *symbols: str) -> int:
    """Make a watchlist of symbols of the demo market and return its id."""
    return Watchlists(desk.store, desk.prices).add("Tech", [desk.prices.instrument(symbol) for symbol in symbols])
