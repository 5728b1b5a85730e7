"""Limits of a provider: first come, first served, and slowly after a hold."""

from __future__ import annotations

import asyncio
import time

import pytest

from ba2_trade_platform.llm.limits import Entry, Limiter, Rates
from tests.patience import EVENT_SECONDS


async def enter(limiter: Limiter, log: list[str], name: str, tokens: int = 1) -> Entry:
    """Go through and stay until the loop has turned once."""
    async with limiter.turn(tokens) as entry:
        log.append(name)
        await asyncio.sleep(0)
    return entry


def limiter_of(minute: float = 60, **rates: int) -> Limiter:
    """Return a turnstile with these limits."""
    limiter = Limiter(minute)
    limiter.rates = Rates(**rates)
    return limiter


async def test_first_come_first_served() -> None:
    log: list[str] = []
    limiter = limiter_of(concurrency=1)
    await asyncio.gather(*(enter(limiter, log, str(number)) for number in range(5)))
    assert log == ["0", "1", "2", "3", "4"]


async def test_requests_wait_until_the_minute_has_moved_on() -> None:
    log: list[str] = []
    limiter = limiter_of(minute=0.2, requests=2)
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*(enter(limiter, log, str(number)) for number in range(5)))
    assert asyncio.get_running_loop().time() - begun >= 0.4


async def test_the_minute_begins_when_a_call_is_sent() -> None:
    limiter = limiter_of(minute=0.4, requests=1)
    loop, log = asyncio.get_running_loop(), list[str]()
    async with limiter.turn(1) as entry:
        await asyncio.to_thread(time.sleep, 0.3)  # as the book may take, while a disk is busy
        entry.sent()
        sent = loop.time()
    await enter(limiter, log, "next")
    assert loop.time() - sent >= 0.4


async def test_tokens_are_counted_as_estimated_and_then_as_they_were() -> None:
    log: list[str] = []
    limiter = limiter_of(minute=30, tokens=100)
    first = await enter(limiter, log, "first", 90)
    waiting = asyncio.create_task(enter(limiter, log, "second", 90))
    await asyncio.sleep(0)
    assert (log, limiter.waiting) == (["first"], 1)
    first.correct(10)
    # Whoever comes or goes has the turnstile look again.
    await asyncio.wait_for(enter(limiter, log, "empty", 0), EVENT_SECONDS)
    await asyncio.wait_for(waiting, EVENT_SECONDS)
    assert "second" in log


async def test_a_call_that_is_cancelled_as_its_turn_comes_leaves_its_place_to_the_next() -> None:
    log: list[str] = []
    limiter = limiter_of(concurrency=1)
    async with limiter.turn(1):
        second = asyncio.create_task(enter(limiter, log, "second"))
        third = asyncio.create_task(enter(limiter, log, "third"))
        await asyncio.sleep(0)
    second.cancel()  # admitted by the end of the first, and not yet running
    await asyncio.wait_for(third, EVENT_SECONDS)
    assert (log, second.cancelled()) == (["third"], True)


async def test_a_call_that_is_larger_than_the_limit_goes_alone_and_not_never() -> None:
    log: list[str] = []
    await asyncio.wait_for(enter(limiter_of(tokens=100), log, "large", 5000), EVENT_SECONDS)
    assert log == ["large"]


async def test_after_a_hold_one_goes_first_then_ever_more() -> None:
    limiter = limiter_of(concurrency=8)
    limiter.hold(0.05)
    inside, most = 0, []

    async def call() -> None:
        nonlocal inside
        async with limiter.turn(1):
            inside += 1
            most.append(inside)
            await asyncio.sleep(0.01)
            inside -= 1
        limiter.answered()

    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*(call() for _ in range(20)))
    assert asyncio.get_running_loop().time() - begun >= 0.05
    assert most[:1] == [1]
    assert max(most[:3]) <= 2
    assert max(most) == 8


async def test_who_is_cancelled_while_waiting_makes_room() -> None:
    log: list[str] = []
    limiter = limiter_of(concurrency=1)
    async with limiter.turn(1):
        waiting = [asyncio.create_task(enter(limiter, log, name)) for name in ("one", "two")]
        await asyncio.sleep(0)
        waiting[0].cancel()
    await waiting[1]
    with pytest.raises(asyncio.CancelledError):
        await waiting[0]
    assert log == ["two"]
