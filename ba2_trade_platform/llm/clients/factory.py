"""Model clients: make a provider's LangChain model with key and time-outs, and without retries of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.core.contracts.language_models import ModelSettings
from ba2_trade_platform.core.contracts.model_providers import Connection, Provider
from ba2_trade_platform.llm.clients.http_values import headers_of, http_values, ollama_client
from ba2_trade_platform.vocabulary import ProviderKind, UsageForm

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    ScriptedModels = Callable[[str], BaseChatModel]

CONNECT_SECONDS = 10.0


def make_model(connection: Connection, model: str, settings: ModelSettings, scripted: ScriptedModels) -> BaseChatModel:
    """Return the model; `scripted` makes those that ask nobody.

    Blocking: the first of a kind imports its client library, for seconds.
    """
    provider = connection.provider
    if provider.kind is ProviderKind.SCRIPTED:
        return scripted(model)
    dialect = provider.spoken(model)
    values = {"base_url": provider.url, **_OF_KIND[provider.kind](connection, dialect, settings)}
    if settings.temperature is not None and dialect.temperature:
        values["temperature"] = settings.temperature
    return _class_of(provider)(model=model, **values)


def _class_of(provider: Provider) -> type[BaseChatModel]:
    """Return the client's class; the first of a kind is imported now."""
    if provider.kind is ProviderKind.ANTHROPIC:
        from ba2_trade_platform.llm.clients.anthropic_model import AnthropicModel  # noqa: PLC0415 - a client library

        return AnthropicModel
    if provider.kind is ProviderKind.OLLAMA:
        from ba2_trade_platform.llm.clients.ollama_model import OllamaModel  # noqa: PLC0415 - a client library

        return OllamaModel
    from ba2_trade_platform.llm.clients.compatible import CompatibleChat  # noqa: PLC0415 - a client library

    return CompatibleChat


def _openai(connection: Connection, dialect: Dialect, settings: ModelSettings) -> dict[str, Any]:
    # The client of whichever httpx the SDK is built on; the shared default one would outlive its loop.
    from openai import DefaultAsyncHttpxClient, Timeout  # noqa: PLC0415 - a client library

    timeout = Timeout(settings.call_timeout_seconds, connect=min(CONNECT_SECONDS, settings.call_timeout_seconds))
    values: dict[str, Any] = {
        "api_key": connection.key or "not-needed",
        "max_tokens": settings.max_output_tokens,
        "max_retries": 0,
        "stream_usage": dialect.usage is not UsageForm.UNASKED,
        "is_vendor": connection.provider.is_vendor,
        "token_field": dialect.token_field,
        "reasoning_back": dialect.reasoning_back,
        "always_sent": dict(dialect.body),
        "default_headers": headers_of(connection, dialect),
        "timeout": timeout,
        # Its wait for the next chunk drops a cancellation that comes together with one, and the call would go on,
        # paid, after its analysis; the time of the whole call is limited where it is heard.
        "stream_chunk_timeout": None,
        "http_async_client": DefaultAsyncHttpxClient(timeout=timeout, **http_values(connection)),
    }
    if connection.provider.base_url is not None:
        values["use_responses_api"] = False  # only the vendor itself has it
    return values


def _anthropic(connection: Connection, dialect: Dialect, settings: ModelSettings) -> dict[str, Any]:
    timeout = settings.call_timeout_seconds
    return {
        "api_key": connection.key or "not-needed",
        "is_vendor": connection.provider.is_vendor,
        "max_tokens": settings.max_output_tokens,
        "max_retries": 0,
        "default_headers": headers_of(connection, dialect),
        "timeout": timeout,
        "http_values": {"timeout": timeout, **http_values(connection)},
    }


def _ollama(connection: Connection, _: Dialect, settings: ModelSettings) -> dict[str, Any]:
    client = {"timeout": settings.call_timeout_seconds, **ollama_client(connection)}
    return {"num_predict": settings.max_output_tokens, "client_kwargs": client}


_OF_KIND = {ProviderKind.OPENAI: _openai, ProviderKind.ANTHROPIC: _anthropic, ProviderKind.OLLAMA: _ollama}
