"""Model call: waits its turn, logs the call, streams the answer and names any fault in it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.base.outbound import OutboundRule, outbound
from ba2_trade_platform.core.contracts.error_codes import http_status
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import CallEnd, CallRecorder, CallStart, Charge, KeptAnswer
from ba2_trade_platform.core.contracts.model_providers import Connection
from ba2_trade_platform.llm.failures import REFUSALS, explain
from ba2_trade_platform.llm.limits import Limiter
from ba2_trade_platform.vocabulary import CallOutcome, ErrorCode

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

log = logging.getLogger(__name__)
LONGEST_WISH = 60.0  # seconds
_CUT = frozenset({"length", "max_tokens", "model_context_window_exceeded", "incomplete"})
_BLOCKED = frozenset({"content_filter", "refusal", "safety"})
_REASONS = ("finish_reason", "stop_reason", "done_reason", "status")


@dataclass(frozen=True)
class Offer:
    """One provider with the model that it is asked for."""

    connection: Connection
    model_name: str
    model: BaseChatModel
    limiter: Limiter

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.connection.provider.name


@dataclass(frozen=True)
class Call:
    """One call that is to be made. `charged` is told what it took."""

    offer: Offer
    messages: Sequence[BaseMessage]
    options: Mapping[str, Any]
    start: CallStart
    timeout_seconds: float
    charged: Callable[[Charge], None]
    digest: str | None = None  # of the question, where its answer is to be kept


@dataclass
class _Heard:
    """What has come of an answer so far."""

    chunks: list[Any] = field(default_factory=list)
    reason: str | None = None
    refused: bool = False  # the provider turned the call away before it began to answer

    def add(self, chunk: Any) -> None:
        """Add one piece."""
        self.chunks.append(chunk)
        metadata = chunk.response_metadata
        self.reason = next((str(metadata[name]) for name in _REASONS if metadata.get(name)), self.reason)

    def message(self) -> AIMessage | None:
        """Return the pieces as one message, put together once: piece by piece it would take ever longer."""
        from langchain_core.messages import AIMessageChunk, message_chunk_to_message  # noqa: PLC0415 - LangChain

        if not self.chunks:
            return None
        whole, *others = self.chunks
        if others and isinstance(whole, AIMessageChunk):
            whole += others
        if isinstance(whole, AIMessageChunk):
            _keep_whole_calls(whole)
        return message_chunk_to_message(whole)  # type: ignore[return-value]  # the answers of models are these

    def usage(self) -> tuple[int | None, int | None, int | None]:
        """Return tokens in, out and cached as the provider counted them, None where it did not."""
        message = self.message()
        usage = message.usage_metadata if message else None
        if not usage:
            return None, None, None
        cached = (usage.get("input_token_details") or {}).get("cache_read")
        # Nothing is asked with no tokens: a server that says so has not counted them.
        return usage["input_tokens"] or None, usage["output_tokens"], cached


def _keep_whole_calls(whole: AIMessageChunk) -> None:
    """Put calls whose arguments are no JSON among the invalid ones: LangChain guesses the end of what was cut off."""
    from langchain_core.messages import InvalidToolCall  # noqa: PLC0415 - LangChain

    for chunk in whole.tool_call_chunks:
        try:
            json.loads(chunk["args"] or "{}")
        except ValueError:
            broken = InvalidToolCall(
                type="invalid_tool_call", id=chunk["id"], name=chunk["name"], args=chunk["args"], error="no valid JSON"
            )
            whole.tool_calls = [call for call in whole.tool_calls if call["id"] != chunk["id"]]
            kept = [call for call in whole.invalid_tool_calls if call["id"] != chunk["id"]]
            whole.invalid_tool_calls = [*kept, broken]


@dataclass(frozen=True)
class Caller:
    """Makes calls; all of them on the models' loop."""

    call_log: CallRecorder
    pool: ThreadPoolExecutor
    rule: OutboundRule

    async def make(self, call: Call) -> AIMessage:
        """Return the answer, or raise ExpertError with the provider's name."""
        start, limiter = call.start, call.offer.limiter
        async with limiter.turn(start.estimated_tokens_in + start.max_output_tokens) as entry:
            try:
                call_id = await self._begin(start)
            except BaseException:
                entry.withdraw()
                raise
            entry.sent()
            heard = _Heard()
            try:
                answer = await _listen(call, heard, self.rule)
            except asyncio.CancelledError:
                self.pool.submit(self._close, call, call_id, CallEnd(CallOutcome.CANCELLED, *heard.usage()))
                raise
            end = _end(call, answer, heard)
            if isinstance(answer, ExpertError) and answer.code is ErrorCode.RATE_LIMIT:
                # Before this turn ends, or the next in line would go at once. Everybody who asks this provider waits,
                # and not each after a refusal of his own.
                limiter.hold(min(answer.retry_after or 1.0, LONGEST_WISH))
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
            self.pool.submit(self.call_log.end, beginning.result(), CallEnd(CallOutcome.CANCELLED, 0, 0, 0))

    def _close(self, call: Call, call_id: int, end: CallEnd) -> Charge:
        try:
            charge = self.call_log.end(call_id, end)
        except PlatformError as error:
            # What was answered is paid and must be used, although the call log cannot be written just now.
            log.warning("What model call %s took could not be written down: %s", call_id, error)
            charge = Charge(None, None)
        call.charged(charge)
        return charge


