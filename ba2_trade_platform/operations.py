"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.base.app_settings import DeskSettings
from ba2_trade_platform.core.base.background_jobs import Clockwork
from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.base.errors import StartRefused, Unavailable
from ba2_trade_platform.core.base.schedule_clocks import DeskClock, RealClock
from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.failures.breakers import Breakers
from ba2_trade_platform.core.instruments.price_prefetch import KEEP_SECONDS, PriceKeeping
from ba2_trade_platform.core.instruments.service import Lists, open_lists
from ba2_trade_platform.core.instruments.symbol_maps import SymbolMaps
from ba2_trade_platform.core.notifications.alerts import Alerts
from ba2_trade_platform.core.notifications.service import Notifications, open_notifications
from ba2_trade_platform.core.notifications.stuck_queue_alerts import CHECK_SECONDS, WaitingAlerts
from ba2_trade_platform.core.recurrence.early_closes import HalfDays
from ba2_trade_platform.core.schedules.daily_summary import DailySummary
from ba2_trade_platform.core.schedules.due_runs import ScheduleFiring
from ba2_trade_platform.core.schedules.runs import ScheduleRuns
from ba2_trade_platform.core.schedules.scheduler import Scheduler, Watchdog
from ba2_trade_platform.core.schedules.service import Schedules
from ba2_trade_platform.core.schedules.uptime import Presence
from ba2_trade_platform.core.worker.worker import ExpertWorker
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.demo.replay import FIRST, SAVE_SECONDS, Replay
from ba2_trade_platform.demo.replay_clock import ReplayClock
from ba2_trade_platform.demo.research import DemoResearch
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.market.prices.registry import open_prices
from ba2_trade_platform.market.research.sources import NoSource, ResearchSource, open_research
from ba2_trade_platform.safekeeping import Safekeeping, Watched, open_safekeeping
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ScheduleClock


@dataclass(frozen=True)
class Ground:
    """What stands before: the services that these are built on."""

    settings: Settings
    store: Store
    queue: WorkerQueue
    market: Prices
    worker: ExpertWorker
    breakers: Breakers
    version: str
    symbol_maps: SymbolMaps


@dataclass(frozen=True)
class Timekeeping:
    """Who keeps the desk's times."""

    schedules: Schedules
    runs: ScheduleRuns
    scheduler: Scheduler
    watchdog: Watchdog
    half_days: HalfDays
    daily_summary: DailySummary


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    clocks: Mapping[ScheduleClock, DeskClock]
    timekeeping: Timekeeping
    notifications: Notifications
    safekeeping: Safekeeping
    lists: Lists
    alerts: Alerts
    replay: Replay
    price_keeping: PriceKeeping
    symbol_maps: SymbolMaps

    def own(self) -> None:
        """Go on where the console was when it went down; only for one that has just taken the database."""
        self.replay.restore()

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.timekeeping.scheduler.start()
        self.clockwork.start()
        self.timekeeping.watchdog.start()
        self.safekeeping.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.timekeeping.watchdog.stop()
        with suppress(Unavailable):  # the next start takes this console for one that was killed when last seen
            self.timekeeping.scheduler.stop()
        self.notifications.stop()
        self.price_keeping.stop()
        self.clockwork.stop()
        with suppress(Unavailable):  # the next start goes on where the replay was last kept
            self.replay.save()
        self.safekeeping.stop()


def open_operations(ground: Ground) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    clockwork, box = Clockwork(), SecretBox(ground.settings.data_dir / "secret.key")
    walking = ground.market.clock if isinstance(ground.market.clock, ReplayClock) else None
    clocks: dict[ScheduleClock, DeskClock] = {
        ScheduleClock.REAL: RealClock(),
        ScheduleClock.REPLAY: walking or ReplayClock(FIRST),  # of other prices no replayed time ever comes
    }
    replay = Replay(ground.store, walking)
    clockwork.every(SAVE_SECONDS, "keep the replay's place", replay.save)
    keeping = PriceKeeping(ground.store, ground.market)
    clockwork.every(KEEP_SECONDS, "prices of watchlists", keeping.refresh, first_seconds=20)
    watched = Watched(ground.store, ground.queue, ground.worker, ground.breakers, ground.market)
    return Operations(
        clockwork=clockwork,
        clocks=clocks,
        timekeeping=_timekeeping(ground, clockwork, clocks),
        notifications=_notifications(ground, clockwork, box),
        lists=open_lists(ground.store, ground.market),
        safekeeping=open_safekeeping(ground.settings, watched, clockwork, box, ground.version),
        alerts=_alerts(ground, clockwork),
        replay=replay,
        price_keeping=keeping,
        symbol_maps=ground.symbol_maps,
    )


def _timekeeping(ground: Ground, clockwork: Clockwork, clocks: Mapping[ScheduleClock, DeskClock]) -> Timekeeping:
    store, calendars = ground.store, ExchangeCalendars()
    firing = ScheduleFiring(store, ground.queue, calendars, clocks, ground.market.clock)
    scheduler = Scheduler(store, clockwork, firing, Presence(store, ground.version), clocks)
    runs = ScheduleRuns(store, calendars, clocks, ground.settings.zone)
    summary = DailySummary(store, runs, DeskSettings(store), ground.settings.zone)
    clockwork.every(CHECK_SECONDS, "daily summary", summary.tell_when_due)
    return Timekeeping(
        schedules=Schedules(store, calendars, clocks, firing, scheduler.arm),
        runs=runs,
        scheduler=scheduler,
        watchdog=Watchdog(store, clockwork, scheduler),
        half_days=HalfDays(calendars),
        daily_summary=summary,
    )


def _alerts(ground: Ground, clockwork: Clockwork) -> Alerts:
    settings = ground.settings
    waiting = WaitingAlerts(ground.store, settings.pending_alert_minutes, settings.zone)
    clockwork.every(CHECK_SECONDS, "long waits", waiting.check)
    return Alerts(ground.store)


def _notifications(ground: Ground, clockwork: Clockwork, box: SecretBox) -> Notifications:
    settings = ground.settings
    notifications = open_notifications(
        ground.store, box, settings.zone.key, settings.page_url, per_hour=settings.notifications_per_hour
    )
    notifications.work_by(clockwork)
    return notifications


def open_market(settings: Settings, store: Store, prices: Prices | None) -> tuple[Prices, ResearchSource, SymbolMaps]:
    """Return the market, `prices` where they are given, the source of research, and what providers call symbols.

    Nobody is asked yet. Raises StartRefused with the setting that is wrong.
    """
    maps = SymbolMaps(store)
    try:
        market = prices or _prices(settings, maps)
        known = DemoResearch(market) if isinstance(market, DemoMarket) else NoSource()
        return market, open_research(settings.research_dir, known), maps
    except ValueError as error:
        raise StartRefused(str(error)) from error


def _prices(settings: Settings, maps: SymbolMaps) -> Prices:
    if settings.prices == "demo":
        return DemoMarket()
    keys = (settings.alpaca_key.get_secret_value(), settings.alpaca_secret.get_secret_value())
    return open_prices(settings.prices, settings.prices_dir, settings.data_dir / "prices", keys, maps.renamed)
