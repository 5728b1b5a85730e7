"""Scripted experts: with their catalog, each does as a test tells it, in its own code, and nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from ba2_trade_platform.core.contracts.experts import (
    AnalysisContext,
    Expert,
    Requirement,
    Verdict,
    broker_for_open_positions,
)
from ba2_trade_platform.vocabulary import Signal
from tests.patience import EVENT_SECONDS

Act = Callable[[AnalysisContext], Awaitable[Verdict]]


class ScriptedSettings(BaseModel):
    """The settings of a scripted expert."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: int = Field(2, ge=1, le=50, title="Window", description="How many sessions to read")


async def steady(context: AnalysisContext) -> Verdict:
    """Read a few closes in one step, decide in another, and hold."""
    context.expect(2)

    def read() -> str:
        close = context.prices.bars(context.symbol, limit=context.settings.window).close[-1]
        context.check()
        context.output("note", "Close", f"{context.symbol} closed at {close:.4f}", {"close": float(close)})
        return f"{close:.4f}"

    async def decide() -> str:
        return Signal.HOLD.value

    asked = {"symbol": context.symbol, "as_of": context.as_of.isoformat(), "window": context.settings.window}
    close = await context.step("Read", read, inputs=asked)
    context.save_state({"close": close})
    action = await context.step("Decide", decide, inputs=close)
    return Verdict(action=Signal(action), confidence=50, price=Decimal(close), details=f"Last close {close}")


class Scripted:
    """An expert whose analysis is a function of the test."""

    description = "Does what a test tells it."
    settings_model: type[BaseModel] = ScriptedSettings

    def __init__(
        self,
        name: str = "Scripted",
        act: Act = steady,
        *,
        safe_to_repeat: bool = True,
        can_resume: bool = True,
        lacks: str | None = None,
        asks: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.act = act
        self.safe_to_repeat = safe_to_repeat
        self.can_resume = can_resume
        self.lacks = lacks
        self.asks = asks

    def requirements(self, settings: BaseModel) -> list[Requirement]:  # noqa: ARG002 - the same for all settings
        """Return the broker, and what a test has taken away."""
        lacking = [Requirement("key", met=False, sentence=self.lacks)] if self.lacks else []
        return [broker_for_open_positions(), *lacking]

    def providers(self, settings: BaseModel) -> Sequence[str]:  # noqa: ARG002 - the same for all settings
        """Return those of the test."""
        return self.asks

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Follow the script."""
        return await self.act(context)


class Catalog:
    """The experts of one test."""

    def __init__(self, *experts: Expert) -> None:
        self._experts = {expert.name: expert for expert in experts}

    def names(self) -> list[str]:
        """Return their names."""
        return list(self._experts)

    def get(self, name: str) -> Expert:
        """Return one, or raise KeyError."""
        return self._experts[name]

    def remove(self, name: str) -> None:
        """Ship this expert no more."""
        del self._experts[name]


class Gate:
    """Holds experts, in a coroutine or in a blocked thread, until the test opens it."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def hold(self) -> None:
        """Wait in a coroutine, which a cancel ends."""
        here = asyncio.Event()
        with self._lock:
            self._waiting.append((asyncio.get_running_loop(), here))
        self.reached.set()
        if not self.opened.is_set():
            await here.wait()

    def block(self) -> None:
        """Wait in a thread, deaf to a cancel."""
        self.reached.set()
        assert self.opened.wait(EVENT_SECONDS), "nobody opened the gate"

    def open(self) -> None:
        """Let everybody through, now and later."""
        with self._lock:
            self.opened.set()
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def arrived(self) -> None:
        """Return once somebody waits at the gate."""
        assert self.reached.wait(EVENT_SECONDS), "nobody came to the gate"


class Works:
    """Counts how often each piece of work is really done."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    def of(self, name: str, result: object = None) -> Callable[[], object]:
        """Return a piece of work of this name."""

        def work() -> object:
            self.done[name] += 1
            return result if result is not None else name

        return work


def hold(confidence: float = 50, **values: object) -> Verdict:
    """Return a plain verdict."""
    return Verdict(action=Signal.HOLD, confidence=confidence, **values)  # type: ignore[arg-type]  # a test's own values
