"""Composition root: the one place that knows all services, and builds a console from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from opentelemetry.trace import TracerProvider
from sqlalchemy import Engine

from ba2_trade_platform.app.analyses import AnalysisServices
from ba2_trade_platform.app.demo import DemoServices
from ba2_trade_platform.app.market import open_market
from ba2_trade_platform.app.models import ModelServices, open_memory, open_toolkit
from ba2_trade_platform.app.monitoring import open_monitoring
from ba2_trade_platform.app.operations import Operations
from ba2_trade_platform.app.outbound_rules import outbound_rule
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.app.schedules import Scheduling
from ba2_trade_platform.app.worker import open_trials, open_worker, work_environment
from ba2_trade_platform.core.access.permissions import check_permission
from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles
from ba2_trade_platform.core.attempts.retention import Retention
from ba2_trade_platform.core.base.app_settings import DeskSettings, Preferences
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.change_feed import ChangeFeed
from ba2_trade_platform.core.base.clocks import SchedulingClock, SystemClock
from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.core.base.first_answers import FirstAnswers
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import ExpertCatalog, Prices, SideEffects
from ba2_trade_platform.core.experts.availability import Abilities
from ba2_trade_platform.core.experts.instances import ExpertInstances
from ba2_trade_platform.core.failures.breakers import Breakers
from ba2_trade_platform.core.instruments.calendar_days import CalendarDays
from ba2_trade_platform.core.instruments.service import InstrumentServices
from ba2_trade_platform.core.instruments.symbol_maps import SymbolMaps
from ba2_trade_platform.core.lessons.lessons import Lessons
from ba2_trade_platform.core.notifications.sender import AppriseSender
from ba2_trade_platform.core.notifications.service import Notifications, open_notifications
from ba2_trade_platform.core.notifications.stuck_queue_alerts import CHECK_SECONDS, WaitingAlerts
from ba2_trade_platform.core.observability.telemetry import Telemetry, Traces
from ba2_trade_platform.core.operations.instance_lock import InstanceLock
from ba2_trade_platform.db.engine import UnsupportedDatabaseError, database_file, open_engine
from ba2_trade_platform.experts.registry import Registry
from ba2_trade_platform.llm.limits import MINUTE
from ba2_trade_platform.market.calendars.desk_calendars import FILE as CALENDAR_DAYS
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.settings import Settings, variable


def build(
    settings: Settings,
    catalog: ExpertCatalog | None = None,
    prices: Prices | None = None,
    side_effects: Sequence[SideEffects] = (),
    tracing: TracerProvider | None = None,
    minute: float = MINUTE,
    clock: SchedulingClock | None = None,
) -> Platform:
    """Put a console together without touching the database; raises StartRefused for settings that cannot work.

    `side_effects` are whoever acts on recommendations; they are asked before a re-run purges one. `minute` is how
    long a minute of the model providers' limits lasts, in seconds. `clock`: the console's time, schedules included.
    """
    file, engine = _open(settings)
    store, jobs = Store(engine, ChangeFeed(), check_permission, clock), BackgroundJobs()
    box = SecretBox(settings.data_dir / "secret.key")
    experts, telemetry, app_settings = catalog or Registry(), Telemetry(traces=Traces(tracing)), DeskSettings(store)
    breakers, maps = Breakers(store), SymbolMaps(store)
    calendars = DeskCalendars(settings.data_dir / CALENDAR_DAYS)
    market, research = open_market(settings, maps, prices, calendars)
    models = ModelServices(settings, store, box, app_settings, breakers.open_providers, minute)
    memory = open_memory(settings, store, lessons := Lessons(store), market)
    abilities, archive_files = Abilities(experts, models.providers), ArchiveFiles(settings.data_dir / "archives")
    services = AnalysisServices(settings, store, abilities, market, side_effects, telemetry, archive_files)
    instances = ExpertInstances(store, experts, models.providers)
    toolkit = open_toolkit(settings, models.gateway, memory, research)
    work = work_environment(store, experts, market, toolkit)
    worker, tick_of = open_worker(settings, store, abilities, market, services, telemetry, work, _version())
    days = CalendarDays(store, ExchangeCalendars(calendars), calendars)
    instruments = InstrumentServices(store, market, maps, jobs, days)
    schedules = Scheduling(settings, store, services.queue, market, jobs, _version(), clock or SystemClock(), calendars)
    monitoring, notifications = open_monitoring(store, archive_files), _notifications(settings, store, jobs, box)
    operations = Operations(
        settings, _version(), store, box, jobs, telemetry, worker, services.queue, breakers, market, monitoring,
        notifications, schedules,
    )  # fmt: skip
    return Platform(
        settings=settings, version=_version(), store=store, telemetry=telemetry, app_settings=app_settings,
        preferences=Preferences(store), first_answers=FirstAnswers(store),
        instance_lock=InstanceLock(file), prices=market, research=research,
        queue=services.queue, analyses=services.analyses, waiting_retries=services.waiting_retries, breakers=breakers,
        batches=services.batches, bulk_reruns=services.bulk_reruns, dispatcher=services.dispatcher,
        retention=Retention(store, archive_files, settings.archive_days), monitoring=monitoring, experts=instances,
        models=models, lessons=lessons, memory=memory, instruments=instruments, schedules=schedules,
        notifications=notifications, operations=operations,
        demo=DemoServices(store, services, instances, instruments.watchlists, schedules.service, market, jobs),
        worker=worker, tick_of=tick_of, trials=open_trials(settings, store, instances, abilities, market, work),
    )  # fmt: skip


def _notifications(settings: Settings, store: Store, jobs: BackgroundJobs, box: SecretBox) -> Notifications:
    waiting = WaitingAlerts(store, settings.pending_alert_minutes, settings.zone)
    jobs.every(CHECK_SECONDS, "long waits", waiting.check)
    sender = AppriseSender(rule=outbound_rule(settings), services=settings.services)
    notifications = open_notifications(
        store, box, settings.zone.key, settings.page_url, sender=sender, per_hour=settings.notifications_per_hour
    )
    notifications.run_by(jobs)
    return notifications


def _open(settings: Settings) -> tuple[Path, Engine]:
    """Return the database's file and engine; raises StartRefused with the setting that is wrong."""
    try:
        return database_file(settings.url), open_engine(settings.url, settings.sqlite_synchronous)
    except UnsupportedDatabaseError as error:
        raise StartRefused(f"BA2_DATABASE_URL: {error}") from error
    except OSError as error:
        name = variable("database_url" if settings.database_url else "data_dir")
        raise StartRefused(f"{name}: {error.filename} cannot be written: {error.strerror}") from error


@cache
def _version() -> str:
    try:
        return version("ba2-trade-platform")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0.1.0"
