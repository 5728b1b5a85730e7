"""Clients of the API: they speak to a console without a port, as a script on the same machine does."""

from __future__ import annotations

import httpx

from ba2_trade_platform.api.register import create_api
from ba2_trade_platform.app.platform import Platform


def client_of(platform: Platform) -> httpx.AsyncClient:
    """Return a client that speaks to the console as a script on the same machine does."""
    transport = httpx.ASGITransport(app=create_api(platform), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080/api/v1")
