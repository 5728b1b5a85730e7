"""Job: one attempt at work in this process, from its start until its end is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.contracts.experts import Expert, ExpertCatalog, PricesAsOf, Skipped, Verdict
from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.contracts.toolkit import ExpertToolkit
from ba2_trade_platform.core.failures.classification import Failure, classify, failure
from ba2_trade_platform.core.worker.buffers import AttemptBuffer, End
from ba2_trade_platform.core.worker.context import RunContext, Stopped
from ba2_trade_platform.vocabulary import ErrorCode, Outcome, Signal


@dataclass(frozen=True)
class WorkerEnvironment:
    """What every job is given to work with."""

    catalog: ExpertCatalog
    view: Callable[[datetime], PricesAsOf]
    clock: Clock
    toolkit: ExpertToolkit = field(default_factory=ExpertToolkit)


class Job:
    """One claimed attempt, from its start until its end is written and its last thread has returned."""

    def __init__(
        self, claim: Claim, environment: WorkerEnvironment, written: Callable[[], None], ended: Callable[[], None]
    ) -> None:
        self.claim = claim
        self.buffer = AttemptBuffer(claim)
        self._environment = environment
        self._ended = ended
        expert = environment.catalog.get(claim.expert)
        settings = expert.settings_model.model_validate(claim.settings)
        self._context = RunContext(
            claim, self.buffer, environment.view(claim.as_of), settings, environment.clock, written, environment.toolkit
        )
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(_analyse(expert, self._context), name=f"analysis {claim}")
        self._task.add_done_callback(self._done)
        self._limit = loop.call_later(claim.timeout_seconds, self._out_of_time)

    @property
    def at_work(self) -> bool:
        """Whether the expert's coroutine or one of its threads is still alive."""
        return self._context.live_threads > 0 or not self._task.done()

    @property
    def occupies(self) -> bool:
        """Whether this job still takes a slot: it has not ended, or it does not stop."""
        return not self.buffer.closed or self.at_work

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop, or has ended, and still is at work."""
        return self.buffer.closed and self.at_work

    def abandon(self, reason: str) -> None:
        """Stop the expert and drop what it says from now on: the lease is lost or handed back."""
        self.buffer.drop()
        self._stop(reason)

    def _stop(self, reason: str) -> None:
        self._limit.cancel()
        self._context.stop(reason)
        self._task.cancel(reason)

    def _out_of_time(self) -> None:
        limit = f"{self.claim.timeout_seconds:g} s"
        self._fail(failure(ErrorCode.TIMEOUT, f"The attempt did not end within its limit of {limit}"))
        self._stop("out of time")
        self._ended()

    def _done(self, task: asyncio.Task[Verdict]) -> None:
        self._limit.cancel()
        try:
            self._conclude(task)
        finally:
            if not self.buffer.closed:
                self._fail(failure(ErrorCode.BUG, "The expert raised an error that cannot be put into words"))
            self._ended()

    def _conclude(self, task: asyncio.Task[Verdict]) -> None:
        if not self.buffer.closed:
            now = self._environment.clock.now()
            if task.cancelled():
                self._fail(failure(ErrorCode.BUG, "The expert cancelled itself", self.claim.symbol))
            elif (error := task.exception()) is None:
                self.buffer.end(End(Outcome.COMPLETED, now, verdict=task.result(), unused=self._context.unused))
            elif isinstance(error, Skipped):
                reason = failure(ErrorCode.EXPERT_SKIPPED, str(error) or "The expert had nothing to analyse")
                self.buffer.end(End(Outcome.SKIPPED, now, failure=reason))
            else:
                self._fail(classify(error, self.claim.symbol))
        elif not task.cancelled():
            task.exception()  # it came too late to matter; asyncio complains of one that nobody looked at

    def _fail(self, why: Failure) -> None:
        review = None
        if why.code is ErrorCode.OUTPUT_INVALID:
            # An answer nobody could read must never look like a Hold: a person decides.
            review = Verdict(action=Signal.REVIEW, confidence=1, details=why.message)
        self.buffer.end(End(Outcome.FAILED, self._environment.clock.now(), verdict=review, failure=why))


async def _analyse(expert: Expert, context: RunContext) -> Verdict:
    try:
        verdict = await expert.analyse(context)
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the expert raised {type(error).__name__}") from error
    except Stopped as error:
        raise RuntimeError(f"the expert stopped by itself: {error}") from error
    if not isinstance(verdict, Verdict):
        raise TypeError(f"the expert returned {type(verdict).__name__} instead of a Verdict")
    return verdict
