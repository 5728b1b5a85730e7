"""Fake context: an attempt without queue or database; it records an expert's work, is cancelled and resumed."""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.sanitizing import canonical_json
from ba2_trade_platform.core.contracts.experts import PricesAsOf, Verdict
from ba2_trade_platform.core.contracts.language_models import Memory, NoMemory, NoResearch, Research
from ba2_trade_platform.vocabulary import Mode, Subtype
from tests.fakes.clock import StandingClock

T = TypeVar("T")
_at_work: ContextVar[str] = ContextVar("step at work")


class Cancelled(BaseException):
    """Raised inside a cancelled attempt."""


@dataclass(frozen=True)
class Output:
    """One output row with the name of the step that wrote it; empty outside of any step."""

    step: str
    type: str
    name: str
    text: str
    raw: object


@dataclass
class Step:
    """One recorded step; `result` is None until it completed."""

    name: str
    inputs: str
    status: str = "running"
    result: Any = None
    reused: bool = False
    depends_on: Sequence[str] = ()
    always: bool = False


@dataclass
class RecordingContext:
    """Honours AnalysisContext in memory. `recorded` are the steps of the attempt that is resumed."""

    settings: Any
    prices: PricesAsOf
    symbol: str = "AAPL"
    subtype: Subtype = Subtype.ENTER_MARKET
    analysis_id: int = 1
    attempt: int = 1
    expert_instance_id: int = 1
    mode: Mode = Mode.FRESH
    base_attempt: int = 1
    folder: Path = Path()
    models: Any = None
    memory: Memory = field(default_factory=NoMemory)
    research: Research = field(default_factory=NoResearch)
    state: Mapping[str, Any] | None = None
    providers: Sequence[str] = ()
    recorded: Sequence[Step] = ()
    steps: list[Step] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    recommendations: list[Verdict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    charges: list[tuple[str, str, int | None, Decimal | None]] = field(default_factory=list)
    expected_steps: int | None = None
    wrote: threading.Event = field(default_factory=threading.Event)
    recommended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.as_of: datetime = self.prices.as_of
        self.clock: Clock = StandingClock(self.as_of)
        self.kept = frozenset(step.name for step in self.recorded)
        self._cancelled = threading.Event()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="expert")

    def expect(self, steps: int) -> None:
        """Keep the number of steps announced."""
        self.expected_steps = steps

    async def step(
        self,
        name: str,
        work: Callable[[], T | Awaitable[T]],
        *,
        inputs: object = None,
        after: Sequence[str] | None = None,
        always: bool = False,
    ) -> T:
        """Do the work, or return what the resumed attempt recorded for the same name and inputs."""
        self.check()
        begun = [step.name for step in self.steps]
        step = Step(name, canonical_json(inputs), depends_on=begun if after is None else tuple(after), always=always)
        self.steps.append(step)
        if earlier := self._recorded(step):
            step.status, step.result, step.reused = "completed", earlier.result, True
            return json.loads(earlier.result)  # type: ignore[no-any-return]
        mark = _at_work.set(name)
        try:
            result = await self._do(work)
        except BaseException:
            step.status = "failed"
            raise
        finally:
            _at_work.reset(mark)
        step.status, step.result = "completed", json.dumps(result, allow_nan=False)
        return json.loads(step.result)  # type: ignore[no-any-return]

    def output(self, type: str, name: str, text: str, raw: object = None) -> None:
        """Keep one output; its raw part must be JSON-able."""
        json.dumps(raw, allow_nan=False)
        self.outputs.append(Output(_at_work.get(""), type, name, text, raw))
        self.wrote.set()

    def charge(self, provider: str, tokens: int | None, cost: Decimal | None) -> None:
        """Keep what a model call took, with the step it was made in."""
        self.charges.append((_at_work.get(""), provider, tokens, cost))

    def warn(self, sentence: str) -> None:
        """Keep one warning."""
        self.warnings.append(sentence)

    def note(self, facts: Mapping[str, Any]) -> None:
        """Keep facts for the attempt's environment; they must be JSON-able."""
        self.facts |= json.loads(json.dumps(facts, allow_nan=False))

    def recommend(self, verdict: Verdict) -> None:
        """Keep a provisional recommendation."""
        self.recommendations.append(verdict)
        self.recommended.set()

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep the expert's state; it must be JSON-able."""
        self.state = json.loads(json.dumps(state, allow_nan=False))

    def check(self) -> None:
        """Raise Cancelled once the attempt was cancelled."""
        if self._cancelled.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Cancel the attempt; what runs it must cancel the expert's task too, as the worker does."""
        self._cancelled.set()

    def resumed(self, **changes: Any) -> RecordingContext:
        """Return the next attempt of the same analysis, which may reuse this one's completed steps."""
        settings = self.settings.model_copy(update=changes)
        return RecordingContext(
            settings,
            self.prices,
            symbol=self.symbol,
            subtype=self.subtype,
            analysis_id=self.analysis_id,
            attempt=self.attempt + 1,
            mode=Mode.RESUME,
            base_attempt=self.base_attempt,
            folder=self.folder,
            models=self.models,
            memory=self.memory,
            research=self.research,
            state=self.state,
            recorded=[step for step in self.steps if step.status == "completed"],
        )

    def close(self) -> None:
        """Wait for the threads that still work."""
        self._pool.shutdown()

    def _recorded(self, step: Step) -> Step | None:
        if step.always:
            return None
        matches = (earlier for earlier in self.recorded if (earlier.name, earlier.inputs) == (step.name, step.inputs))
        return next(matches, None)

    async def _do(self, work: Callable[[], Any]) -> Any:
        if inspect.iscoroutinefunction(work):
            return await work()
        return await asyncio.get_running_loop().run_in_executor(self._pool, copy_context().run, work)
