"""Connection test: tries with a provider all that an analysis uses of it, by the same path as an analysis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field

from ba2_trade_platform.core.base.clocks import Clock, SystemClock
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import Models, ModelSettings
from ba2_trade_platform.core.contracts.model_checks import ConnectionTest, DialectProposal, ModelCheck
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.vocabulary import ErrorCode, ModelCheckKind

STEP = "Test connection"
# A model that thinks spends of these on thinking; nothing that is asked here needs more.
TEST_SETTINGS = ModelSettings(call_timeout_seconds=60, call_retries=0, max_output_tokens=2000)
LISTENED_SECONDS = 1.0  # how long an answer is let begin before it is cancelled
QUICKLY = 2.0
LONGEST_WAIT = 5.0  # for the limits of a provider: somebody sits before the page
CLOSE = "187.25"
_WORDS = {
    ModelCheckKind.TEXT: "text",
    ModelCheckKind.TOOL: "tool call",
    ModelCheckKind.STRUCTURED: "structured answer",
    ModelCheckKind.CANCEL: "cancel",
    ModelCheckKind.WINDOW: "window",
}
Find = Callable[[], Awaitable["Found"]]


class LastClose(BaseModel):
    """Return the last close of a symbol, in USD."""

    symbol: str = Field(description="The symbol, such as AAPL")


class Opinion(BaseModel):
    """An opinion on one symbol."""

    action: Literal["BUY", "SELL", "HOLD"] = Field(description="What to do")
    confidence: int = Field(ge=1, le=100, description="How sure, from 1 to 100")
    reason: str = Field(min_length=1, description="Why, in one sentence")


@dataclass(frozen=True)
class Found:
    """What one check brought."""

    ok: bool | None
    sentence: str
    code: ErrorCode | None = None


@dataclass
class TestContext:
    """As much of an analysis's context as its model calls need; they belong to no analysis. Made on their loop."""

    settings: ModelSettings
    providers: Sequence[str]
    analysis_id: int = 0
    attempt: int = 0
    expert_instance_id: int = 0
    symbol: str = ""
    clock: Clock = field(default_factory=SystemClock)
    charges: list[tuple[int | None, Decimal | None]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    charged: asyncio.Event = field(default_factory=asyncio.Event)

    def charge(self, provider: str, tokens: int | None, cost: Decimal | None) -> None:  # noqa: ARG002 - the contract's
        """Note what a call took; from any thread."""
        self.charges.append((tokens, cost))
        self.loop.call_soon_threadsafe(self.charged.set)

    def warn(self, sentence: str) -> None:
        """Note what was asked otherwise."""
        self.warnings.append(sentence)


@dataclass(frozen=True)
class ConnectionTester:
    """Tries one provider; `heard` is told each finding when it is known.

    `window` finds how many tokens the quick model holds; it asks no model.
    """

    models: Models
    context: TestContext
    quick: str
    deep: str
    window: Find
    heard: Callable[[ModelCheck], None]

    async def run(self) -> Sequence[ModelCheck]:
        """Try everything in its order; where not even a word is answered, the rest is not tried."""
        begun = await self._try(ModelCheckKind.TEXT, self.quick, self._text)
        tried = {
            ModelCheckKind.TOOL: (self.quick, self._tool),
            ModelCheckKind.STRUCTURED: (self.deep, self._structured),
            ModelCheckKind.CANCEL: (self.quick, self._cancel),
            ModelCheckKind.WINDOW: (self.quick, self.window),
        }
        if not begun.ok:
            skipped = [ModelCheck(kind, model, None, "not tried") for kind, (model, _) in tried.items()]
            for check in skipped:
                self.heard(check)
            return [begun, *skipped]
        return [begun, *[await self._try(kind, model, find) for kind, (model, find) in tried.items()]]

    async def _try(self, kind: ModelCheckKind, model: str, find: Find) -> ModelCheck:
        before, begun = len(self.context.charges), time.monotonic()
        try:
            found = await find()
        except ExpertError as error:
            found = Found(False, str(error), error.code)
        ms = round(1000 * (time.monotonic() - begun))
        charges = self.context.charges[before:]
        tokens, cost = total([charge[0] for charge in charges]), total([charge[1] for charge in charges])
        check = ModelCheck(kind, model, found.ok, found.sentence, found.code, ms, tokens, cost)
        self.heard(check)
        return check

    async def _text(self) -> Found:
        said = await self._ask("Answer with the one word: ready")
        return Found(True, f"answered: {_shortened(said.text)}")

    async def _tool(self) -> Found:
        from langchain_core.messages import HumanMessage, ToolMessage  # noqa: PLC0415 - LangChain, loaded by now

        asked = HumanMessage("Call the tool LastClose for AAPL, then answer with the number that it gives.")
        model = self.models.chat("quick").bind_tools([LastClose])
        called = await model.ainvoke([asked])
        calls = [call for call in called.tool_calls if call["name"] == LastClose.__name__]
        if not calls:
            sentence = f"The model called no tool and said: {_shortened(called.text)}"
            return Found(False, sentence, ErrorCode.OUTPUT_INVALID)
        results = [ToolMessage(CLOSE, tool_call_id=call["id"], name=call["name"]) for call in calls]
        said = await model.ainvoke([asked, called, *results])
        used = "with its result" if CLOSE in said.text else f"without its result: {_shortened(said.text)}"
        return Found(True, f"called a tool and answered {used}")

    async def _structured(self) -> Found:
        from langchain_core.messages import HumanMessage  # noqa: PLC0415 - LangChain, loaded by now

        asked = HumanMessage("A share has stood still for a year. Give your opinion on it.")
        opinion = await self.models.ask("deep", [asked], Opinion)
        return Found(True, f"gave {opinion.action} with all its fields")

    async def _cancel(self) -> Found:
        self.context.charged.clear()
        call = asyncio.ensure_future(self._ask("Count from 1 to 300, each number in words on a line of its own."))
        done, _ = await asyncio.wait([call], timeout=LISTENED_SECONDS)
        if done:
            await call
            return Found(True, "answered before there was anything to cancel")
        begun = time.monotonic()
        call.cancel()
        try:
            async with asyncio.timeout(QUICKLY):
                await self.context.charged.wait()  # whoever cancels goes on before the call itself has ended
        except TimeoutError:
            return Found(False, f"had not ended {QUICKLY:g} s after it was cancelled", ErrorCode.TIMEOUT)
        return Found(True, f"ended {1000 * (time.monotonic() - begun):,.0f} ms after it was cancelled")

    async def _ask(self, words: str) -> Any:
        from langchain_core.messages import HumanMessage  # noqa: PLC0415 - LangChain, loaded by now

        return await self.models.chat("quick").ainvoke([HumanMessage(words)])


def settings_for(provider: str, quick: str, deep: str) -> ModelSettings:
    """Return the settings of an attempt that asks one provider for these models."""
    given: Mapping[str, Any] = {
        "providers": (provider,), "quick_model": f"{provider}:{quick}", "deep_model": f"{provider}:{deep}",
    }  # fmt: skip
    return TEST_SETTINGS.model_copy(update=dict(given))


def tested(provider: Provider, checks: Sequence[ModelCheck], context: TestContext, ms: int) -> ConnectionTest:
    """Return what all checks came to. `provider`: as it stands after them, with what its models were seen to refuse."""
    failed = next((check for check in checks if check.ok is False), None)
    worked = ", ".join(_WORDS[check.check] for check in checks if check.ok)
    known_tokens = [tokens for tokens, _ in context.charges if tokens is not None]
    known_cost = [cost for _, cost in context.charges if cost is not None]
    return ConnectionTest(
        provider=provider.name,
        model=checks[0].model,
        ok=failed is None,
        sentence=f"{provider.name} works: {worked}" if failed is None else failed.sentence,
        code=failed.code if failed else None,
        ms=ms,
        tokens=sum(known_tokens) if known_tokens else None,
        cost=sum(known_cost, Decimal(0)) if known_cost else None,
        at_least=len(known_cost) < len(context.charges),
        checks=checks,
        proposal=proposal(provider, {check.model for check in checks}),
    )


def proposal(provider: Provider, models: Collection[str]) -> DialectProposal | None:
    """Return the dialect that would have asked all tested models rightly at once, None where the present one did."""
    seen: dict[str, Any] = {}
    for model in models:
        for one in provider.adaptations.get(model, ()):
            if one.field != "window" and getattr(provider.dialect, one.field) != one.value:  # which is one model's own
                seen[one.field] = one.value
    if not seen:
        return None
    words = ", ".join(f"{field} {value}" for field, value in sorted(seen.items()))
    sentence = f"Ask all models of {provider.name} with {words}: those tested refused it otherwise"
    return DialectProposal(provider.dialect.name, {**provider.dialect_changes, **seen}, sentence)


def total(amounts: Sequence[Any]) -> Any:
    """Return the sum, None where there is nothing or a part is not known."""
    return None if not amounts or None in amounts else sum(amounts)


def _shortened(text: str, most: int = 80) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else f"{words[:most]} ..."
