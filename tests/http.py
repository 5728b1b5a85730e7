"""HTTP client: a connection for each request, since a server may close a kept one just as the next request comes."""

from __future__ import annotations

from typing import Any

import httpx

from tests.patience import CONSOLE_SECONDS


def open_http(base_url: str, **more: Any) -> httpx.Client:
    """Return a client of a console that runs as its own process."""
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(base_url=base_url, timeout=CONSOLE_SECONDS, limits=limits, **more)
