"""Limits of a provider: first come, first served, and slowly after a hold."""

from __future__ import annotations

import asyncio

import pytest

from ba2_trade_platform.llm.limits import Entry, Limiter, Rates
from tests.fakes.leaping_loop import leap
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


def test_requests_wait_until_the_minute_has_moved_on() -> None:
    async def five() -> float:
        limiter = limiter_of(requests=2)
        await asyncio.gather(*(enter(limiter, [], str(number)) for number in range(5)))
        return asyncio.get_running_loop().time()

    assert leap(five()) == pytest.approx(120, abs=1)


def test_the_minute_begins_when_a_call_is_sent() -> None:
    async def two() -> float:
        limiter = limiter_of(requests=1)
        async with limiter.turn(1) as entry:
            await asyncio.sleep(45)  # as the book may take, while a disk is busy
            entry.sent()
        await enter(limiter, [], "next")
        return asyncio.get_running_loop().time()

    assert leap(two()) == pytest.approx(45 + 60, abs=1)


def test_no_minute_however_it_lies_holds_more_than_the_limit() -> None:
    sent: list[float] = []

    async def call(limiter: Limiter, number: int) -> None:
        await asyncio.sleep(number * 1.7)
        async with limiter.turn(1) as entry:
            await asyncio.sleep(number % 7)
            entry.sent()
            sent.append(asyncio.get_running_loop().time())

    async def fifty() -> None:
        limiter = limiter_of(requests=10, concurrency=50)
        await asyncio.gather(*(call(limiter, number) for number in range(50)))

    leap(fifty())
    sent.sort()
    assert len(sent) == 50
    assert max(sum(at <= other < at + 60 for other in sent) for at in sent) == 10


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


def test_after_a_hold_one_goes_first_then_ever_more() -> None:
    inside, most, entered = 0, list[int](), list[float]()

    async def call(limiter: Limiter) -> None:
        nonlocal inside
        async with limiter.turn(1):
            entered.append(asyncio.get_running_loop().time())
            inside += 1
            most.append(inside)
            await asyncio.sleep(1)
            inside -= 1
        limiter.answered()

    async def twenty() -> None:
        limiter = limiter_of(concurrency=8)
        limiter.hold(30)
        await asyncio.gather(*(call(limiter) for _ in range(20)))

    leap(twenty())
    assert entered[0] == pytest.approx(30, abs=0.1)
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
