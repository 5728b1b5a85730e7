"""Fallback routing: retries passing failures with back-off, then asks the next provider."""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import (
    Budgets,
    CallContext,
    CallStart,
    Charge,
    ModelSettings,
    Tier,
)
from ba2_trade_platform.core.contracts.model_windows import Shorten
from ba2_trade_platform.llm.calls import Call, Offer
from ba2_trade_platform.llm.dialect_retry import Asking, DialectRetry
from ba2_trade_platform.llm.failures import LONGEST_WISH, PASSING, others_may_answer
from ba2_trade_platform.llm.turned_away import TurnedAway
from ba2_trade_platform.llm.windows.fitting import Fitted, Messages, fitted
from ba2_trade_platform.llm.windows.known import WINDOW_OPTION
from ba2_trade_platform.vocabulary import ErrorCode

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

Shape = Callable[[Offer, "Messages"], "tuple[Messages, Mapping[str, Any]]"]
LONGEST_BACK_OFF = 20.0


@dataclass(frozen=True)
class Wording:
    """What is said: `shape` makes each provider's messages and options of it, `shorten` one that has less in it."""

    messages: Messages
    shape: Shape
    shorten: Shorten | None = None


@dataclass(frozen=True)
class Question:
    """What is asked in one go, of one provider after the other."""

    context: CallContext
    caller_context: contextvars.Context
    settings: ModelSettings
    tier: Tier
    step: str | None
    wording: Wording
    digest: str
    turned_away: TurnedAway
    longest_wait: float = math.inf

    def charge(self, provider: str, charge: Charge) -> None:
        """Charge the step that asked, which the context finds by the asker's own variables."""
        self.caller_context.copy().run(self.context.charge, provider, charge.tokens, charge.cost)

    def to(self, offer: Offer) -> Call:
        """Return the call that asks this provider; raises ExpertError CONTEXT_OVERFLOW where it is too long for it."""
        context, settings, wording = self.context, self.settings, self.wording
        longest = settings.max_output_tokens
        question = fitted(wording.messages, partial(wording.shape, offer), longest, wording.shorten, offer)
        if question.left_out:
            context.warn(_left_out(self.step, offer, question))
        options = dict(question.options)
        loaded = offer.held.for_question(question.estimate.most + longest)
        if loaded is not None:
            options[WINDOW_OPTION] = loaded
        budgets = Budgets(_usd(settings.budget_per_analysis_usd), _usd(settings.budget_per_day_usd))
        start = CallStart(
            context.analysis_id, context.attempt, context.expert_instance_id, context.symbol, self.step,
            offer.provider, offer.model_name, question.estimate.likely, longest, budgets,
        )  # fmt: skip
        charged = partial(self.charge, offer.provider)
        return Call(
            offer, question.messages, options, start, settings.call_timeout_seconds, charged, self.digest,
            question.left_out, question.estimate, self.longest_wait,
        )  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """An answer and who gave it."""

    message: AIMessage
    provider: str
    model: str


@dataclass(frozen=True)
class Router:
    """Asks the providers in their order until one answers."""

    retry: DialectRetry
    offer_of: Callable[[str, Question], Awaitable[Offer]]

    async def ask(self, question: Question, order: Sequence[str]) -> Answered:
        """Return the first answer. Raises ExpertError with the code and the name of the provider that failed last."""
        failed: ExpertError | None = None
        heard: ExpertError | None = None  # what an earlier question of this attempt was told, and warned of
        for name in order:
            model = ""
            try:
                offer = await self.offer_of(name, question)
                model = offer.model_name
                before = question.turned_away.by(name, model)
                if before is not None:
                    heard = before
                    continue
                if failed is not None:
                    question.context.warn(f"{failed}; {name} was asked instead")
                return Answered(await self._repeated(question, offer), name, model)
            except ExpertError as error:
                if not others_may_answer(error):
                    raise
                question.turned_away.note(name, model, error)
                failed = error
        failed = failed or heard
        if failed is None:
            raise ExpertError(ErrorCode.EXPERT_UNAVAILABLE, "There is no model provider to ask in this attempt")
        raise failed

    async def _repeated(self, question: Question, offer: Offer) -> AIMessage:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(1 + question.settings.call_retries),
            wait=_wait,
            retry=retry_if_exception(_worth_repeating),
            reraise=True,
            sleep=asyncio.sleep,
        )
        context = question.context
        asking = Asking(self.retry, offer, question.settings, question.to, context.clock.now, context.warn)
        return await retrying(asking.make)


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


def _usd(amount: float | None) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))


def _left_out(step: str | None, offer: Offer, question: Fitted) -> str:
    window = offer.held.window
    holds = f" holds {window.words}" if window else ""
    return f"{step or 'A question'}: {offer.who}{holds}, so its question lacks {', '.join(question.left_out)}"
