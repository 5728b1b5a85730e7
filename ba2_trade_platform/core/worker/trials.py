"""Trial: one analysis with settings that are not saved, beside the queue and kept nowhere (docs/decisions/0023)."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ba2_trade_platform.core.base.access import PermissionCheck, needs
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound, Refused, TooMany, Unavailable
from ba2_trade_platform.core.base.symbols import symbol_of
from ba2_trade_platform.core.contracts.experts import Verdict
from ba2_trade_platform.core.contracts.queue import Abilities, Claim
from ba2_trade_platform.core.experts.instances import LIMITS, ExpertInstances
from ba2_trade_platform.core.models.attempt_costs import Spend
from ba2_trade_platform.core.models.trial_calls import UNSAVED, TrialCalls
from ba2_trade_platform.core.worker.buffers import End
from ba2_trade_platform.core.worker.jobs import Job, WorkerEnvironment
from ba2_trade_platform.vocabulary import ErrorCode, Mode, Outcome, Subtype, Trigger

log = logging.getLogger(__name__)

MOST_AT_ONCE = 4
LEAVE_SECONDS = 2.0
KEPT = 50  # that have ended, for whoever asks late
TIMEOUT_SECONDS = 600.0
NOT_KEPT = "A trial: not kept, never traded"


@dataclass(frozen=True)
class Trial:
    """How a trial stands. `outcome` is None while it is at work; `error_code` and `error_message` say why it failed.

    `spend` is of its model calls so far, which the call log has as of analysis `-id`.
    """

    id: int
    expert: str
    symbol: str
    outcome: Outcome | None
    progress: int
    current_step: str | None
    seconds: float
    verdict: Verdict | None
    error_code: ErrorCode | None
    error_message: str | None
    warnings: tuple[str, ...]
    spend: Spend

    @property
    def sentence(self) -> str:
        """Say how it stands."""
        about = f"{self.expert} on {self.symbol}"
        if self.outcome is None:
            return f"{about} is tried: {self.current_step or 'it begins'}"
        if self.verdict is not None and self.outcome is Outcome.COMPLETED:
            verdict = self.verdict
            return f"{NOT_KEPT}. {about}: {verdict.action.value}, confidence {verdict.confidence:g}"
        why = f"{self.error_code.value}: {self.error_message}" if self.error_code else "it was stopped"
        return f"{NOT_KEPT}. {about} {self.outcome.value}: {why}"


@dataclass
class _Running:
    """A trial and what was collected of it so far; only its loop's thread touches the job."""

    claim: Claim
    begun: float
    job: Job | None = None
    cancelled: bool = False
    progress: int = 0
    current_step: str | None = None
    warnings: list[str] = field(default_factory=list)
    end: End | None = None
    seconds: float | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.cancelled or self.end is not None


