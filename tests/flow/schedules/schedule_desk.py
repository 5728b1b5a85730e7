"""Schedule desk: a stepped desk with schedules on clocks that a test moves; firing, queue and database are real."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ba2_trade_platform.app.schedules import Scheduling
from ba2_trade_platform.core.contracts.replay import Walk
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.core.schedules.run_records import RunFilter, RunInfo
from ba2_trade_platform.core.schedules.schedule_records import ScheduleInfo
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.demo.replay_clock import ReplayClock
from ba2_trade_platform.vocabulary import ScheduleClock
from tests.fakes.clock import MovingClock
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER, make_platform
from tests.stepped import Desk, SteppedWorker

BERLIN = ZoneInfo("Europe/Berlin")
START, FRIDAY, END = (datetime(*day, 12, tzinfo=UTC) for day in ((2007, 1, 3), (2008, 9, 12), (2015, 12, 31)))
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # ten o'clock in Berlin
TWICE_A_DAY = {"kind": "times", "times": ["11:00", "15:45"]}
QUARTERLY = {"kind": "cron", "expression": "*/15 * * * *"}


class ReplayDial:
    """Moves the replay's clock, which stands wherever it is put."""

    def __init__(self, clock: ReplayClock, at: datetime) -> None:
        self._clock = clock
        self._put(at)

    def now(self) -> datetime:
        """Return the instant it stands at."""
        return self._clock.now()

    def advance(self, seconds: float) -> None:
        """Move on, as a walk does."""
        self._put(self.now() + timedelta(seconds=seconds))

    def set(self, instant: datetime) -> None:
        """Jump, as a person sets a replay: those who wait by it are told."""
        self._put(instant, going=True)
        self._put(instant)

    def _put(self, at: datetime, *, going: bool = False) -> None:
        self._clock.set(Walk(START, END, at, speed=1, going=going))


@dataclass
class ScheduleDesk:
    """Schedules on a stepped desk; `live` is one life of its console."""

    desk: Desk
    worker: SteppedWorker
    replay: ReplayDial
    expert: int

    @property
    def clock(self) -> MovingClock:
        """The clock of the desk."""
        return self.desk.clock

    @property
    def scheduling(self) -> Scheduling:
        """The console's schedules, their runs, and what fires them."""
        return self.desk.platform.schedules

    def schedule(self, name: str = "Morning", **wanted: Any) -> ScheduleInfo:
        """Make a schedule of two symbols at eleven and a quarter to four in Berlin unless told otherwise."""
        draft = Draft(name, self.expert, TWICE_A_DAY, "Europe/Berlin", symbols=("AAPL", "MSFT"))
        return self.scheduling.service.create(replace(draft, **wanted), by=TRADER)

    def at(self, hour: int, minute: int = 0, day: int = 2) -> None:
        """Move the clock to a local time of March 2026 in Berlin."""
        wanted = datetime(2026, 3, day, hour, minute, tzinfo=BERLIN)
        self.clock.advance((wanted - self.clock.now()).total_seconds())

    def come_to_it(self) -> list[RunInfo]:
        """Fire what is due, as the scheduler does when it wakes, and return every run, the oldest planned first."""
        self.fire(ScheduleClock.REAL)
        return self.listed()

    def fire(self, clock: ScheduleClock) -> None:
        """Make every run that is due by this clock."""
        while self.scheduling.run_starter.fire_slice(clock):
            pass

    def listed(self, **wanted: Any) -> list[RunInfo]:
        """Return runs, the oldest planned first."""
        return list(reversed(self.scheduling.runs.list(RunFilter(**wanted), limit=500).items))

    def live(self, until: timedelta) -> None:
        """Be seen every fifteen seconds for so long."""
        for _ in range(int(until.total_seconds() // 15)):
            self.clock.advance(15)
            self.scheduling.uptime.beat()

    def finish(self, **failing: bool) -> None:
        """Let every pending analysis be done; those of symbols named True fail."""
        self.worker.tick()
        while self.worker.leased:
            claim = next(iter(self.worker.leased.values()))
            self.worker.fail(claim) if failing.get(claim.symbol) else self.worker.succeed(claim)


def schedule_desk(folder: Path) -> ScheduleDesk:
    """Return a desk with an expert and no schedule yet, its console just started."""
    clock = MovingClock()
    market, zone = DemoMarket(clock), str(BERLIN)
    desk = Desk(make_platform(folder, catalog=Catalog(Scripted()), prices=market, clock=clock, timezone=zone), clock)
    known = {expert.alias: expert.id for expert in desk.platform.experts.list()}
    expert = known["Scripted"] if "Scripted" in known else desk.expert()
    replayed = desk.platform.schedules.clocks[ScheduleClock.REPLAY]
    assert isinstance(replayed, ReplayClock)
    desk.platform.schedules.uptime.begin()
    return ScheduleDesk(desk, desk.worker(), ReplayDial(replayed, FRIDAY), expert)


def watchlist(desk: Desk, *symbols: str) -> int:
    """Make a watchlist of symbols of the demo market and return its id."""
    instruments = [desk.platform.prices.instrument(symbol) for symbol in symbols]
    return desk.platform.instruments.watchlists.add("Tech", instruments)
