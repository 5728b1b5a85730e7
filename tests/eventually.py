"""Eventual checks: they wait for the text or element of a page, in place of sleeps."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.patience import EVENT_SECONDS


async def eventually(look: Callable[[], Any | Awaitable[Any]]) -> None:
    """Return once `look` is true, or once an assertion in it holds; fails with its last complaint."""
    deadline = time.monotonic() + EVENT_SECONDS
    while True:
        complaint: AssertionError | None = None
        try:
            seen = look()
            if inspect.isawaitable(seen):
                await seen
                return
            if seen:
                return
        except AssertionError as error:
            complaint = error
        if time.monotonic() > deadline:
            raise complaint or AssertionError(f"not seen within {EVENT_SECONDS:g} s")
        await asyncio.sleep(0)
        await asyncio.to_thread(time.sleep, 0.02)  # lets the worker's threads have the processor meanwhile
