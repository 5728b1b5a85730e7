"""The API of a console that has no pages, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from ba2_trade_platform.api.register import create_api
from ba2_trade_platform.app.platform import Platform


def client_of(platform: Platform) -> httpx.AsyncClient:
    """Return a client that speaks to the console as a script on the same machine does."""
    transport = httpx.ASGITransport(app=create_api(platform), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080/api/v1")


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the shared console, whose worker is not started."""
    async with client_of(platform) as one:
        yield one
