"""The composition root: the one module that knows all the others and puts them together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import Engine

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue, first_slots
from ba2_trade_platform.core.analyses.rerun import Requeue
from ba2_trade_platform.core.analyses.rerun_planner import RerunPlanner
from ba2_trade_platform.core.analyses.service import Analyses
from ba2_trade_platform.core.analyses.waiting_retries import Retrying
from ba2_trade_platform.core.attempts.archive_files import PackedArchives
from ba2_trade_platform.core.attempts.embedded_dispatcher import EmbeddedDispatcher
from ba2_trade_platform.core.attempts.retention import Retention
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.app_settings import DeskSettings
from ba2_trade_platform.core.base.change_feed import ChangeFeed
from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.core.base.preferences import Preferences
from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.batches.bulk_plans import Planner
from ba2_trade_platform.core.batches.bulk_reruns import BulkReruns
from ba2_trade_platform.core.batches.bulk_slices import BulkSlices
from ba2_trade_platform.core.batches.service import Batches
from ba2_trade_platform.core.contracts.experts import ExpertCatalog, Prices, SideEffects
from ba2_trade_platform.core.contracts.toolkit import Equipment
from ba2_trade_platform.core.experts.availability import Abilities
from ba2_trade_platform.core.experts.instances import ExpertInstances
from ba2_trade_platform.core.failures.breaker_states import BreakerPolicy
from ba2_trade_platform.core.failures.breakers import Breakers
from ba2_trade_platform.core.instruments.service import Lists
from ba2_trade_platform.core.instruments.symbol_maps import SymbolMaps
from ba2_trade_platform.core.instruments.watchlists import Watchlists
from ba2_trade_platform.core.lessons.lessons import Lessons
from ba2_trade_platform.core.models.call_log import ModelCalls
from ba2_trade_platform.core.models.costs import Costs
from ba2_trade_platform.core.models.pricing import ModelPrices
from ba2_trade_platform.core.models.providers import ModelProviders
from ba2_trade_platform.core.monitoring.details import Details
from ba2_trade_platform.core.monitoring.failure_inbox import FailureInbox
from ba2_trade_platform.core.monitoring.failure_marks import FailureMarks
from ba2_trade_platform.core.monitoring.job_list import Monitor
from ba2_trade_platform.core.monitoring.rerun_outlook import Assessments
from ba2_trade_platform.core.monitoring.retry_statistics import RetryStatistics
from ba2_trade_platform.core.notifications.alerts import Alerts
from ba2_trade_platform.core.notifications.service import Notifications
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.core.observability.tracing import TracerProvider, Traces
from ba2_trade_platform.core.operations.backups import Backups
from ba2_trade_platform.core.operations.dead_man_switch import Heartbeat
from ba2_trade_platform.core.operations.health import Health
from ba2_trade_platform.core.operations.instance_lock import Ownership
from ba2_trade_platform.core.recurrence.early_closes import HalfDays
from ba2_trade_platform.core.schedules.daily_summary import DailySummary
from ba2_trade_platform.core.schedules.runs import ScheduleRuns
from ba2_trade_platform.core.schedules.service import Schedules
from ba2_trade_platform.core.worker.claims import Worker as Claimant
from ba2_trade_platform.core.worker.jobs import Bench
from ba2_trade_platform.core.worker.tick import Tick
from ba2_trade_platform.core.worker.worker import ExpertWorker, worker_id
from ba2_trade_platform.db.engine import UnsupportedDatabaseError, database_file, open_engine
from ba2_trade_platform.demo.demo import Demo
from ba2_trade_platform.demo.replay import Replay
from ba2_trade_platform.experts.registry import Registry
from ba2_trade_platform.language import Language, open_language
from ba2_trade_platform.llm.gateway import Gateway
from ba2_trade_platform.llm.limits import MINUTE
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.market.research.sources import ResearchSource
from ba2_trade_platform.memory.service import LessonMemory
from ba2_trade_platform.migrating import migrate
from ba2_trade_platform.operations import Ground, Operations, open_market, open_operations
from ba2_trade_platform.settings import Settings, variable
from ba2_trade_platform.vocabulary import ActorKind

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Platform:
    """Every service of one console, put together. Pages, API and CLI are given this and nothing else."""

    settings: Settings
    store: Store
    feed: ChangeFeed
    prices: Prices
    queue: WorkerQueue
    analyses: Analyses
    preferences: Preferences
    retrying: Retrying
    breakers: Breakers
    bulk_reruns: BulkReruns
    batches: Batches
    monitor: Monitor
    assessments: Assessments
    failures: FailureInbox
    marks: FailureMarks
    details: Details
    experts: ExpertInstances
    watchlists: Watchlists
    demo: Demo
    worker: ExpertWorker
    dispatcher: EmbeddedDispatcher
    ownership: Ownership
    version: str
    telemetry: Telemetry
    statistics: RetryStatistics
    retention: Retention
    language: Language
    operations: Operations

    @property
    def model_providers(self) -> ModelProviders:
        """Who may be asked, with which keys and limits."""
        return self.language.model_providers

    @property
    def prices_of_models(self) -> ModelPrices:
        """What models cost."""
        return self.language.prices_of_models

    @property
    def desk_settings(self) -> DeskSettings:
        """The settings of the whole desk."""
        return self.language.desk_settings

    @property
    def calls(self) -> ModelCalls:
        """The book of model calls."""
        return self.language.calls

    @property
    def costs(self) -> Costs:
        """What model calls cost, added up."""
        return self.language.costs

    @property
    def gateway(self) -> Gateway:
        """The way to the models."""
        return self.language.gateway

    @property
    def memory(self) -> LessonMemory:
        """The memory of decisions."""
        return self.language.memory

    @property
    def research(self) -> ResearchSource:
        """Where news and figures come from."""
        return self.language.research

    @property
    def lessons(self) -> Lessons:
        """What was learnt from decisions."""
        return self.language.lessons

    @property
    def lists(self) -> Lists:
        """Instruments, files of them, and what watchlists and symbols show."""
        return self.operations.lists

    @property
    def health(self) -> Health:
        """How everything stands that the desk needs to run by itself."""
        return self.operations.safekeeping.health

    @property
    def heartbeat(self) -> Heartbeat:
        """The dead man's switch."""
        return self.operations.safekeeping.heartbeat

    @property
    def backups(self) -> Backups:
        """The copies of the database."""
        return self.operations.safekeeping.backups

    @property
    def alerts(self) -> Alerts:
        """What a person must look at."""
        return self.operations.alerts

    @property
    def symbol_maps(self) -> SymbolMaps:
        """What price providers call symbols."""
        return self.operations.symbol_maps

    @property
    def replay(self) -> Replay:
        """The demo market's clock, and who moves it."""
        return self.operations.replay

    @property
    def schedules(self) -> Schedules:
        """What the desk analyses by itself, and when."""
        return self.operations.timekeeping.schedules

    @property
    def schedule_runs(self) -> ScheduleRuns:
        """What became of every planned time."""
        return self.operations.timekeeping.runs

    @property
    def notifications(self) -> Notifications:
        """Who is told what, and what was sent."""
        return self.operations.notifications

    @property
    def half_days(self) -> HalfDays:
        """On which days exchanges close early."""
        return self.operations.timekeeping.half_days

    @property
    def daily_summary(self) -> DailySummary:
        """When the desk's day is summed up."""
        return self.operations.timekeeping.daily_summary

    def actor(self, kind: ActorKind) -> Actor:
        """Return who acts through this door."""
        return Actor(kind, self.settings.operator_name)

    def own(self) -> None:
        """Take the database, bring it to this code's schema and load the demo desk into an empty one.

        Raises StartRefused when another console holds it, or when it cannot be migrated.
        """
        self.ownership.take(self.settings.page_url)
        try:
            migrate(self.settings)
            first_slots(self.store, self.settings.workers)
            self.language.own()
            self.operations.own()
            if self.settings.demo:
                self.demo.seed_if_empty()
        except BaseException:
            self.ownership.release()
            raise

    def start(self) -> None:
        """Begin to work; `own` came before."""
        self.dispatcher.start(self.worker.committed)
        self.worker.start()
        self.language.start(self.feed, self.operations.clockwork)
        self.operations.start()
        self.operations.clockwork.at(self.store.clock.now(), "demo schedule", self.demo.add_schedule)

    def stop(self) -> None:
        """Accept no more wishes, hand back what runs, and let go of the database."""
        self.store.close()
        self.operations.stop()
        self.worker.stop()
        self.language.stop()
        self.dispatcher.stop()
        self.store.dispose()
        self.ownership.release()