class Trials:
    """Runs experts as the worker does, on a loop of their own; what they write down goes no further than here.

    `folder` holds what experts keep while they are tried; it is emptied.
    """

    def __init__(
        self,
        experts: ExpertInstances,
        abilities: Abilities,
        environment: WorkerEnvironment,
        now: Callable[[], datetime],
        calls: TrialCalls,
        folder: Path,
        check_permission: PermissionCheck,
    ) -> None:
        self.check_permission = check_permission
        self._experts = experts
        self._abilities = abilities
        self._environment = environment
        self._now = now
        self._calls = calls
        self._folder = folder
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)  # told when an expert is no more at work
        self._trials: dict[int, _Running] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    @needs(Action.START, Subject.TRIAL)
    def start(
        self,
        expert: str,
        settings: Mapping[str, Any],
        symbol: str,
        *,
        by: Actor,
        expert_instance_id: int | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Trial:
        """Begin to try an expert with these settings on one symbol, as of now.

        `expert_instance_id`: whose settings they would be; its budget of a day counts. Raises NotFound, Invalid,
        Refused EXPERT_UNAVAILABLE or TooMany TRIALS.
        """
        if expert_instance_id is not None and (known := self._experts.get(expert_instance_id)).expert != expert:
            raise Impossible(f"{known.alias} is a {known.expert}, not a {expert[:80]}")
        low, high = LIMITS["timeout_seconds"]
        if not low <= timeout_seconds <= high:
            raise Invalid(f"timeout_seconds must be between {low:g} and {high:g}, not {timeout_seconds}")
        valid, name = self._experts.validated(expert, settings), symbol_of(symbol)
        ability = self._abilities(expert, valid, Subtype.ENTER_MARKET)
        if ability.unavailable:
            raise Refused(f"{expert} cannot be tried: {ability.unavailable}", code="EXPERT_UNAVAILABLE")
        claim = Claim(
            0, 1, "trial", UNSAVED if expert_instance_id is None else expert_instance_id, expert, expert, valid,
            timeout_seconds, name, Subtype.ENTER_MARKET, Mode.FRESH, self._now(), self._environment.clock.now(),
            providers=ability.providers, trigger=Trigger.FIRST,
        )  # fmt: skip
        begun = self._begin(claim)
        log.info("%s tries %s on %s, trial %s", by, expert, name, begun)
        return self.get(begun)

    def get(self, trial_id: int) -> Trial:
        """Return how a trial stands; raises NotFound for one that never was or is not kept any more."""
        with self._lock:
            running = self._known(trial_id)
            seconds = running.seconds
            claim, end = running.claim, running.end
            outcome = Outcome.CANCELLED if running.cancelled else end.outcome if end else None
            failure = end.failure if end and not running.cancelled else None
            trial = Trial(
                trial_id, claim.expert, claim.symbol, outcome, running.progress, running.current_step,
                time.monotonic() - running.begun if seconds is None else seconds,
                end.verdict if end and not running.cancelled else None,
                failure.code if failure else None, failure.message if failure else None, tuple(running.warnings),
                Spend(),
            )  # fmt: skip
        return replace(trial, seconds=round(trial.seconds, 3), spend=self._calls.spend(trial_id))

    @needs(Action.CANCEL, Subject.TRIAL)
    def cancel(self, trial_id: int, *, by: Actor) -> Trial:
        """Stop a trial and its model calls; one that has ended stays as it is. Raises NotFound."""
        with self._lock:
            running = self._known(trial_id)
            ends = not running.ended
            if ends:
                running.cancelled, running.seconds = True, time.monotonic() - running.begun
        if ends and self._loop is not None:
            log.info("%s cancels trial %s", by, trial_id)
            self._loop.call_soon_threadsafe(_abandon, running)
        return self.get(trial_id)

    def stop(self) -> None:
        """Stop all trials; none can be begun after. Waits a moment for experts that do not stop."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._stopped, self._loop, self._thread = True, None, None
        if loop is None or thread is None:
            return
        running = list(self._trials.values())
        for one in running:
            loop.call_soon_threadsafe(_abandon, one)
        with self._left:
            self._left.wait_for(lambda: not any(one.job and one.job.at_work for one in running), LEAVE_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LEAVE_SECONDS)

    def _begin(self, claim: Claim) -> int:
        with self._lock:
            if self._stopped:
                raise Unavailable("The console is stopping")
            busy = sum(one.job.occupies if one.job else not one.ended for one in self._trials.values())
            if busy >= MOST_AT_ONCE:
                raise TooMany(
                    f"{busy} trials are at work already: wait until one has ended, or cancel one", code="TRIALS"
                )
            trial_id = self._calls.next_id()
            running = _Running(replace(claim, analysis_id=-trial_id), time.monotonic())
            self._trials[trial_id] = running
            ended = [one for one, known in self._trials.items() if known.ended]
            for old in ended[: max(0, len(ended) - KEPT)]:
                del self._trials[old]
            loop = self._running_loop()
        loop.call_soon_threadsafe(self._work, running)
        return trial_id

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._live, args=(self._loop,), name="trials", daemon=True)
            self._thread.start()
        return self._loop

    def _live(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                loop.run_forever()
            except (SystemExit, KeyboardInterrupt) as error:
                # asyncio lets these two out of a task that an expert made; the loop goes on where it was.
                log.warning("A task of an expert raised %s; the trials go on", type(error).__name__)
            else:
                loop.close()
                return

    def _work(self, running: _Running) -> None:
        """Let the expert begin, on the trials' own loop."""
        if running.cancelled:  # before it began
            return
        folder = self._folder / str(-running.claim.analysis_id)
        toolkit = replace(self._environment.toolkit, folder=folder)
        environment = replace(self._environment, toolkit=toolkit)
        collect = partial(self._collect, running, folder)
        running.job = Job(running.claim, environment, collect, collect)

    def _collect(self, running: _Running, folder: Path) -> None:
        """Take over what the expert has said since; called by its job, from any of its threads."""
        job = running.job
        if job is None:
            return
        with self._lock:
            batch = job.buffer.take()
            running.progress = running.progress if batch.progress is None else batch.progress
            running.current_step = batch.current_step or running.current_step
            running.warnings += batch.warnings
            if batch.end is not None and not running.cancelled:
                running.end, running.seconds = batch.end, time.monotonic() - running.begun
        if not job.at_work:
            with self._left:
                self._left.notify_all()
            shutil.rmtree(folder, ignore_errors=True)

    def _known(self, trial_id: int) -> _Running:
        try:
            return self._trials[trial_id]
        except KeyError:
            raise NotFound(f"Trial {trial_id} is not known, or not kept any more") from None


def _abandon(running: _Running) -> None:
    if running.job is not None:
        running.job.abandon("the trial was cancelled")