async def _listen(call: Call, heard: _Heard, rule: OutboundRule) -> AIMessage | Exception:
    """Return the answer, or what is wrong with it; a client's own error never leaves, it may hold the key."""
    offer = call.offer
    with outbound(rule) as connections:
        answer = await _hear(call, heard)
    if isinstance(answer, Exception) and connections.refusal is not None:
        heard.refused = True  # for good, and another provider may answer
        sentence = f"{offer.provider} is not asked: {connections.refusal}"
        return ExpertError(ErrorCode.PERMISSION, sentence, provider=offer.provider)
    return answer


async def _hear(call: Call, heard: _Heard) -> AIMessage | Exception:
    offer = call.offer
    try:
        async with asyncio.timeout(call.timeout_seconds):
            async for chunk in offer.model.astream(list(call.messages), **call.options):
                heard.add(chunk)
        return _checked(call, heard.message(), heard.reason)
    except ExpertError as error:
        heard.refused = not heard.chunks
        return error
    except Exception as error:  # noqa: BLE001 - every client library has its own
        heard.refused = not heard.chunks and http_status(error) is not None
        key, began = offer.connection.key, bool(heard.chunks)
        return explain(error, offer.provider, offer.model_name, key, began=began) or error


def _checked(call: Call, message: AIMessage | None, reason: str | None) -> AIMessage | ExpertError:
    """Return an answer that came without an error, or what is wrong with it."""
    provider, code = call.offer.provider, ErrorCode.OUTPUT_INVALID
    who = f"{provider}'s {call.offer.model_name}"
    if message is None or reason is None:
        code, sentence = ErrorCode.CONNECTION, f"{provider} ended its answer in the middle, without a finish reason"
    elif reason.lower() in _CUT:
        limit = call.start.max_output_tokens
        sentence = f"{who} was cut off in its answer: the longest allowed is {limit} tokens"
    elif reason.lower() in _BLOCKED:
        sentence = f"{who} gave no answer: its provider's content filter stepped in"
    elif not (message.text.strip() or message.tool_calls or message.invalid_tool_calls):
        sentence = f"{who} gave an empty answer"
    else:
        return message
    return ExpertError(code, sentence, provider=provider)


def _end(call: Call, answer: AIMessage | Exception, heard: _Heard) -> CallEnd:
    """Return what is written down of a call."""
    if not isinstance(answer, Exception):
        return CallEnd(CallOutcome.ANSWERED, *heard.usage(), answer=_kept(call, answer))
    code = answer.code if isinstance(answer, ExpertError) else ErrorCode.BUG
    usage = (0, 0, 0) if heard.refused and code in REFUSALS else heard.usage()
    return CallEnd(CallOutcome.FAILED, *usage, error_code=code.value, error_message=str(answer))


def _kept(call: Call, message: AIMessage) -> KeptAnswer | None:
    if call.digest is None:
        return None
    from langchain_core.messages import message_to_dict  # noqa: PLC0415 - LangChain

    said = json.loads(json.dumps(message_to_dict(message), default=str))
    return KeptAnswer(call.digest, {"provider": call.start.provider, "model": call.start.model, "message": said})
