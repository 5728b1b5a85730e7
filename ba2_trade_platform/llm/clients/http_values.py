"""HTTP values: the settings and headers that every client which asks a provider is made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.core.contracts.model_providers import Connection
from ba2_trade_platform.llm.clients.hidden_errors import show_errors

if TYPE_CHECKING:
    from httpx import Request

_HERE = ("127.0.0.1", "localhost", "::1")


def http_values(connection: Connection) -> dict[str, Any]:
    """Return what every client is made with: the whole question would be sent to wherever an answer sends on.

    The environment's proxy is never used to a server on this machine.
    """
    here = urlsplit(connection.provider.url or "").hostname in _HERE
    return {"trust_env": not here, "follow_redirects": False, "event_hooks": {"response": [show_errors]}}


def headers_of(connection: Connection, dialect: Dialect) -> dict[str, str]:
    """Return the headers of a dialect, with the key where they want it."""
    return {name: value.replace("{key}", connection.key or "") for name, value in dialect.headers.items()}


def auth_headers(connection: Connection) -> dict[str, str]:
    """Return the headers of a request that no vendor's client makes."""
    headers = headers_of(connection, connection.provider.dialect)
    if connection.key:
        headers["Authorization"] = f"Bearer {connection.key}"
    return headers


def ollama_client(connection: Connection) -> dict[str, Any]:
    """Return what Ollama's client is made with; without a key, it would send the environment's to whoever is asked."""
    values = {"headers": auth_headers(connection), **http_values(connection)}
    return values if connection.key else {**values, "auth": _without_key}


def _without_key(request: Request) -> Request:
    request.headers.pop("Authorization", None)
    return request
