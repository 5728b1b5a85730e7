"""Breaker changes: pages hear when a tick changes one although no analysis changed, and of no other tick."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.vocabulary import BreakerState, ErrorCode
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose provider is held back after its second failure."""
    made = make_desk(tmp_path, Catalog(Scripted(asks=("openai",))), breaker_failures=2, breaker_cooldown_seconds=30)
    yield made
    made.close()


@pytest.fixture
def heard(desk: Desk) -> list[BreakerState]:
    """How the newest incident stands whenever a page hears of a change."""
    states: list[BreakerState] = []
    desk.platform.store.feed.subscribe(lambda _: states.extend(one.state for one in desk.platform.breakers.list()[:1]))
    return states


def test_one_that_a_person_lets_go_is_closed_by_the_next_tick(desk: Desk, heard: list[BreakerState]) -> None:
    worker = desk.worker()
    desk.platform.breakers.open("openai", by=TRADER, reason="they announced maintenance")
    desk.platform.breakers.close("openai", by=TRADER, reason="maintenance is over")
    heard.clear()
    worker.tick()
    assert heard == [BreakerState.CLOSED]
    worker.tick()
    assert heard == [BreakerState.CLOSED]


def test_one_for_which_nothing_waits_is_closed_when_its_probe_is_due(desk: Desk, heard: list[BreakerState]) -> None:
    worker, expert = desk.worker(), desk.expert(max_retries=3)
    ids = [desk.submit(expert, symbol) for symbol in ("AAPL", "MSFT")]
    for analysis_id in ids:
        worker.fail(worker.claim(analysis_id), code=ErrorCode.PROVIDER_DOWN)
    for analysis_id in ids:
        desk.analyses.cancel(analysis_id, by=TRADER)
    heard.clear()
    worker.tick()
    assert heard == []
    desk.clock.advance(30)
    worker.tick()
    assert heard == [BreakerState.CLOSED]
