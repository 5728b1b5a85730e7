"""Model call: waits its turn, logs the call, streams the answer and names any fault in it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import CallEnd, CallRecorder, CallStart, Charge, KeptAnswer
from ba2_trade_platform.core.contracts.model_providers import Connection
from ba2_trade_platform.llm.failures import REFUSALS, explain, status_of
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
class Call:
    """One call that is to be made, of one model of one provider. `charged` is told what it took."""

    connection: Connection
    model: BaseChatModel
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
    refused: bool = False  # the provider turned the call away, by the status of its reply

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
        first, *others = self.chunks
        whole = first + others if others and isinstance(first, AIMessageChunk) else first
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


class Caller:
    """Makes calls; all of them on the models' loop."""

    def __init__(self, call_log: CallRecorder, pool: ThreadPoolExecutor) -> None:
        self._call_log = call_log
        self._pool = pool

    async def make(self, call: Call, limiter: Limiter) -> AIMessage:
        """Return the answer, or raise ExpertError with the provider's name."""
        start = call.start
        async with limiter.turn(start.estimated_tokens_in + start.max_output_tokens) as entry:
            try:
                call_id = await self._begin(start)
            except BaseException:
                entry.withdraw()
                raise
            entry.sent()
            heard = _Heard()
            try:
                message, failure = await self._heard(call, heard)
            except asyncio.CancelledError:
                self._pool.submit(self._close, call, call_id, CallEnd(CallOutcome.CANCELLED, *heard.usage()))
                raise
            outcome = CallOutcome.ANSWERED if failure is None else CallOutcome.FAILED
            code, sentence = (None, None) if failure is None else (_code(failure), str(failure))
            usage = (0, 0, 0) if _was_refused(failure, heard) else heard.usage()
            loop, kept = asyncio.get_running_loop(), _kept(call, message, failure)
            end = CallEnd(outcome, *usage, error_code=code, error_message=sentence, answer=kept)
            if isinstance(failure, ExpertError) and failure.code is ErrorCode.RATE_LIMIT:
                # Before this turn ends, or the next in line would go at once. Everybody who asks this provider waits,
                # and not each after a refusal of his own.
                limiter.hold(min(failure.retry_after or 1.0, LONGEST_WISH))
            charge = await asyncio.shield(loop.run_in_executor(self._pool, self._close, call, call_id, end))
            entry.correct(charge.tokens)
        if message is None or failure is not None:
            raise failure or RuntimeError("a call ended without an answer and without a failure")
        limiter.answered()
        return message

    async def _heard(self, call: Call, heard: _Heard) -> tuple[AIMessage | None, Exception | None]:
        """Return the answer and what is wrong with it; a client's own error never leaves, it may hold the key."""
        try:
            await _listen(call, heard)
            message = heard.message()
        except Exception as error:  # noqa: BLE001 - every client library has its own
            heard.refused = not heard.chunks and (isinstance(error, ExpertError) or status_of(error) is not None)
            return None, _explained(call, error, began=bool(heard.chunks))
        return message, _fault(call, message, heard.reason)

    async def _begin(self, start: CallStart) -> int:
        beginning = asyncio.get_running_loop().run_in_executor(self._pool, self._call_log.begin, start)
        try:
            return await asyncio.shield(beginning)
        except asyncio.CancelledError:
            beginning.add_done_callback(partial(self._never_made, self._call_log))
            raise
        except PlatformError as error:
            sentence = f"The model was not asked, for the call could not be written down: {error}"
            raise ExpertError(ErrorCode.INTERRUPTED, sentence) from None

    def _never_made(self, call_log: CallRecorder, beginning: asyncio.Future[int]) -> None:
        if beginning.exception() is None:
            self._pool.submit(call_log.end, beginning.result(), CallEnd(CallOutcome.CANCELLED, 0, 0, 0))

    def _close(self, call: Call, call_id: int, end: CallEnd) -> Charge:
        try:
            charge = self._call_log.end(call_id, end)
        except PlatformError as error:
            # What was answered is paid and must be used, although the call log cannot be written just now.
            log.warning("What model call %s took could not be written down: %s", call_id, error)
            charge = Charge(None, None)
        call.charged(charge)
        return charge


async def _listen(call: Call, heard: _Heard) -> None:
    async with asyncio.timeout(call.timeout_seconds):
        async for chunk in call.model.astream(list(call.messages), **call.options):
            heard.add(chunk)


def _explained(call: Call, error: Exception, *, began: bool) -> Exception:
    if isinstance(error, ExpertError):
        return error
    provider = call.connection.provider.name
    return explain(error, provider, call.start.model, call.connection.key, began=began) or error


def _was_refused(failure: Exception | None, heard: _Heard) -> bool:
    """Tell whether the provider turned the call away before it began to answer: then it took nothing."""
    return isinstance(failure, ExpertError) and failure.code in REFUSALS and heard.refused


def _kept(call: Call, message: AIMessage | None, failure: Exception | None) -> KeptAnswer | None:
    if call.digest is None or message is None or failure is not None:
        return None
    from langchain_core.messages import message_to_dict  # noqa: PLC0415 - LangChain

    said = json.loads(json.dumps(message_to_dict(message), default=str))
    return KeptAnswer(call.digest, {"provider": call.start.provider, "model": call.start.model, "message": said})


def _code(failure: Exception) -> str:
    return failure.code.value if isinstance(failure, ExpertError) else ErrorCode.BUG.value


def _fault(call: Call, message: AIMessage | None, reason: str | None) -> ExpertError | None:
    """Return what is wrong with an answer that came without an error."""
    name = call.connection.provider.name
    who, invalid = f"{name}'s {call.start.model}", ErrorCode.OUTPUT_INVALID
    if message is None or reason is None:
        sentence = f"{name} ended its answer in the middle, without a finish reason"
        return _failure(ErrorCode.CONNECTION, sentence, call)
    if (reason or "").lower() in _CUT:
        limit = call.start.max_output_tokens
        return _failure(invalid, f"{who} was cut off in its answer: the longest allowed is {limit} tokens", call)
    if (reason or "").lower() in _BLOCKED:
        return _failure(invalid, f"{who} gave no answer: its provider's content filter stepped in", call)
    if not (message.text.strip() or message.tool_calls or message.invalid_tool_calls):
        return _failure(invalid, f"{who} gave an empty answer", call)
    return None


def _failure(code: ErrorCode, sentence: str, call: Call) -> ExpertError:
    return ExpertError(code, sentence, provider=call.connection.provider.name)
