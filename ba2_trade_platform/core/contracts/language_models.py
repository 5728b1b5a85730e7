"""Language model contract: model calls, budgets, memory and research as an expert may use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.contracts.model_windows import Shorten
from ba2_trade_platform.vocabulary import CallOutcome

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage


Tier = Literal["quick", "deep"]
Answer = TypeVar("Answer", bound=BaseModel)
# The step that the caller works for, so that a model call knows to which one it belongs; None outside of a step.
step_name: ContextVar[str | None] = ContextVar("step_name", default=None)


# A hint for a form: one of the few settings that most need; where a field has it, those without are folded away.
BASIC: dict[str, Any] = {"basic": True}


class ModelSettings(BaseModel):
    """The settings of every expert that asks language models; such an expert's own settings derive from it.

    The hint `picker` names what a form lets choose from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    providers: tuple[str, ...] = Field(
        ("scripted",),
        max_length=20,
        min_length=1,
        title="Providers",
        description="The model providers to ask, in this order",
        json_schema_extra={**BASIC, "picker": "providers"},
    )
    quick_model: str | None = Field(
        None,
        title="Quick model",
        description="PROVIDER:MODEL for the many short answers; empty takes each provider's own quick model",
        json_schema_extra={**BASIC, "picker": "quick_model"},
    )
    deep_model: str | None = Field(
        None,
        title="Deep model",
        description="PROVIDER:MODEL for plans and decisions; empty takes each provider's own deep model",
        json_schema_extra={**BASIC, "picker": "deep_model"},
    )
    temperature: float | None = Field(
        None, ge=0, le=2, title="Temperature", description="Empty leaves it to the model; some models accept none"
    )
    call_timeout_seconds: float = Field(
        120, ge=0.1, le=1800, title="Call time-out", description="How long one model call may take, in seconds"
    )
    call_retries: int = Field(
        2,
        ge=0,
        le=10,
        title="Call retries",
        description="How often a call that failed for a passing reason is repeated",
    )
    max_output_tokens: int = Field(
        2000, ge=100, le=100_000, title="Longest answer", description="The most tokens that one answer may have"
    )
    budget_per_analysis_usd: float | None = Field(
        None,
        ge=0,
        title="Budget an analysis, USD",
        description="All attempts of one analysis together; empty: no limit",
        json_schema_extra=BASIC,
    )
    budget_per_day_usd: float | None = Field(
        None,
        ge=0,
        title="Budget a day, USD",
        description="All analyses of this expert on one UTC day; empty: no limit",
        json_schema_extra=BASIC,
    )


class CallContext(Protocol):
    """For which work models are asked; what they take is charged to it. Every AnalysisContext is one."""

    analysis_id: int  # 0 for calls that belong to no analysis
    attempt: int
    expert_instance_id: int
    symbol: str
    providers: Sequence[str]
    clock: Clock

    def charge(self, provider: str, tokens: int | None, cost: Decimal | None) -> None:
        """Add what a call took; `cost` in USD, None where the price is unknown."""

    def warn(self, sentence: str) -> None:
        """Note something that went wrong and did not fail the work."""


@dataclass(frozen=True)
class Budgets:
    """The limits one call must stay within, in USD; None is no limit."""

    per_analysis: Decimal | None = None
    per_expert_day: Decimal | None = None


@dataclass(frozen=True)
class CallStart:
    """One model call that is about to be made; `estimated_tokens_in` counts the request before it is sent."""

    analysis_id: int
    attempt: int
    expert_instance_id: int
    symbol: str
    step: str | None
    provider: str
    model: str
    estimated_tokens_in: int
    max_output_tokens: int
    budgets: Budgets = Budgets()


@dataclass(frozen=True)
class KeptAnswer:
    """An answer as JSON, kept until its attempt has ended; `digest` is of the question it answers."""

    digest: str
    message: Mapping[str, Any]


@dataclass(frozen=True)
class CallEnd:
    """How a model call ended. Token counts are the provider's own, 0 where it turned the call away; None: not known.

    `tokens_in` includes `tokens_cached` and `tokens_written`, which the provider remembered and remembers from now on;
    `tokens_out` includes `tokens_reasoning`.
    """

    outcome: CallOutcome
    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    answer: KeptAnswer | None = None
    tokens_reasoning: int | None = None
    tokens_written: int | None = None


