"""Anthropic model: LangChain's, asked by an HTTP client that is not shared and follows no redirect."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from anthropic import AsyncClient, DefaultAsyncHttpxClient
from langchain_anthropic import ChatAnthropic


class AnthropicModel(ChatAnthropic):
    """Asks by a client that is made from `http_values`; LangChain itself takes none."""

    http_values: dict[str, Any]

    @cached_property
    def _async_client(self) -> AsyncClient:
        return AsyncClient(**self._client_params, http_client=DefaultAsyncHttpxClient(**self.http_values))
