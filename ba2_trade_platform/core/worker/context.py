"""Analysis context: gives one attempt's expert its recorded steps, outputs, state and stop signal.

Decision records: docs/decisions/0010 and 0011.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import hashlib
import inspect
import itertools
import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

from ba2_trade_platform.core.attempts.archives import compress
from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.sanitizing import canonical_json, clean_json, clean_name, clean_text
from ba2_trade_platform.core.contracts.experts import PricesAsOf, Verdict
from ba2_trade_platform.core.contracts.language_models import Memory, Models, Research, step_name
from ba2_trade_platform.core.contracts.queue import Claim, RecordedStep
from ba2_trade_platform.core.contracts.toolkit import ExpertToolkit, Spent
from ba2_trade_platform.core.worker.buffers import AttemptBuffer, OutputRecord, StepRecord, WriteBatch
from ba2_trade_platform.core.worker.warned_prices import WarnedPrices
from ba2_trade_platform.vocabulary import StepStatus

T = TypeVar("T")
MAX_STATE = 256 * 1024
NAME_LIMIT = 200

_position: contextvars.ContextVar[int | None] = contextvars.ContextVar("step_position", default=None)


class Stopped(BaseException):
    """Raised inside an expert that was cancelled, is out of time, or is being handed back."""


class RunContext:
    """The AnalysisContext of one attempt; see core.contracts.experts for what each part promises."""

    def __init__(
        self,
        claim: Claim,
        buffer: AttemptBuffer,
        prices: PricesAsOf,
        settings: Any,
        clock: Clock,
        written: Callable[[], None],
        toolkit: ExpertToolkit,
    ) -> None:
        self.analysis_id = claim.analysis_id
        self.attempt = claim.attempt
        self.symbol = claim.symbol
        self.subtype = claim.subtype
        self.as_of: datetime = claim.as_of
        self.settings = settings
        self.prices: PricesAsOf = WarnedPrices(prices, self.warn)
        self.clock = clock
        self.state: Mapping[str, Any] | None = claim.state
        self.providers: Sequence[str] = claim.providers
        self.mode = claim.mode
        self.base_attempt = claim.base_attempt
        self.expert_instance_id = claim.expert_instance_id
        self._expert = claim.expert
        self.kept = frozenset(step.name for step in claim.recorded)
        self.live_threads = 0
        self._toolkit = toolkit
        self._spent: dict[int, Spent] = {}
        self._buffer = buffer
        self._written = written
        self._stop_reason: str | None = None
        self._recorded: list[RecordedStep] = list(claim.recorded)
        self._taken = {step.position for step in claim.recorded}
        self._expected = 0
        self._done = 0
        self._running: list[str] = []
        self._begun: dict[str, None] = {}  # names in the order of beginning, each once

    def expect(self, steps: int) -> None:
        """Say how many steps this attempt will take."""
        self._expected = steps

    def check(self) -> None:
        """Raise Stopped when the analysis was cancelled or is out of time."""
        if self._stop_reason is not None:
            raise Stopped(self._stop_reason)

    def stop(self, reason: str) -> None:
        """Make the next `check` or `step` raise."""
        self._stop_reason = reason

    @property
    def folder(self) -> Path:
        """The expert's own folder; made when first asked for."""
        return self._toolkit.folder_for(self._expert)

    @functools.cached_property
    def models(self) -> Models:
        """The models this attempt may ask; raises TypeError for an expert whose settings name no providers."""
        return self._toolkit.models_for(self)

    @functools.cached_property
    def memory(self) -> Memory:
        """Lessons of earlier decisions, as this attempt may see them."""
        return self._toolkit.memory_for(self)

    @functools.cached_property
    def research(self) -> Research:
        """News and figures, as this attempt may see them."""
        return self._toolkit.research_for(self)

    @property
    def unused(self) -> tuple[int, ...]:
        """The positions of recorded steps that this attempt has not asked for."""
        return tuple(step.position for step in self._recorded)

    async def step(
        self,
        name: str,
        work: Callable[[], T | Awaitable[T]],
        *,
        inputs: object = None,
        after: Sequence[str] | None = None,
        always: bool = False,
    ) -> T:
        """Do `work` as a named, recorded step, or return what a previous attempt recorded for the same inputs."""
        self.check()
        name = clean_name(name, NAME_LIMIT)
        depends_on = list(self._begun) if after is None else [clean_name(other, NAME_LIMIT) for other in after]
        self._begun[name] = None
        # A step that is done in every attempt has no hash, and so is never taken for one that could be used again.
        inputs_hash = None
        if not always:
            inputs_hash = hashlib.sha256(canonical_json([name, inputs]).encode()).hexdigest()[:32]
        recorded = next((step for step in self._recorded if step.name == name), None)
        if recorded is not None:
            self._recorded.remove(recorded)
            if inputs_hash is not None and recorded.inputs_hash == inputs_hash:
                self._done += 1
                return cast(T, recorded.result)
        replaces = recorded is not None
        position = recorded.position if recorded is not None else self._free_position()
        record = StepRecord(
            position, name, StepStatus.RUNNING, inputs_hash, self.clock.now(), replaces=replaces, depends_on=depends_on
        )
        self._running.append(name)
        self._write(record)
        self._spent.pop(position, None)
        token, named = _position.set(position), step_name.set(name)
        try:
            result = clean_json(await self._run(work))
        except BaseException as error:
            text = clean_text(str(error) or type(error).__name__, 4000)
            self._end_step(record, status=StepStatus.FAILED, error_message=text)
            raise
        finally:
            _position.reset(token)
            step_name.reset(named)
        self._done += 1
        self._end_step(record, status=StepStatus.COMPLETED, result=result)
        return cast(T, deepcopy(result))  # its own copy: what is recorded must not change under the expert's hands

    def output(self, type: str, name: str, text: str, raw: object = None) -> None:
        """Write one output, belonging to the step at work."""
        record = OutputRecord(
            position=_position.get(),
            type=clean_name(type, 40),
            name=clean_name(name, NAME_LIMIT),
            text=clean_text(text),
            created_at=self.clock.now(),
            raw=None if raw is None else compress(clean_json(raw)),
        )
        self._note(lambda batch: batch.outputs.append(record))

    def charge(self, provider: str, tokens: int | None, cost: Decimal | None) -> None:
        """Add what a model call of the step at work took."""
        position = _position.get()
        if position is not None:
            self._spent.setdefault(position, Spent(provider)).add(provider, tokens, cost)

    def warn(self, sentence: str) -> None:
        """Note on the attempt what went wrong and did not fail it."""
        clean = clean_text(sentence, 1000)
        self._note(lambda batch: batch.warnings.append(clean))

    def note(self, facts: Mapping[str, Any]) -> None:
        """Keep these facts in the attempt's environment."""
        clean = clean_json(dict(facts))
        self._note(lambda batch: batch.facts.update(clean))

    def recommend(self, verdict: Verdict) -> None:
        """Record a provisional recommendation; raises TypeError for anything but a Verdict."""
        if not isinstance(verdict, Verdict):
            raise TypeError(f"the expert recommended {type(verdict).__name__} instead of a Verdict")

        def write(batch: WriteBatch) -> None:
            batch.provisional = verdict

        self._note(write)

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep the expert's working state; raises ValueError past 256 KB."""
        clean = clean_json(dict(state))
        size = len(json.dumps(clean, separators=(",", ":")))
        if size > MAX_STATE:
            raise ValueError(f"the state has {size} bytes; at most {MAX_STATE} are kept")
        self.state = deepcopy(clean)  # apart from the one that is yet to be written

        def write(batch: WriteBatch) -> None:
            batch.state = clean

        self._note(write)

    def _note(self, write: Callable[[WriteBatch], object]) -> None:
        self._buffer.note(write)
        self._written()

    def _write(self, record: StepRecord) -> None:
        def write(batch: WriteBatch) -> None:
            batch.steps[record.position] = record
            batch.progress = min(99, 100 * self._done // self._expected) if self._expected > 0 else 0
            batch.current_step = self._running[-1] if self._running else None

        self._note(write)

    def _end_step(self, record: StepRecord, **how: Any) -> None:
        self._running.remove(record.name)
        spent = self._spent.pop(record.position, None)
        self._write(replace(record, finished_at=self.clock.now(), **how, **(asdict(spent) if spent else {})))

    def _free_position(self) -> int:
        # The lowest, so that a step which is done again takes its old place among those that are kept.
        position = next(place for place in itertools.count(1) if place not in self._taken)
        self._taken.add(position)
        return position

    async def _run(self, work: Callable[[], T | Awaitable[T]]) -> T:
        if inspect.iscoroutinefunction(work):
            return cast(T, await work())
        result = await self._in_thread(cast(Callable[[], T], work))
        return await result if inspect.isawaitable(result) else result

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        # A daemon thread of its own: a pool's threads are waited for at exit; one that hangs would hold the console.
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        inherited = contextvars.copy_context()

        def finish(result: T | None, error: BaseException | None) -> None:
            self.live_threads -= 1
            self._written()
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(cast(T, result))

        def body() -> None:
            result: T | None = None
            failed: BaseException | None = None
            try:
                result = inherited.run(work)
            except (StopIteration, SystemExit, KeyboardInterrupt) as error:
                # None of these may pass through a future or end the worker.
                failed = RuntimeError(f"the step raised {type(error).__name__}")
                failed.__cause__ = error
            except BaseException as error:  # noqa: BLE001 - carried over to the coroutine that waits for it
                failed = error
            try:
                loop.call_soon_threadsafe(finish, result, failed)
            except RuntimeError:  # the worker has left without us
                return

        threading.Thread(target=body, name=f"step-{self.analysis_id}", daemon=True).start()
        self.live_threads += 1
        return future