def build(
    settings: Settings,
    catalog: ExpertCatalog | None = None,
    prices: Prices | None = None,
    side_effects: Sequence[SideEffects] = (),
    tracing: TracerProvider | None = None,
    minute: float = MINUTE,
) -> Platform:
    """Put a console together without touching the database; raises StartRefused for settings that cannot work.

    `side_effects` are whoever acts on recommendations; they are asked before a re-run purges one. `minute` is how
    long a minute of the model providers' limits lasts, in seconds.
    """
    file, engine = _open(settings)
    experts, telemetry = catalog or Registry(), Telemetry(traces=Traces(tracing))
    breakers = Breakers(store := Store(engine, ChangeFeed()))
    market, research, maps = open_market(settings, store, prices)
    language = open_language(settings, store, market, research, breakers.held, minute)
    dispatcher, abilities = EmbeddedDispatcher(), Abilities(experts, language.model_providers)
    rerun_planner = RerunPlanner(abilities, side_effects)
    planner = Planner(abilities, (rerun_planner.not_unasked,))
    slices = BulkSlices(planner, Requeue(store.clock, dispatcher, rerun_planner))
    queue = WorkerQueue(store, dispatcher, abilities, market)
    store.on_commit(dispatcher)
    analyses = _analyses(settings, store, queue, dispatcher, rerun_planner, telemetry)
    instances, watchlists = ExpertInstances(store, experts, language.model_providers), Watchlists(store, market)
    bulk_reruns = BulkReruns(store, planner, rerun_enabled=settings.rerun_enabled, telemetry=telemetry)
    monitor, packed = Monitor(store), PackedArchives(settings.data_dir / "archives")
    worker = _worker(settings, store, experts, abilities, market, slices, telemetry, language.equipment)
    operations = open_operations(Ground(settings, store, queue, market, worker, breakers, _version(), maps))
    return Platform(
        settings=settings,
        store=store,
        feed=store.feed,
        prices=market,
        queue=queue,
        analyses=analyses,
        preferences=Preferences(store),
        retrying=Retrying(store, dispatcher, telemetry),
        breakers=breakers,
        bulk_reruns=bulk_reruns,
        batches=Batches(store, queue, bulk_reruns),
        monitor=monitor,
        assessments=Assessments(store),
        failures=FailureInbox(store),
        marks=FailureMarks(store),
        details=Details(store, monitor, packed),
        experts=instances,
        watchlists=watchlists,
        demo=Demo(store, instances, queue, analyses, watchlists, market, operations.timekeeping.schedules),
        worker=worker,
        dispatcher=dispatcher,
        ownership=Ownership(file),
        version=_version(),
        telemetry=telemetry,
        statistics=RetryStatistics(store),
        retention=Retention(store, packed, settings.archive_days),
        language=language,
        operations=operations,
    )


