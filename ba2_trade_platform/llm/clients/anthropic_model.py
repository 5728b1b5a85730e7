"""Anthropic model: LangChain's, asked by an HTTP client that is not shared and follows no redirect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from anthropic import AsyncClient, DefaultAsyncHttpxClient
from langchain_anthropic import ChatAnthropic
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from ba2_trade_platform.llm.answers.chunks import chunk_of
from ba2_trade_platform.llm.answers.pieces import Piece, anthropic_pieces
from ba2_trade_platform.llm.answers.wire import events

VENDOR = "anthropic"


class AnthropicModel(ChatAnthropic):
    """Asks by a client that is made from `http_values`; LangChain itself takes none."""

    http_values: dict[str, Any]

    @cached_property
    def _async_client(self) -> AsyncClient:
        return AsyncClient(**self._client_params, http_client=DefaultAsyncHttpxClient(**self.http_values))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        payload = self._get_request_payload(messages, stop=stop, **kwargs, stream=True)
        client = self._async_client.beta if "betas" in payload else self._async_client
        # The bytes and not the client's own stream: that drops events whose names it does not know.
        async with client.messages.with_streaming_response.create(**payload) as response:
            async for said in events(response.iter_bytes()):
                for piece in anthropic_pieces(said):
                    yield chunk_of(piece, VENDOR)
        yield chunk_of(Piece(), VENDOR)  # LangChain takes a stream without a chunk for a fault of ours
