"""Platform: holds every service by theme, so that pages, API and command line take one argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ba2_trade_platform.app.demo import DemoServices
from ba2_trade_platform.app.models import ModelServices
from ba2_trade_platform.app.monitoring import Monitoring
from ba2_trade_platform.app.operations import Operations, migrate
from ba2_trade_platform.app.schedules import Scheduling
from ba2_trade_platform.core.analyses.queue_service import WorkerQueue, first_slots
from ba2_trade_platform.core.analyses.service import Analyses
from ba2_trade_platform.core.analyses.waiting_retries import WaitingRetries
from ba2_trade_platform.core.attempts.embedded_dispatcher import EmbeddedDispatcher
from ba2_trade_platform.core.attempts.retention import Retention
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.app_settings import DeskSettings, Preferences
from ba2_trade_platform.core.base.first_answers import FirstAnswers
from ba2_trade_platform.core.base.private_files import tighten
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.batches.bulk_reruns import BulkReruns
from ba2_trade_platform.core.batches.service import Batches
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.experts.instances import ExpertInstances
from ba2_trade_platform.core.failures.breakers import Breakers
from ba2_trade_platform.core.instruments.service import InstrumentServices
from ba2_trade_platform.core.lessons.lessons import Lessons
from ba2_trade_platform.core.notifications.service import Notifications
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.core.operations.instance_lock import InstanceLock
from ba2_trade_platform.core.worker.tick import Tick
from ba2_trade_platform.core.worker.trials import Trials
from ba2_trade_platform.core.worker.worker import ExpertWorker
from ba2_trade_platform.db.engine import database_file
from ba2_trade_platform.market.research.sources import ResearchSource
from ba2_trade_platform.memory.service import LessonMemory
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ActorKind


@dataclass(frozen=True)
class Platform:
    """Every service of one console, put together.

    `tick_of` makes the tick of a worker of another name than this console's own `worker`.
    """

    settings: Settings
    version: str
    store: Store
    telemetry: Telemetry
    app_settings: DeskSettings
    preferences: Preferences
    first_answers: FirstAnswers
    instance_lock: InstanceLock
    prices: Prices
    research: ResearchSource
    queue: WorkerQueue
    analyses: Analyses
    waiting_retries: WaitingRetries
    breakers: Breakers
    batches: Batches
    bulk_reruns: BulkReruns
    retention: Retention
    monitoring: Monitoring
    experts: ExpertInstances
    models: ModelServices
    lessons: Lessons
    memory: LessonMemory
    instruments: InstrumentServices
    schedules: Scheduling
    notifications: Notifications
    operations: Operations
    demo: DemoServices
    worker: ExpertWorker
    tick_of: Callable[[str], Tick]
    trials: Trials
    dispatcher: EmbeddedDispatcher

    def actor(self, kind: ActorKind) -> Actor:
        """Return the operator as an actor of this kind."""
        return Actor(kind, self.settings.operator_name)

    def own(self, *, new: bool = False) -> None:
        """Take the database, bring it to this code's schema and load the demo desk into an empty one.

        `new`: begin an empty one although a desk was here. Raises StartRefused when another console holds
        it, when it is gone or cannot be migrated.
        """
        self.instance_lock.take(self.settings.page_url)
        try:
            migrate(self.settings, new=new)
            self.store.hold_file()
            tighten(self.settings.data_dir, database_file(self.settings.url))
            first_slots(self.store, self.settings.workers)
            self.models.own()
            self.demo.replay.restore()
            if self.settings.demo:
                self.demo.desk.seed_if_empty()
        except BaseException:
            self.instance_lock.release()
            raise

    def start(self) -> None:
        """Begin to work; `own` came before."""
        jobs = self.operations.background_jobs
        self.dispatcher.start(self.worker.committed)
        self.worker.start()
        self.memory.start(self.store.feed, jobs)
        self.schedules.scheduler.start()
        jobs.start()
        self.schedules.watchdog.start()
        self.operations.start()
        jobs.run_at(self.store.clock.now(), "demo schedule", self.demo.desk.add_schedule)

    def stop(self) -> None:
        """Accept no more requests, hand back what runs, and let go of the database."""
        self.store.close()
        self.schedules.stop()
        self.notifications.dispatcher.stop()
        self.instruments.prefetch.stop()
        self.operations.background_jobs.stop()
        self.demo.save_replay()
        self.operations.stop()
        self.trials.stop()
        self.worker.stop()
        self.models.stop()
        self.memory.stop()
        self.dispatcher.stop()
        self.store.dispose()
        self.instance_lock.release()
