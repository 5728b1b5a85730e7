"""Scripted model: a LangChain chat model that argues by rules, so that the debate runs without a key."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, PrivateAttr

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.demo.scripted_model.answers import Answer
from ba2_trade_platform.demo.scripted_model.facts import Facts, read_facts, text_of
from ba2_trade_platform.demo.scripted_model.practice import (
    DEFAULT,
    PROVIDER,
    Broken,
    Failed,
    Practice,
    fail,
    practice_of,
)
from ba2_trade_platform.demo.scripted_model.signals import opinion_of
from ba2_trade_platform.demo.scripted_model.tools import AnswerRequest, look, request_of
from ba2_trade_platform.demo.scripted_model.words import words_of
from ba2_trade_platform.vocabulary import ErrorCode

LABEL = "scripted, not a language model"
_CHARACTERS_A_TOKEN = 4
_CHUNK = 120  # characters
_BROKEN_JSON = '{"action": "BUY", "confidence": '

# Of this process: a gateway may make a model anew for each attempt, and a failure that is due once must stay once.
_FAILED = Failed()


class ScriptedModel(BaseChatModel):
    """See the module. `model_name` is `rules`, with a failure to practise behind a `?`; see practice.py.

    The facts are the last ```facts block of JSON in the system and human messages: role, symbol, as_of, numbers,
    and where there are any reports, articles, posts and figures. Raises ExpertError
    MODEL_NOT_FOUND for a name that is none.
    """

    model_config = ConfigDict(protected_namespaces=())

    model_name: str = DEFAULT
    _practice: Practice = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Read what the name asks for."""
        super().model_post_init(context)
        try:
            self._practice = practice_of(self.model_name)
        except ValueError as error:
            raise ExpertError(ErrorCode.MODEL_NOT_FOUND, str(error), provider=PROVIDER) from None

    @property
    def _llm_type(self) -> str:
        return PROVIDER

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Keep the tools, in OpenAI's format, for each call."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **options)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - the signature is LangChain's
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        time.sleep(self._practice.seconds)
        facts, due = self._due(messages)
        while due is Broken.HANG:
            time.sleep(1)
        return _result(self._answer(messages, facts, due, kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - the signature is LangChain's
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        await asyncio.sleep(self._practice.seconds)
        facts, due = self._due(messages)
        if due is Broken.HANG:
            await asyncio.Event().wait()
        return _result(self._answer(messages, facts, due, kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        result = self._generate(messages, stop, run_manager, **kwargs)
        for chunk in _chunks(result.generations[0].message):
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        result = await self._agenerate(messages, stop, run_manager, **kwargs)
        for chunk in _chunks(result.generations[0].message):
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.message.content), chunk=chunk)
            yield chunk

    def _due(self, messages: Sequence[BaseMessage]) -> tuple[Facts, Broken | None]:
        """Return the facts and the broken answer that is due; raises the failure that is due."""
        facts = read_facts(messages)
        due = _FAILED.due(self.model_name, self._practice, facts)
        if isinstance(due, ErrorCode):
            fail(due)
        return facts, due

    def _answer(
        self, messages: Sequence[BaseMessage], facts: Facts, due: Broken | None, options: dict[str, Any]
    ) -> AIMessage:
        request = request_of(options, messages)
        text, calls = _said(request, facts, messages)
        finish: str | None = "tool_calls" if calls else "stop"
        broken: list[dict[str, Any]] = []
        if due is not None:
            finish = {Broken.TRUNCATED: None, Broken.LENGTH: "length"}.get(due, "stop")
            text, calls = text[: len(text) // 2], []
            if due is Broken.EMPTY:
                text = ""
            elif due is Broken.MALFORMED and request.answer_tool is not None:
                broken, text = [{"name": request.answer_tool, "args": _BROKEN_JSON}], ""
            elif due is Broken.MALFORMED:
                text = _BROKEN_JSON
        identity = hashlib.sha256("\n".join([*map(text_of, messages), text, json.dumps(calls)]).encode()).hexdigest()
        read = sum(len(text_of(message)) for message in messages)
        written = len(text) + sum(len(json.dumps(call)) for call in calls)
        tokens_in, tokens_out = (-(-characters // _CHARACTERS_A_TOKEN) for characters in (read, written))
        metadata = {"model_provider": PROVIDER, "model_name": self.model_name}
        return AIMessage(
            content=text,
            tool_calls=[
                {**call, "id": f"call-{identity[:16]}-{at}", "type": "tool_call"} for at, call in enumerate(calls)
            ],
            invalid_tool_calls=[
                {**call, "id": f"call-{identity[:16]}", "error": "not JSON", "type": "invalid_tool_call"}
                for call in broken
            ],
            usage_metadata=UsageMetadata(
                input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out
            ),
            response_metadata=metadata if finish is None else {**metadata, "finish_reason": finish},
        )


def _said(request: AnswerRequest, facts: Facts, messages: Sequence[BaseMessage]) -> tuple[str, list[dict[str, Any]]]:
    """Return the text and the calls of tools that answer a request: one of them is empty."""
    opinion = opinion_of(facts)
    if (looked := look(request, facts, opinion, messages)) is not None:
        return "", [looked]
    if request.schema is None:
        return words_of(facts, opinion), []
    filled = Answer(facts, opinion, request.schema).fill()
    if request.answer_tool is not None:
        return "", [{"name": request.answer_tool, "args": filled}]
    return json.dumps(filled, ensure_ascii=False), []


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])


def _chunks(message: BaseMessage) -> Iterator[ChatGenerationChunk]:
    """Yield the message in pieces; the last brings the calls, the usage and how it ended."""
    if not isinstance(message, AIMessage):
        raise TypeError(f"a model answers with an AIMessage, not {type(message).__name__}")
    text = str(message.content)
    for start in range(0, len(text), _CHUNK):
        yield ChatGenerationChunk(message=AIMessageChunk(content=text[start : start + _CHUNK], id=message.id))
    calls = [*((call["name"], json.dumps(call["args"]), call["id"]) for call in message.tool_calls)]
    calls += [(call["name"] or "", call["args"] or "", call["id"]) for call in message.invalid_tool_calls]
    yield ChatGenerationChunk(
        message=AIMessageChunk(
            content="",
            id=message.id,
            tool_call_chunks=[tool_call_chunk(name=n, args=a, id=i, index=at) for at, (n, a, i) in enumerate(calls)],
            usage_metadata=message.usage_metadata,
            response_metadata=message.response_metadata,
            chunk_position="last",
        )
    )
