"""Asked window: how many tokens a server says that its model holds, for a table cannot know how it was started."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from ba2_trade_platform.core.base.outbound import OutboundRule, outbound
from ba2_trade_platform.core.contracts.model_providers import Connection
from ba2_trade_platform.core.contracts.model_windows import Window, WindowSource
from ba2_trade_platform.llm.clients.http_values import auth_headers, http_values
from ba2_trade_platform.llm.windows.refused import LIKELY

log = logging.getLogger(__name__)
ASK_SECONDS = 3.0
LONGEST_ANSWER = 8_000_000  # bytes; OpenRouter's list of models has half a million
# What a server was started with comes before what its model could hold.
_FIELDS = (
    "loaded_context_length", "max_model_len", "context_window", "context_length", "max_context_length", "n_ctx",
)  # fmt: skip


@dataclass(frozen=True)
class _Way:
    """One request that may tell; `at_root`: it is no part of OpenAI's protocol, so its path begins at the host."""

    path: str
    read: Callable[[Any, str], int | None]
    at_root: bool = False
    body: Callable[[str], Mapping[str, Any]] | None = None


def _of_list(answer: Any, model: str) -> int | None:
    """Read the model's entry in a list of models."""
    listed = answer
    if isinstance(answer, dict):
        listed = next((answer[name] for name in ("data", "models") if isinstance(answer.get(name), list)), [])
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and model in _names(entry):
            # A router's own figure is of all that host the model, `top_provider` is who will be asked.
            for part in (entry.get("top_provider"), entry, entry.get("meta")):
                if found := _figure(part):
                    return found
    return None


def _names(entry: Mapping[str, Any]) -> Iterator[str]:
    for field in ("id", "name", "model"):
        if isinstance(name := entry.get(field), str):
            yield name
            yield name.removesuffix(":latest")


def _of_props(answer: Any, _: str) -> int | None:
    settings = answer.get("default_generation_settings") if isinstance(answer, dict) else None
    return _figure(settings) or _figure(answer)


def _of_show(answer: Any, _: str) -> int | None:
    known = answer.get("model_info") if isinstance(answer, dict) else None
    if not isinstance(known, dict):
        return None
    found = (_tokens(value) for name, value in known.items() if name.endswith(".context_length"))
    return next(filter(None, found), None)


def _figure(part: Any) -> int | None:
    if not isinstance(part, dict):
        return None
    return next(filter(None, (_tokens(part.get(name)) for name in _FIELDS)), None)


def _tokens(said: Any) -> int | None:
    return said if isinstance(said, int) and not isinstance(said, bool) and said in LIKELY else None


_MODELS = _Way("/models", _of_list)
_PROPS = _Way("/props", _of_props, at_root=True)
_LOADED = _Way("/api/v0/models", _of_list, at_root=True)  # LM Studio's
_RUNNING = _Way("/api/ps", _of_list, at_root=True)  # Ollama's, where it is spoken to as OpenAI
_SHOW = _Way("/api/show", _of_show, at_root=True, body=lambda model: {"model": model})
# Of a vendor who is not here no request tells.
_WAYS: Mapping[str, tuple[_Way, ...]] = {
    "ollama": (_SHOW,),
    "llamacpp": (_PROPS, _MODELS),
    "lmstudio": (_LOADED,),
    "compatible": (_MODELS, _PROPS, _LOADED, _RUNNING),
    **dict.fromkeys(("vllm", "openrouter", "together", "groq", "fireworks", "mistral", "kimi", "nvidia"), (_MODELS,)),
}


def can_be_asked(connection: Connection) -> bool:
    """Tell whether this kind of server says anywhere what its models hold."""
    return connection.provider.dialect.name in _WAYS


async def asked_window(connection: Connection, model: str, rule: OutboundRule) -> Window | None:
    """Return what the server says of its model, None when it does not; never raises, takes a few seconds at most."""
    provider = connection.provider
    if provider.url is None or not can_be_asked(connection):
        return None
    headers = auth_headers(connection)
    try:
        async with (
            asyncio.timeout(ASK_SECONDS),
            httpx.AsyncClient(headers=headers, **http_values(connection)) as client,
        ):
            with outbound(rule):
                for way in _WAYS[provider.dialect.name]:
                    if found := await _asked(client, way, provider.url, model):
                        return Window(found, WindowSource.ASKED)
    except (TimeoutError, httpx.HTTPError, OSError, ValueError) as error:
        log.info("%s does not say what %s holds: %s", provider.name, model, type(error).__name__)
    return None


async def _asked(client: httpx.AsyncClient, way: _Way, url: str, model: str) -> int | None:
    parts = urlsplit(url)
    root = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/").removesuffix("/v1"), "", ""))
    address = (root if way.at_root else url) + way.path
    body = way.body(model) if way.body else None
    async with client.stream("POST" if body else "GET", address, json=body) as response:
        if response.status_code != 200:
            return None
        said = bytearray()
        async for piece in response.aiter_bytes():
            said += piece
            if len(said) > LONGEST_ANSWER:
                return None
    try:
        return way.read(json.loads(said), model)
    except (ValueError, RecursionError):  # a page, or brackets within brackets without end
        return None
