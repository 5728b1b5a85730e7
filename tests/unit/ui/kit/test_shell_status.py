"""Shell status: one reading for all pages that ask at once, and none older than the question."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ba2_trade_platform.core.base.change_feed import EVERY_TOPIC, Topic
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.ui.kit.shell_status import SharedReading
from tests.patience import EVENT_SECONDS


class Slow:
    """A reading that waits until the test lets it go, and says how often and what it read."""

    def __init__(self) -> None:
        self.present, self.readings = 0, 0
        self.asked: list[tuple[frozenset[Topic], int | None]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, topics: frozenset[Topic], before: int | None) -> int:
        self.readings += 1
        self.asked.append((topics, before))
        found = self.present
        self.begun.set()
        assert self.go.wait(EVENT_SECONDS)
        return found


async def test_many_who_ask_at_once_share_two_readings_at_most() -> None:
    slow = Slow()
    slow.go.set()
    shared = SharedReading(slow)
    assert await asyncio.gather(*(shared.get() for _ in range(50))) == [0] * 50
    assert slow.readings <= 2


async def test_nobody_is_given_what_was_read_before_he_asked() -> None:
    slow = Slow()
    shared = SharedReading(slow)
    first = asyncio.create_task(shared.get())
    assert await asyncio.to_thread(slow.begun.wait, 10)
    slow.present = 1
    later = [asyncio.create_task(shared.get()) for _ in range(20)]
    await asyncio.sleep(0)
    slow.go.set()
    assert await first == 0
    assert await asyncio.gather(*later) == [1] * 20
    assert slow.readings == 2


async def test_only_the_topics_asked_for_are_read_beside_what_was_read_before() -> None:
    slow = Slow()
    slow.go.set()
    shared = SharedReading(slow)
    await shared.get()
    slow.present = 7
    await asyncio.gather(shared.get(frozenset({Topic.ALERTS})), shared.get(frozenset({Topic.QUEUE})))
    assert slow.asked == [(EVERY_TOPIC, None), ({Topic.ALERTS, Topic.QUEUE}, 0)]


async def test_an_error_reaches_everybody_and_the_next_reading_is_a_new_one() -> None:
    trouble, asked = [Unavailable("the database is locked by another program")], list[frozenset[Topic]]()

    def read(topics: frozenset[Topic], _: str | None) -> str:
        asked.append(topics)
        if trouble:
            raise trouble[0]
        return "well"

    shared = SharedReading(read)
    said = await asyncio.gather(*(shared.get(frozenset({Topic.ALERTS})) for _ in range(5)), return_exceptions=True)
    assert {type(error) for error in said} == {Unavailable}
    trouble.clear()
    assert await shared.get(frozenset({Topic.QUEUE})) == "well"
    assert asked[-1] == {Topic.ALERTS, Topic.QUEUE}  # those that were not read are still to be read


async def test_whoever_leaves_takes_nobody_s_reading_with_him() -> None:
    slow = Slow()
    shared = SharedReading(slow)
    leaves, stays = asyncio.create_task(shared.get()), asyncio.create_task(shared.get())
    assert await asyncio.to_thread(slow.begun.wait, 10)
    leaves.cancel()
    slow.go.set()
    assert await stays == 0
    with pytest.raises(asyncio.CancelledError):
        await leaves
