"""Anthropic model: LangChain's, asked by an HTTP client that is not shared and follows no redirect."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from anthropic import AsyncClient, DefaultAsyncHttpxClient, Omit
from langchain_anthropic import ChatAnthropic
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk

from ba2_trade_platform.llm.answers.chunks import chunk_of
from ba2_trade_platform.llm.answers.pieces import Piece, anthropic_pieces
from ba2_trade_platform.llm.answers.wire import events

VENDOR = "anthropic"


class AnthropicModel(ChatAnthropic):
    """Asks by a client that is made from `http_values`; LangChain itself takes none.

    `is_vendor`: it is Anthropic itself, which alone is sent the headers of the environment.
    """

    http_values: dict[str, Any]
    is_vendor: bool = False

    @cached_property
    def _async_client(self) -> AsyncClient:
        given = dict(self._client_params)
        if not self.is_vendor:
            given["default_headers"] = {**_environment_omitted(), **(given.get("default_headers") or {})}
        return AsyncClient(**given, http_client=DefaultAsyncHttpxClient(**self.http_values))

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


def _environment_omitted() -> dict[str, Omit]:
    """Return the headers that the environment adds as left out: what is in them is meant for the vendor alone."""
    lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    return {line.partition(":")[0].strip(): Omit() for line in lines if ":" in line}
