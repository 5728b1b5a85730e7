"""Clock set back: work that was queued while the clock ran ahead runs when it is right again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.clock import MovingClock
from tests.platforms import TRADER, make_platform, practice, row, running, submit, wait_until
from tests.sql import ask, change
from tests.stepped import Desk, make_desk

TWO_HOURS = 7_200


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose clock the test sets."""
    made = make_desk(tmp_path)
    yield made
    made.close()


def ahead(desk: Desk, expert: int) -> int:
    """Submit while the clock is two hours ahead, and set it right."""
    desk.clock.advance(TWO_HOURS)
    analysis_id = desk.submit(expert)
    desk.clock.advance(-TWO_HOURS + 60)
    return analysis_id


def test_a_worker_that_saw_the_clock_go_back_begins_what_waits_for_tomorrow(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    desk.clock.advance(TWO_HOURS)
    worker.tick()
    analysis_id = desk.submit(expert)
    desk.clock.advance(-TWO_HOURS)
    worker.tick()
    assert analysis_id in worker.leased


def test_a_worker_that_begins_later_finds_it_too(desk: Desk) -> None:
    analysis_id, worker = ahead(desk, desk.expert()), desk.worker("next")
    assert worker.tick().claims == []
    worker.tick(boot=True)
    assert analysis_id in worker.leased


def test_a_retry_keeps_its_back_off(desk: Desk) -> None:
    expert, worker = desk.expert(max_retries=2, retry_base_seconds=8, retry_cap_seconds=60), desk.worker()
    desk.clock.advance(TWO_HOURS)
    analysis_id = desk.submit(expert)
    worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, "Slow down")
    wait = desk.row(analysis_id).available_at - desk.clock.now()
    desk.clock.advance(-TWO_HOURS)
    worker.tick()
    assert desk.row(analysis_id).available_at - desk.clock.now() == wait > timedelta(0)


def test_a_clock_that_is_kept_right_brings_nothing_forward(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    worker.tick()
    desk.clock.advance(3)
    analysis_id = desk.submit(expert)
    desk.clock.advance(-3)
    worker.tick()
    assert analysis_id not in worker.leased


def test_a_breaker_that_opened_ahead_waits_for_its_longest_cool_down(desk: Desk) -> None:
    worker = desk.worker()
    worker.tick()
    desk.clock.advance(TWO_HOURS)
    desk.platform.breakers.open("openai", reason="it fails", by=TRADER)
    change(desk.file, "UPDATE breaker SET probe_at = datetime(opened_at, '+30 seconds') || '.000000'")
    worker.tick()
    desk.clock.advance(-TWO_HOURS)
    worker.tick()
    ((probe_at,),) = ask(desk.file, "SELECT probe_at FROM breaker")
    assert probe_at[:16] == f"{desk.clock.now() + timedelta(seconds=600):%Y-%m-%d %H:%M}"


def test_an_idle_console_notices_it(tmp_path: Path) -> None:
    clock = MovingClock()
    with running(make_platform(tmp_path, clock=clock)) as platform:
        clock.advance(TWO_HOURS)
        expert = practice(platform, fail_with="RATE_LIMIT", fail_times=-1)
        platform.experts.update(expert, by=TRADER, max_retries=3, retry_base_seconds=60, retry_cap_seconds=60)
        analysis_id = submit(platform, expert)
        wait_until(platform, lambda: row(platform, analysis_id).attempt == 2, "the retry")
        wait = row(platform, analysis_id).available_at - clock.now()
        clock.advance(-TWO_HOURS)
        wait_until(platform, lambda: row(platform, analysis_id).available_at == clock.now() + wait, "the nearer time")
