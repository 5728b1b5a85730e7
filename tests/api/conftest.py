"""API fixtures: the API of a console that has no pages, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from tests.api.clients import client_of


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the shared console, whose worker is not started."""
    async with client_of(platform) as one:
        yield one
