"""The pace of bulk re-runs: canaries, rates, few at a time, and crashes in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.bulk_slices import SLICE, WAITING
from ba2_trade_platform.vocabulary import BatchState
from tests.fakes.experts import Catalog, Scripted
from tests.flow.batches.bulk_desk import counted, create, drain, failed, items
from tests.platforms import TRADER
from tests.sql import ask, one
from tests.stepped import Desk, SteppedWorker, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Other")))
    yield made
    made.close()


@pytest.fixture
def worker(desk: Desk) -> SteppedWorker:
    return desk.worker()


def outcomes(desk: Desk, bulk_id: int) -> dict[str, int]:
    """Count the items by their outcome, planned and queued apart."""
    return dict(ask(desk.file, "SELECT outcome, COUNT(*) FROM batch_item WHERE batch_id = ? GROUP BY 1", bulk_id))


def test_a_canary_that_completes_lets_the_rest_go(desk: Desk, worker: SteppedWorker) -> None:
    failed(desk, worker, desk.expert(), 6)
    bulk = create(desk, canary=2)
    assert bulk.state is BatchState.CANARY
    for _ in range(3):
        worker.tick()
        assert outcomes(desk, bulk.id) == {"queued": 2, "planned": 4}
    first, second = list(worker.leased.values())
    worker.succeed(first)
    assert outcomes(desk, bulk.id) == {"succeeded": 1, "queued": 1, "planned": 4}
    worker.succeed(second)
    assert desk.platform.batches.get(bulk.id).state is BatchState.RUNNING
    drain(desk, worker)
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (BatchState.COMPLETED, {"total": 6, "succeeded": 6})


def test_a_canary_that_fails_stops_the_rest_and_says_which_it_was(desk: Desk, worker: SteppedWorker) -> None:
    ids = failed(desk, worker, desk.expert(), 6)
    bulk = create(desk, canary=2)
    worker.tick()
    worker.fail(worker.leased[ids[5]])
    stopped = desk.platform.batches.get(bulk.id)
    assert (stopped.state, stopped.finished_at) == (BatchState.CANARY_FAILED, None)
    assert counted(stopped) == {"total": 6, "running": 1, "failed": 1, "skipped": 4}
    drain(desk, worker)
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (
        BatchState.CANARY_FAILED, {"total": 6, "succeeded": 1, "failed": 1, "skipped": 4},
    )  # fmt: skip
    assert ended.finished_at is not None
    assert {reason for _, outcome, reason in items(desk, bulk.id) if outcome == "skipped"} == {
        f"the canary failed: #{ids[5]} (F5) did not complete"
    }


def test_a_canary_that_was_cancelled_did_not_complete(desk: Desk, worker: SteppedWorker) -> None:
    ids = failed(desk, worker, desk.expert(), 3)
    bulk = create(desk, canary=1)
    worker.tick()
    desk.analyses.cancel(ids[2], by=TRADER)
    worker.tick()
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (BatchState.CANARY_FAILED, {"total": 3, "skipped": 3})


def test_another_takes_the_place_of_a_canary_that_was_rerun_by_a_person(desk: Desk, worker: SteppedWorker) -> None:
    ids = failed(desk, worker, desk.expert(), 3)
    desk.queue.pause(by=TRADER)
    bulk = create(desk, canary=1)
    desk.analyses.rerun(ids[2], by=TRADER)
    worker.tick()
    worker.tick()
    assert [item[1] for item in items(desk, bulk.id)] == ["skipped", "queued", "planned"]


def test_a_rate_spreads_the_items_over_time(desk: Desk, worker: SteppedWorker) -> None:
    failed(desk, worker, desk.expert(), 12)
    bulk = create(desk, rate_per_minute=6)  # one every ten seconds
    queued = []
    for _ in range(6):
        drain(desk, worker)
        queued.append(counted(desk.platform.batches.get(bulk.id))["succeeded"])
        desk.clock.advance(10)
    assert queued == [1, 2, 3, 4, 5, 6]
    desk.clock.advance(9)
    drain(desk, worker)
    assert counted(desk.platform.batches.get(bulk.id))["succeeded"] == 7


def test_a_slept_hour_is_not_caught_up_with_at_once(desk: Desk, worker: SteppedWorker) -> None:
    failed(desk, worker, desk.expert(), 15)
    bulk = create(desk, rate_per_minute=60)
    worker.tick()
    desk.clock.advance(3600)
    drain(desk, worker)
    assert counted(desk.platform.batches.get(bulk.id))["succeeded"] <= 4


def test_few_of_one_expert_wait_at_a_time_and_hold_no_other_up(desk: Desk, worker: SteppedWorker) -> None:
    slow, other = desk.expert(max_concurrent=1), desk.expert("Other")
    first = failed(desk, worker, other, 1)[0]
    failed(desk, worker, slow, WAITING + 30)
    bulk = create(desk, Selection(ids=tuple(range(1, WAITING + 32))))
    desk.queue.pause(by=TRADER)
    for _ in range(2 + WAITING // SLICE):
        worker.tick()
    waiting = dict(ask(desk.file, "SELECT symbol, status FROM market_analysis WHERE status = 'pending'"))
    assert WAITING + 1 <= len(waiting) <= WAITING + SLICE
    assert (first, "queued", None) in items(desk, bulk.id)
    assert outcomes(desk, bulk.id)["planned"] > 0


def test_a_killed_console_goes_on_where_it_was(desk: Desk, worker: SteppedWorker) -> None:
    failed(desk, worker, desk.expert(), 30)
    bulk = create(desk, canary=2)
    worker.tick()
    for claim in list(worker.leased.values()):
        worker.succeed(claim)
    worker.tick()
    assert worker.leased
    born_again = desk.worker("two")  # the first is never heard of again
    desk.clock.advance(60)
    born_again.tick(boot=True)
    drain(desk, born_again)
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (BatchState.COMPLETED, {"total": 30, "succeeded": 30})
    twice = "SELECT COUNT(*) FROM (SELECT 1 FROM analysis_attempt WHERE trigger = 'bulk' GROUP BY analysis_id"
    assert one(desk.file, f"{twice} HAVING COUNT(*) > 1)") == 0


def test_two_bulk_reruns_share_the_slices(desk: Desk, worker: SteppedWorker) -> None:
    ids = failed(desk, worker, desk.expert(), 10)
    one_half = create(desk, Selection(ids=tuple(ids[:5])))
    all_of_it = create(desk, Selection(ids=tuple(ids)))
    drain(desk, worker)
    assert counted(desk.platform.batches.get(one_half.id)) == {"total": 5, "succeeded": 5}
    assert counted(desk.platform.batches.get(all_of_it.id)) == {"total": 10, "succeeded": 5, "skipped": 5}
