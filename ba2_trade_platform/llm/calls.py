"""Model call: waits its turn, logs the call, streams the answer and names any fault in it."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.base.outbound import OutboundRule, outbound
from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import CallEnd, CallRecorder, CallStart, Charge, KeptAnswer
from ba2_trade_platform.core.contracts.model_providers import Connection
from ba2_trade_platform.core.contracts.model_windows import LEFT_OUT
from ba2_trade_platform.llm.answers.faults import checked
from ba2_trade_platform.llm.answers.heard import Heard
from ba2_trade_platform.llm.answers.usage import Usage
from ba2_trade_platform.llm.dialect_refusals import refusal_words
from ba2_trade_platform.llm.failures import LONGEST_WISH, REFUSALS, explain, is_turned_away
from ba2_trade_platform.llm.limits import Limiter
from ba2_trade_platform.llm.windows.cuts import Counted, Memory, cut
from ba2_trade_platform.llm.windows.estimates import Estimate
from ba2_trade_platform.llm.windows.fitting import WHAT_TO_DO
from ba2_trade_platform.llm.windows.known import WINDOW_OPTION, Held
from ba2_trade_platform.vocabulary import CallOutcome, ErrorCode, ProviderKind

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage

log = logging.getLogger(__name__)
NOTHING = Usage(0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Offer:
    """One provider with the model that it is asked for."""

    connection: Connection
    model_name: str
    model: BaseChatModel
    limiter: Limiter
    held: Held = field(default_factory=Held)

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.connection.provider.name

    @property
    def who(self) -> str:
        """Whom a question goes to, for a person."""
        return f"{self.provider}'s {self.model_name}"

    @property
    def dialect(self) -> Dialect:
        """How the model is asked."""
        return self.connection.provider.spoken(self.model_name)


@dataclass(frozen=True)
class Call:
    """One call that is to be made. `charged` is told what it took; `left_out`: what its question lacks, in words."""

    offer: Offer
    messages: Sequence[BaseMessage]
    options: Mapping[str, Any]
    start: CallStart
    timeout_seconds: float
    charged: Callable[[Charge], None]
    digest: str | None = None  # of the question, where its answer is to be kept
    left_out: tuple[str, ...] = ()
    estimate: Estimate | None = None  # of the question; None: nobody looks whether it was read as a whole
    longest_wait: float = math.inf  # for the provider's limits a minute, in seconds


@dataclass(frozen=True)
class Caller:
    """Makes calls; all of them on the models' loop."""

    call_log: CallRecorder
    pool: ThreadPoolExecutor
    rule: OutboundRule
    memory: Memory

    async def make(self, call: Call) -> AIMessage:
        """Return the answer, or raise ExpertError with the provider's name."""
        start, limiter = call.start, call.offer.limiter
        wait = limiter.wait_for(start.estimated_tokens_in + start.max_output_tokens)
        if wait > call.longest_wait:
            sentence = f"{start.provider} was not asked: its limits on Providers leave no room for {wait:.0f} s"
            raise ExpertError(ErrorCode.RATE_LIMIT, sentence, retry_after=wait, provider=start.provider)
        async with limiter.turn(start.estimated_tokens_in + start.max_output_tokens) as entry:
            try:
                call_id = await self._begin(start)
            except BaseException:
                entry.withdraw()
                raise
            entry.sent()
            heard = Heard()
            try:
                answer = await _listen(call, heard, self.rule, self.memory)
            except asyncio.CancelledError:
                self.pool.submit(self._close, call, call_id, CallEnd(CallOutcome.CANCELLED, **_usage(call, heard)))
                raise
            end = _end(call, answer, heard)
            if isinstance(answer, ExpertError) and answer.code is ErrorCode.RATE_LIMIT:
                # Before this turn ends, or the next in line would go at once. Everybody who asks this provider waits,
                # and not each after a refusal of his own; nobody waits in line for another day.
                seconds = answer.retry_after or 1.0
                limiter.hold(seconds if seconds <= LONGEST_WISH else 0.0)
            closing = asyncio.get_running_loop().run_in_executor(self.pool, self._close, call, call_id, end)
            entry.correct((await asyncio.shield(closing)).tokens)
        if isinstance(answer, Exception):
            raise answer
        limiter.answered()
        return answer

    async def _begin(self, start: CallStart) -> int:
        beginning = asyncio.get_running_loop().run_in_executor(self.pool, self.call_log.begin, start)
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(self._never_made)
            raise
        except PlatformError as error:
            sentence = f"The model was not asked, for the call could not be written down: {error}"
            raise ExpertError(ErrorCode.INTERRUPTED, sentence) from None

    def _never_made(self, beginning: asyncio.Future[int]) -> None:
        if beginning.exception() is None:
            self.pool.submit(self.call_log.end, beginning.result(), CallEnd(CallOutcome.CANCELLED, **asdict(NOTHING)))

    def _close(self, call: Call, call_id: int, end: CallEnd) -> Charge:
        try:
            charge = self.call_log.end(call_id, end)
        except PlatformError as error:
            # What was answered is paid and must be used, although the call log cannot be written just now.
            log.warning("What model call %s took could not be written down: %s", call_id, error)
            charge = Charge(None, None)
        call.charged(charge)
        return charge