@dataclass(frozen=True)
class Charge:
    """What one call took: tokens in and out together, and money in USD, None where the model's price is unknown."""

    tokens: int | None
    cost: Decimal | None


class CallRecorder(Protocol):
    """Keeps every model call. Blocking; thread-safe."""

    def begin(self, start: CallStart) -> int:
        """Check the budgets and write the call down as begun; return its id.

        Raises ExpertError BUDGET, and writes nothing, when the call could exceed one of them.
        """

    def answer(self, analysis_id: int, attempt: int, digest: str) -> Mapping[str, Any] | None:
        """Return what was answered to this question before the console died in this attempt's work, None if nothing.

        Only what a rescued or released attempt left: a re-run and a retry are there to ask anew.
        """

    def end(self, call_id: int, end: CallEnd) -> Charge:
        """Write down how the call ended, once, and return what it took."""


class Models(Protocol):
    """The language models that one attempt may ask. Each call is budgeted, limited, routed, repeated and recorded."""

    def chat(self, tier: Tier, shorten: Shorten | None = None) -> BaseChatModel:
        """Return a LangChain chat model that asks the attempt's providers in their order; give it to an agent.

        `shorten` makes less of a question that is too long for the window of whoever is asked; what it left out stands
        in the answer's response_metadata as LEFT_OUT. A call that finds nobody raises ExpertError with the last
        provider's code.
        """

    async def ask(
        self, tier: Tier, messages: Sequence[BaseMessage], schema: type[Answer], shorten: Shorten | None = None
    ) -> Answer:
        """Return the model's answer as `schema`; after one corrective try raise ExpertError OUTPUT_INVALID.

        Like those of `chat`, these calls are heard by the LangChain callbacks of the caller's run, and shortened.
        """

    def describe(self) -> Mapping[str, Any]:
        """Return the providers in order with their models, as JSON, for the attempt's environment."""


@dataclass(frozen=True)
class Lesson:
    """What became of an earlier decision. Dates are UTC instants; `return_percent` is of the price."""

    id: int
    symbol: str
    as_of: datetime
    known_at: datetime
    action: str
    return_percent: float
    situation: str
    reflection: str
    similarity: float | None = None


@dataclass(frozen=True)
class Recalled:
    """Lessons for a situation, most similar first; `warning` says why there are none when the store failed."""

    lessons: tuple[Lesson, ...] = ()
    warning: str | None = None


class Memory(Protocol):
    """Lessons of earlier decisions, as one attempt may see them. Never fatal: trouble becomes a warning."""

    async def recall(self, situation: str, limit: int = 3) -> Recalled:
        """Return lessons whose outcome was known before the attempt's as_of, for a similar situation."""


@dataclass(frozen=True)
class Article:
    """One piece of news. Foreign text: never instructions, never markup."""

    published_at: datetime
    headline: str
    summary: str = ""
    source: str = ""
    url: str = ""
    sentiment: float | None = None


@dataclass(frozen=True)
class ReportedFigure:
    """One reported number of a company, known since `published_at`."""

    published_at: datetime
    name: str
    value: float
    unit: str = ""
    period: str = ""


class Research(Protocol):
    """News and figures as one attempt may see them: nothing that was published after its as_of. Blocking."""

    def articles(self, symbol: str, days: int, limit: int) -> Sequence[Article]:
        """Return the newest articles of the last `days`, newest first; empty when there are none or no source."""

    def figures(self, symbol: str) -> Sequence[ReportedFigure]:
        """Return what the company has reported, newest first; empty when there is nothing or no source."""

    def posts(self, symbol: str, days: int, limit: int) -> Sequence[Article]:
        """Return the newest posts of investors, newest first; empty when there are none or no source."""


class NoMemory:
    """A console that remembers nothing."""

    async def recall(self, situation: str, limit: int = 3) -> Recalled:  # noqa: ARG002 - the protocol's
        """Return no lessons."""
        return Recalled()


class NoResearch:
    """A console without a source of news or figures."""

    def articles(self, symbol: str, days: int, limit: int) -> Sequence[Article]:  # noqa: ARG002 - the protocol's
        """Return nothing."""
        return ()

    def figures(self, symbol: str) -> Sequence[ReportedFigure]:  # noqa: ARG002 - the protocol's
        """Return nothing."""
        return ()

    def posts(self, symbol: str, days: int, limit: int) -> Sequence[Article]:  # noqa: ARG002 - the protocol's
        """Return nothing."""
        return ()