def _analyses(
    settings: Settings,
    store: Store,
    queue: WorkerQueue,
    dispatcher: EmbeddedDispatcher,
    planner: RerunPlanner,
    telemetry: Telemetry,
) -> Analyses:
    return Analyses(
        store,
        queue,
        dispatcher,
        planner,
        rerun_enabled=settings.rerun_enabled,
        reruns_per_minute=settings.reruns_per_minute,
        telemetry=telemetry,
    )


def _worker(
    settings: Settings,
    store: Store,
    experts: ExpertCatalog,
    abilities: Abilities,
    market: Prices,
    slices: BulkSlices,
    telemetry: Telemetry,
    equipment: Equipment,
) -> ExpertWorker:
    environment = {"version": _version(), "prices": market.name}
    claimant = Claimant(worker_id(), environment, market.clock.now, abilities)
    tick = Tick(store, claimant, settings.max_rescues, slices, _breaker_policy(settings), telemetry)
    bench = Bench(experts, lambda claim: PricesAt(market, claim.as_of), store.clock, equipment)
    return ExpertWorker(store, tick, bench, settings.stop_seconds)


def _open(settings: Settings) -> tuple[Path, Engine]:
    """Return the database's file and engine; raises StartRefused with the setting that is wrong."""
    try:
        return database_file(settings.url), open_engine(settings.url, settings.sqlite_synchronous)
    except UnsupportedDatabaseError as error:
        raise StartRefused(f"BA2_DATABASE_URL: {error}") from error
    except OSError as error:
        name = variable("database_url" if settings.database_url else "data_dir")
        raise StartRefused(f"{name}: {error.filename} cannot be written: {error.strerror}") from error


def _breaker_policy(settings: Settings) -> BreakerPolicy:
    return BreakerPolicy(
        settings.breaker_failures,
        settings.breaker_window_seconds,
        settings.breaker_cooldown_seconds,
        settings.breaker_longest_cooldown_seconds,
        settings.breaker_drain_per_minute,
    )


def _version() -> str:
    try:
        return version("ba2-trade-platform")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0.1.0"
