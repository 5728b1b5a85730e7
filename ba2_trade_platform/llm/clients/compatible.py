"""Compatible chat: LangChain's OpenAI client for servers that add to that protocol, or know less of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI
from pydantic import model_validator

from ba2_trade_platform.llm.answers.chunks import chunk_of
from ba2_trade_platform.llm.answers.pieces import EXTRA, THOUGHTS, Piece, openai_piece
from ba2_trade_platform.llm.answers.wire import events
from ba2_trade_platform.vocabulary import TokenField

VENDOR = "openai"


class CompatibleChat(ChatOpenAI):
    """Keeps what the server adds to its message, sends it back where that is wanted, and limits answers in its words.

    `token_field` is the field that limits an answer; `reasoning_back`: the thoughts before a tool call go back with it;
    `always_sent` is added to the body of each request.
    `is_vendor`: it is OpenAI itself, which alone is told the organization and the project of the environment.
    """

    token_field: TokenField = TokenField.MAX_TOKENS
    reasoning_back: bool = False
    is_vendor: bool = False
    always_sent: dict[str, Any] = {}

    @model_validator(mode="after")
    def _keep_the_environment_here(self) -> Self:
        if not self.is_vendor:
            self.root_async_client.organization = self.root_async_client.project = None
        return self

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        if self._use_responses_api({**kwargs, **self.model_kwargs}):  # only the vendor itself has it
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk
            return
        if self._should_stream_usage(None, **kwargs):
            kwargs["stream_options"] = {"include_usage": True}
        payload = self._get_request_payload(messages, stop=stop, **kwargs, stream=True)
        # The bytes and not the client's own stream: that fills in, drops or refuses what it does not know.
        async with self.async_client.with_streaming_response.create(**payload) as response:
            async for said in events(response.iter_bytes()):
                yield chunk_of(openai_piece(said), VENDOR)
        yield chunk_of(Piece(), VENDOR)  # LangChain takes a stream without a chunk for a fault of ours

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        payload = super()._get_request_payload(input_, stop=stop, **kwargs)
        limit = payload.pop(TokenField.MAX_COMPLETION_TOKENS, None)
        if limit is not None:
            payload[self.token_field] = limit
        if self.always_sent:
            payload["extra_body"] = {**self.always_sent, **(payload.get("extra_body") or {})}
        if self.reasoning_back:
            said = self._convert_input(input_).to_messages()
            for message, sent in zip(said, payload.get("messages", ()), strict="messages" in payload):
                if isinstance(message, AIMessage):
                    _give_back(message.additional_kwargs, sent)
        return payload


def _give_back(kept: Mapping[str, Any], sent: dict[str, Any]) -> None:
    if not sent.get("tool_calls"):
        return
    sent.update({name: kept[name] for name in THOUGHTS if name in kept})
    for place, extra in kept.get(EXTRA, {}).items():
        sent["tool_calls"][int(place)][EXTRA] = extra
