"""A stepped desk: its clock is moved and its workers tick when a test says so, and everything else is real."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue, first_slots
from ba2_trade_platform.core.analyses.rerun import Requeue
from ba2_trade_platform.core.analyses.rerun_planner import RerunPlanner
from ba2_trade_platform.core.analyses.service import Analyses
from ba2_trade_platform.core.attempts.archive_files import PackedArchives
from ba2_trade_platform.core.attempts.embedded_dispatcher import EmbeddedDispatcher
from ba2_trade_platform.core.base.app_settings import DeskSettings
from ba2_trade_platform.core.base.change_feed import ChangeFeed
from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.batches.bulk_plans import Planner
from ba2_trade_platform.core.batches.bulk_reruns import BulkReruns
from ba2_trade_platform.core.batches.bulk_slices import BulkSlices
from ba2_trade_platform.core.batches.service import Batches
from ba2_trade_platform.core.contracts.experts import ExpertCatalog, Prices, SideEffects
from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.experts.availability import Abilities
from ba2_trade_platform.core.experts.instances import ExpertInstances
from ba2_trade_platform.core.failures.breaker_states import DEFAULT_POLICY, BreakerPolicy
from ba2_trade_platform.core.failures.classification import Failure, failure
from ba2_trade_platform.core.models.call_log import ModelCalls
from ba2_trade_platform.core.models.pricing import ModelPrices
from ba2_trade_platform.core.monitoring.details import Details
from ba2_trade_platform.core.monitoring.job_list import Monitor
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.core.observability.tracing import TracerProvider, Traces
from ba2_trade_platform.core.worker.buffers import End, OutputRecord, Sheet, StepRecord
from ba2_trade_platform.core.worker.claims import BULK_PRIORITY, Worker
from ba2_trade_platform.core.worker.tick import Plan, Tick, Ticked
from ba2_trade_platform.db.engine import open_engine
from ba2_trade_platform.db.migrate import upgrade
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.vocabulary import ErrorCode, Outcome, StepStatus
from tests.fakes.clock import MovingClock
from tests.fakes.experts import Catalog, Scripted, hold
from tests.platforms import TRADER

MARKET_NOW = datetime(2014, 12, 31, 21, tzinfo=UTC)


@dataclass(frozen=True)
class Desk:
    """The services of a console on one database, without its worker."""

    file: Path
    clock: MovingClock
    feed: ChangeFeed
    store: Store
    queue: WorkerQueue
    analyses: Analyses
    bulk_reruns: BulkReruns
    batches: Batches
    experts: ExpertInstances
    monitor: Monitor
    details: Details
    abilities: Abilities
    slices: BulkSlices
    prices: Prices
    telemetry: Telemetry
    calls: ModelCalls
    desk_settings: DeskSettings

    def worker(self, name: str = "one", max_rescues: int = 5, policy: BreakerPolicy = DEFAULT_POLICY) -> SteppedWorker:
        """Return a worker that ticks when told."""
        return SteppedWorker(self, name, max_rescues, policy)

    def expert(self, name: str = "Scripted", alias: str | None = None, **limits: Any) -> int:
        """Configure an expert, which is not retried unless told otherwise, and return its instance id."""
        limits.setdefault("max_retries", 0)
        return self.experts.create(name, alias or name, by=TRADER, **limits).id

    def submit(self, instance_id: int, symbol: str = "AAPL", **options: Any) -> int:
        """Submit an analysis and return its id."""
        return self.queue.submit_analysis_task(instance_id, symbol, by=TRADER, **options).analysis_id

    def row(self, analysis_id: int) -> Any:
        """Return an analysis as the table shows it."""
        return self.details.row(analysis_id)


@cache
def empty_database() -> Path:
    """Return a migrated database without rows; a copy of it is there sooner than a migration."""
    folder = Path(tempfile.mkdtemp(prefix="empty-desk-"))
    atexit.register(shutil.rmtree, folder)
    upgrade(f"sqlite:///{folder / 'desk.db'}", folder / "backups")
    return folder / "desk.db"


def make_desk(
    folder: Path,
    catalog: ExpertCatalog | None = None,
    slots: int = 8,
    side_effects: Sequence[SideEffects] = (),
    tracing: TracerProvider | None = None,
) -> Desk:
    """Return a desk on an empty database in `folder`, with one scripted expert unless told otherwise."""
    file = folder / "desk.db"
    url = f"sqlite:///{file}"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(empty_database(), file)
    clock, feed, prices = MovingClock(), ChangeFeed(), DemoMarket()
    experts = catalog or Catalog(Scripted())
    store = Store(open_engine(url, "OFF", busy_timeout_ms=5_000), feed, clock)
    dispatcher, abilities = EmbeddedDispatcher(), Abilities(experts)
    queue = WorkerQueue(store, dispatcher, abilities, prices)
    first_slots(store, slots)
    rerun_planner = RerunPlanner(abilities, side_effects)
    monitor, planner = Monitor(store), Planner(abilities, (rerun_planner.not_unasked,))
    telemetry = Telemetry(traces=Traces(tracing))
    bulk_reruns = BulkReruns(store, planner)
    return Desk(
        file=file,
        clock=clock,
        feed=feed,
        store=store,
        queue=queue,
        analyses=Analyses(store, queue, dispatcher, rerun_planner, telemetry=telemetry),
        bulk_reruns=bulk_reruns,
        batches=Batches(store, queue, bulk_reruns),
        experts=ExpertInstances(store, experts),
        monitor=monitor,
        details=Details(store, monitor, PackedArchives(folder / "archives")),
        abilities=abilities,
        slices=BulkSlices(planner, Requeue(clock, dispatcher, rerun_planner)),
        prices=prices,
        telemetry=telemetry,
        calls=ModelCalls(store, ModelPrices(folder / "prices.csv")),
        desk_settings=DeskSettings(store),
    )


class SteppedWorker:
    """Claims and writes like the console's worker, one tick a call; what its jobs do is the test's to say."""

    def __init__(self, desk: Desk, name: str, max_rescues: int, policy: BreakerPolicy) -> None:
        self._desk = desk
        self._tick = Tick(
            desk.store,
            Worker(name, {"version": "test"}, desk.prices.clock.now, desk.abilities),
            max_rescues,
            desk.slices,
            policy,
            desk.telemetry,
        )
        self.held: dict[int, Claim] = {}

    def tick(self, *sheets: Sheet, boot: bool = False, renew: bool = False, releasing: bool = False) -> Ticked:
        """Write these sheets, keep house, and claim what there is room for (or hand everything back)."""
        ended = {sheet.claim.token for sheet in sheets if sheet.end}
        running = [claim for claim in self.held.values() if claim.token not in ended]
        ticked = self._tick.run(
            Plan(
                sheets=sheets,
                running=running,
                busy=len(running),
                bulk_busy=sum(claim.priority >= BULK_PRIORITY for claim in running),
                per_instance=Counter(claim.expert_instance_id for claim in running),
                alone=any(claim.alone for claim in running),
                now=self._desk.clock.now(),
                renew=renew,
                boot=boot,
                releasing=releasing,
            )
        )
        gone = {claim.token for claim in ticked.lost} | ended
        self.held = {} if releasing else {key: held for key, held in self.held.items() if held.token not in gone}
        self.held |= {claim.analysis_id: claim for claim in ticked.claims}
        return ticked

    def claim(self, analysis_id: int) -> Claim:
        """Tick, and return the claim on this analysis."""
        self.tick()
        return self.held[analysis_id]

    def succeed(self, claim: Claim, **verdict: Any) -> Ticked:
        """End an attempt well, with one step and one output."""
        now = self._desk.clock.now()
        return self.tick(worked(claim, now, End(Outcome.COMPLETED, now, hold(**verdict))))

    def fail(self, claim: Claim, code: ErrorCode = ErrorCode.AUTH, message: str = "The key is wrong") -> Ticked:
        """End an attempt badly, with one step and one output."""
        now = self._desk.clock.now()
        return self.tick(worked(claim, now, End(Outcome.FAILED, now, failure=failure_of(claim, code, message))))

    def skip(self, claim: Claim, reason: str = "Nothing to analyse") -> Ticked:
        """End an attempt because there was nothing to do."""
        why = failure(ErrorCode.EXPERT_SKIPPED, reason)
        return self.tick(Sheet(claim, end=End(Outcome.SKIPPED, self._desk.clock.now(), failure=why)))


def worked(claim: Claim, at: datetime, end: End | None = None, *, outputs: int = 1) -> Sheet:
    """Return the sheet of an attempt that did one step, wrote outputs and kept a state."""
    return Sheet(
        claim,
        steps={1: StepRecord(1, "Look", StepStatus.COMPLETED, "hash", at, at, {"seen": claim.symbol})},
        outputs=[OutputRecord(1, "note", f"Note {number}", f"Seen {claim.symbol}", at) for number in range(outputs)],
        state={"attempt": claim.attempt},
        progress=50,
        end=end,
    )


def failure_of(claim: Claim, code: ErrorCode = ErrorCode.AUTH, message: str = "The key is wrong") -> Failure:
    """Return the failure of an attempt, with a traceback."""
    return replace(failure(code, message, claim.symbol), traceback=f"Traceback of {claim}")