async def _listen(call: Call, heard: Heard, rule: OutboundRule, memory: Memory) -> AIMessage | Exception:
    """Return the answer, or what is wrong with it; a client's own error never leaves, it may hold the key."""
    offer = call.offer
    with outbound(rule) as connections:
        answer = await _hear(call, heard, memory)
    if isinstance(answer, Exception) and connections.refusal is not None:
        heard.refused = True  # for good, and another provider may answer
        sentence = f"{offer.provider} is not asked: {connections.refusal}"
        return ExpertError(ErrorCode.PERMISSION, sentence, provider=offer.provider)
    return answer


async def _hear(call: Call, heard: Heard, memory: Memory) -> AIMessage | Exception:
    from ba2_trade_platform.llm.answers.chunks import piece_of  # noqa: PLC0415 - LangChain

    offer = call.offer
    try:
        async with asyncio.timeout(call.timeout_seconds):
            async for chunk in offer.model.astream(list(call.messages), **call.options):
                heard.add(piece_of(chunk), chunk.response_metadata)
        return _cut(call, heard, memory) or _checked(call, heard)
    except ExpertError as error:
        heard.refused = not heard.began
        return error
    except Exception as error:  # noqa: BLE001 - every client library has its own
        heard.refused = not heard.began and is_turned_away(error)
        key, vendor = offer.connection.key, offer.connection.provider.dialect.name
        told = explain(error, offer.provider, offer.model_name, key, began=heard.began, vendor=vendor)
        if told is None:
            return error
        told.words = refusal_words(told.code, error, began=heard.began)
        return told


def _checked(call: Call, heard: Heard) -> AIMessage | ExpertError:
    offer = call.offer
    message = heard.message(beside=offer.dialect.reasoning_beside)
    answer = checked(heard, message, offer.provider, offer.model_name, call.start.max_output_tokens)
    if call.left_out and not isinstance(answer, ExpertError):
        answer.response_metadata[LEFT_OUT] = list(call.left_out)
    return answer


def _cut(call: Call, heard: Heard, memory: Memory) -> ExpertError | None:
    """Return the failure of a call whose question was not read as a whole; nothing of its answer is kept."""
    offer, estimate = call.offer, call.estimate
    usage = heard.usage(beside=offer.dialect.reasoning_beside)
    tokens_in, tokens_out = usage.tokens_in, usage.tokens_out
    if tokens_in is None or estimate is None or offer.connection.provider.kind is ProviderKind.SCRIPTED:
        return None
    who, told, window = offer.who, call.options.get(WINDOW_OPTION), offer.held.window
    holds = told or (window.tokens if window else None)
    counted = Counted(tokens_in, tokens_out or 0, holds, told is not None, call.start.max_output_tokens)
    why = cut(who, counted, call.messages, estimate.least, memory)
    if why is None:
        memory.remember(who, call.messages, tokens_in, estimate.least)
        return None
    sentence = f"{who} read only a part of the question, and its answer was thrown away: {why}; {WHAT_TO_DO}"
    return ExpertError(ErrorCode.CONTEXT_OVERFLOW, sentence, provider=offer.provider)


def _usage(call: Call, heard: Heard) -> dict[str, Any]:
    return asdict(heard.usage(beside=call.offer.dialect.reasoning_beside))


def _end(call: Call, answer: AIMessage | Exception, heard: Heard) -> CallEnd:
    """Return what is written down of a call."""
    if not isinstance(answer, Exception):
        return CallEnd(CallOutcome.ANSWERED, **_usage(call, heard), answer=_kept(call, answer))
    code = answer.code if isinstance(answer, ExpertError) else ErrorCode.BUG
    usage = asdict(NOTHING) if heard.refused and code in REFUSALS else _usage(call, heard)
    return CallEnd(CallOutcome.FAILED, **usage, error_code=code.value, error_message=str(answer))


def _kept(call: Call, message: AIMessage) -> KeptAnswer | None:
    if call.digest is None:
        return None
    from langchain_core.messages import message_to_dict  # noqa: PLC0415 - LangChain

    said = json.loads(json.dumps(message_to_dict(message), default=str))
    return KeptAnswer(call.digest, {"provider": call.start.provider, "model": call.start.model, "message": said})
