"""A stepped desk: its clock is moved and its workers tick when a test says so, and everything else is real."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.analyses.service import Analyses
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import ExpertCatalog
from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.failures.classification import Failure, failure
from ba2_trade_platform.core.worker.buffers import End, OutputRecord, StepRecord, WriteBatch
from ba2_trade_platform.core.worker.claims import BULK_PRIORITY
from ba2_trade_platform.core.worker.tick import Plan, Ticked
from ba2_trade_platform.vocabulary import ErrorCode, Outcome, StepStatus
from tests.fakes.clock import MovingClock
from tests.fakes.experts import Catalog, Scripted, hold
from tests.platforms import TRADER, make_platform
from tests.sql import file_of

MARKET_NOW = datetime(2014, 12, 31, 21, tzinfo=UTC)


@dataclass(frozen=True)
class Desk:
    """A console that was never started, and its clock; short names for what most tests ask of it."""

    platform: Platform
    clock: MovingClock

    @property
    def file(self) -> Path:
        """The database."""
        return file_of(self.platform)

    @property
    def store(self) -> Store:
        """The console's transactions."""
        return self.platform.store

    @property
    def queue(self) -> WorkerQueue:
        """The console's queue."""
        return self.platform.queue

    @property
    def analyses(self) -> Analyses:
        """The verbs on one analysis."""
        return self.platform.analyses

    def worker(self, name: str = "one") -> SteppedWorker:
        """Return a worker that ticks when told."""
        return SteppedWorker(self, name)

    def expert(self, name: str = "Scripted", alias: str | None = None, **limits: Any) -> int:
        """Configure an expert, which is not retried unless told otherwise, and return its instance id."""
        limits.setdefault("max_retries", 0)
        return self.platform.experts.create(name, alias or name, by=TRADER, **limits).id

    def submit(self, instance_id: int, symbol: str = "AAPL", **options: Any) -> int:
        """Submit an analysis and return its id."""
        return self.queue.submit_analysis_task(instance_id, symbol, by=TRADER, **options).analysis_id

    def row(self, analysis_id: int) -> Any:
        """Return an analysis as the table shows it."""
        return self.platform.monitoring.details.row(analysis_id)

    def die(self) -> None:
        """Hold the database no longer, as a console that was killed: another may be opened on it."""
        self.platform.instance_lock.release()

    def close(self) -> None:
        """Stop the console."""
        self.platform.stop()


def make_desk(folder: Path, catalog: ExpertCatalog | None = None, slots: int = 8, **given: Any) -> Desk:
    """Return a desk on the database in `folder`, with one scripted expert unless told otherwise.

    `given` is what `make_platform` takes: settings, side effects, prices, tracing.
    """
    clock = MovingClock()
    platform = make_platform(folder, catalog=catalog or Catalog(Scripted()), workers=slots, clock=clock, **given)
    return Desk(platform, clock)


class SteppedWorker:
    """Claims and writes like the console's worker, one tick a call; what its jobs do is the test's to say."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk = desk
        self._tick = desk.platform.tick_of(name)
        self.leased: dict[int, Claim] = {}

    def tick(
        self, *write_batches: WriteBatch, boot: bool = False, renew: bool = False, releasing: bool = False
    ) -> Ticked:
        """Write these batches, recover, and claim what there is room for (or hand everything back)."""
        ended = {write_batch.claim.token for write_batch in write_batches if write_batch.end}
        running = [claim for claim in self.leased.values() if claim.token not in ended]
        ticked = self._tick.run(
            Plan(
                write_batches=write_batches,
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
        self.leased = {} if releasing else {key: held for key, held in self.leased.items() if held.token not in gone}
        self.leased |= {claim.analysis_id: claim for claim in ticked.claims}
        return ticked

    def claim(self, analysis_id: int) -> Claim:
        """Tick, and return the claim on this analysis."""
        self.tick()
        return self.leased[analysis_id]

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
        return self.tick(WriteBatch(claim, end=End(Outcome.SKIPPED, self._desk.clock.now(), failure=why)))


def worked(claim: Claim, at: datetime, end: End | None = None, *, outputs: int = 1) -> WriteBatch:
    """Return the batch of an attempt that did one step, wrote outputs and kept a state."""
    return WriteBatch(
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
