"""Fallback routing: retries passing failures with back-off, then asks the next provider."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError
from ba2_trade_platform.core.contracts.language_models import CallStart, Charge, Tier
from ba2_trade_platform.core.contracts.model_providers import Connection
from ba2_trade_platform.llm.calls import LONGEST_WISH, Call, Caller
from ba2_trade_platform.llm.clients import Asking
from ba2_trade_platform.llm.failures import ITS_OWN, PASSING
from ba2_trade_platform.llm.limits import Limiter
from ba2_trade_platform.vocabulary import ErrorCode

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

LONGEST_BACK_OFF = 20.0


@dataclass(frozen=True)
class Offer:
    """One provider with the model that it is asked for."""

    connection: Connection
    model_name: str
    model: BaseChatModel
    limiter: Limiter


@dataclass(frozen=True)
class Question:
    """What is asked in one go: `shape` makes each provider's messages and options of it."""

    context: AnalysisContext
    caller_context: contextvars.Context
    tier: Tier
    shape: Callable[[Offer], tuple[Sequence[BaseMessage], Mapping[str, Any]]]
    start: Callable[[Offer, Sequence[BaseMessage], Mapping[str, Any]], CallStart]
    asking: Asking
    digest: str

    def charge(self, provider: str, charge: Charge) -> None:
        """Charge the step that asked, which the context finds by the asker's own variables."""
        self.caller_context.copy().run(self.context.charge, provider, charge.tokens, charge.cost)

    def warn(self, sentence: str) -> None:
        """Note on the attempt what went wrong on the way."""
        self.context.warn(sentence)


@dataclass(frozen=True)
class Answered:
    """An answer and who gave it."""

    message: AIMessage
    provider: str
    model: str


class Router:
    """Asks the providers in their order until one answers."""

    def __init__(self, caller: Caller, offer_of: Callable[[str, Question], Any]) -> None:
        self._caller = caller
        self._offer_of = offer_of

    async def ask(self, question: Question, order: Sequence[str]) -> Answered:
        """Return the first answer. Raises ExpertError with the code and the name of the provider that failed last."""
        failed: ExpertError | None = None
        for name in order:
            if failed is not None:
                question.warn(f"{failed}; {name} was asked instead")
            try:
                offer: Offer = await self._offer_of(name, question)
                return Answered(await self._repeated(question, offer), name, offer.model_name)
            except ExpertError as error:
                if error.code not in PASSING | ITS_OWN:
                    raise
                failed = error
        if failed is None:
            raise ExpertError(ErrorCode.EXPERT_UNAVAILABLE, "There is no model provider to ask in this attempt")
        raise failed

    async def _repeated(self, question: Question, offer: Offer) -> AIMessage:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(1 + question.asking.retries),
            wait=_wait,
            retry=retry_if_exception(_worth_repeating),
            reraise=True,
            sleep=asyncio.sleep,
        )
        async for attempt in retrying:
            with attempt:
                return await self._once(question, offer)
        raise AssertionError("tenacity gave up without an error")

    async def _once(self, question: Question, offer: Offer) -> AIMessage:
        messages, options = question.shape(offer)
        name = offer.connection.provider.name
        call = Call(
            connection=offer.connection,
            model=offer.model,
            messages=messages,
            options=options,
            start=question.start(offer, messages, options),
            digest=question.digest,
            timeout_seconds=question.asking.timeout_seconds,
            charged=lambda charge: question.charge(name, charge),
        )
        return await self._caller.make(call, offer.limiter)


def _worth_repeating(error: BaseException) -> bool:
    if not isinstance(error, ExpertError) or error.code not in PASSING:
        return False
    return error.retry_after is None or error.retry_after <= LONGEST_WISH


_full_jitter = wait_random_exponential(multiplier=1, max=LONGEST_BACK_OFF)


def _wait(state: RetryCallState) -> float:
    """Return how long to wait: full jitter, and never less than the provider asks for."""
    error = state.outcome.exception() if state.outcome else None
    asked_seconds = getattr(error, "retry_after", None) or 0.0
    return max(float(asked_seconds), _full_jitter(state))
