"""Bulk re-runs: the plan that was previewed is the one accepted, and every item ends with an outcome."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.bulk_slices import SLICE
from ba2_trade_platform.core.worker.buffers import End, WriteBatch
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Mode, Outcome, Status
from tests.fakes.experts import Catalog, Scripted
from tests.flow.batches.bulk_desk import (
    Holding,
    counted,
    create,
    drain,
    fail_all,
    failed,
    failed_open_position,
    items,
    plan_of,
)
from tests.platforms import TRADER
from tests.sql import ask, change, one
from tests.stepped import Desk, SteppedWorker, failure_of, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Other"), Holding("Holding")))
    yield made
    made.close()


@pytest.fixture
def worker(desk: Desk) -> SteppedWorker:
    return desk.worker()


def test_what_was_previewed_runs_and_the_counts_add_up(desk: Desk, worker: SteppedWorker) -> None:
    expert = desk.expert()
    ids = failed(desk, worker, expert, 6)
    bulk = create(desk, name="Morning")
    assert (bulk.name, bulk.actor, bulk.state, plan_of(bulk).will_run) == ("Morning", "trader", BatchState.RUNNING, 6)
    assert counted(bulk) == {"total": 6, "queued": 6}
    drain(desk, worker, fails=lambda claim: claim.analysis_id == ids[0])
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (BatchState.COMPLETED, {"total": 6, "succeeded": 5, "failed": 1})
    assert ended.finished_at is not None
    assert [item[:2] for item in items(desk, bulk.id)] == [
        *((analysis_id, "succeeded") for analysis_id in reversed(ids[1:])), (ids[0], "failed"),
    ]  # fmt: skip
    assert one(desk.file, "SELECT state FROM batch WHERE id = ?", bulk.id) == "completed"
    assert ask(desk.file, "SELECT DISTINCT trigger, batch_id, reason FROM analysis_attempt WHERE number = 2") == [
        ("bulk", bulk.id, "the provider is back")
    ]


def test_open_positions_come_first_and_nothing_of_it_blocks_a_person(desk: Desk, worker: SteppedWorker) -> None:
    expert = desk.expert("Holding")
    first, second = failed(desk, worker, expert, 2)
    held = failed_open_position(desk, worker, expert)
    third = desk.submit(expert, "LATER", priority=70)
    fail_all(desk, worker)
    bulk = create(desk, Selection(ids=(first, second, held, third)))
    desk.queue.pause(by=TRADER)
    worker.tick()
    assert [item[0] for item in items(desk, bulk.id)] == [held, third, second, first]
    assert ask(desk.file, "SELECT id, priority FROM market_analysis WHERE status = 'pending' ORDER BY id") == [
        (first, 60), (second, 60), (held, 50), (third, 70),
    ]  # fmt: skip


def test_what_changed_after_the_acceptance_is_skipped_with_the_reason(desk: Desk, worker: SteppedWorker) -> None:
    expert = desk.expert()
    again, gone, twin, kept = failed(desk, worker, expert, 4)
    bulk = create(desk)
    desk.analyses.rerun(again, by=TRADER)
    desk.analyses.delete(gone, by=TRADER)
    newcomer = desk.submit(expert, "C2")  # as the third
    drain(desk, worker)
    assert sorted(items(desk, bulk.id), key=str) == sorted(
        [
            (kept, "succeeded", None),
            (twin, "skipped", f"already under way as #{newcomer}"),
            (None, "skipped", "deleted meanwhile"),
            (again, "skipped", "re-run meanwhile by trader (attempt 2, pending)"),
        ],
        key=str,
    )
    assert counted(desk.platform.batches.get(bulk.id)) == {"total": 4, "succeeded": 1, "skipped": 3}


def test_one_that_a_person_reran_and_that_failed_again_is_not_run_a_third_time(
    desk: Desk, worker: SteppedWorker
) -> None:
    first, second = failed(desk, worker, desk.expert(), 2)
    bulk = create(desk, rate_per_minute=1)
    worker.tick()
    worker.succeed(worker.leased[second])
    desk.analyses.rerun(first, by=TRADER)
    fail_all(desk, worker)
    desk.clock.advance(60)
    worker.tick()
    assert items(desk, bulk.id) == [
        (second, "succeeded", None), (first, "skipped", "re-run meanwhile by trader (attempt 2, failed)"),
    ]  # fmt: skip
    assert desk.row(first).attempt == 2


def test_an_expert_disabled_meanwhile_blocks_and_keeps_the_evidence(desk: Desk, worker: SteppedWorker) -> None:
    expert = desk.expert()
    (analysis_id,) = failed(desk, worker, expert, 1)
    bulk = create(desk)
    desk.platform.experts.update(expert, by=TRADER, enabled=False)
    worker.tick()
    assert items(desk, bulk.id) == [(analysis_id, "blocked", "Scripted is disabled")]
    assert desk.platform.batches.get(bulk.id).state is BatchState.COMPLETED
    assert (desk.row(analysis_id).status, desk.row(analysis_id).attempt) == (Status.FAILED, 1)


def test_an_abort_skips_what_is_not_queued_and_lets_the_rest_go_on(desk: Desk, worker: SteppedWorker) -> None:
    expert = desk.expert(max_concurrent=2)
    failed(desk, worker, expert, 70)
    bulk = create(desk)
    worker.tick()
    aborted = desk.platform.batches.abort(bulk.id, by=TRADER, reason="wrong desk")
    assert (aborted.state, counted(aborted)) == (
        BatchState.ABORTED,
        {"total": 70, "queued": SLICE - 2, "running": 2, "skipped": 70 - SLICE},
    )
    assert desk.platform.batches.abort(bulk.id, by=TRADER) == aborted
    drain(desk, worker)
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (
        BatchState.ABORTED,
        {"total": 70, "succeeded": SLICE, "skipped": 70 - SLICE},
    )
    assert items(desk, bulk.id)[-1][2] == "aborted by trader: wrong desk"
    with pytest.raises(NotFound):
        desk.platform.batches.abort(999, by=TRADER)


def test_what_failed_again_is_the_next_ones_selection(desk: Desk, worker: SteppedWorker) -> None:
    bad, _ = failed(desk, worker, desk.expert(), 2)
    bulk = create(desk)
    drain(desk, worker, fails=lambda claim: claim.analysis_id == bad)
    again = create(desk, Selection(filter=Filter(bulk=bulk.id, bulk_outcome=ItemOutcome.FAILED)))
    assert (plan_of(again).after_batch_id, plan_of(again).will_run) == (bulk.id, 1)
    assert plan_of(again).filter == {"bulk": bulk.id, "bulk_outcome": "failed"}
    drain(desk, worker)
    assert desk.platform.batches.get(again.id).counts.succeeded == 1
    page = desk.platform.batches.list(kind=BatchKind.BULK_RERUN)
    assert ([found.id for found in page.items], page.next_cursor) == ([again.id, bulk.id], None)
    assert desk.platform.batches.list(kind=BatchKind.BULK_RERUN, limit=1).next_cursor == again.id
    older = desk.platform.batches.list(kind=BatchKind.BULK_RERUN, cursor=again.id)
    assert [found.id for found in older.items] == [bulk.id]


def test_items_are_paged_by_their_position(desk: Desk, worker: SteppedWorker) -> None:
    failed(desk, worker, desk.expert(), 5)
    bulk = create(desk)
    first = desk.platform.batches.items(bulk.id, limit=3)
    assert first.next_cursor == 3
    rest = desk.platform.batches.items(bulk.id, [ItemOutcome.PLANNED], cursor=3, limit=3)
    assert ([(item.position, item.attempt) for item in rest.items], rest.next_cursor) == ([(4, None), (5, None)], None)
    assert desk.platform.batches.items(bulk.id, [ItemOutcome.FAILED]).items == ()


def test_removing_the_demo_leaves_a_bulk_rerun_of_others_under_way(desk: Desk, worker: SteppedWorker) -> None:
    own = desk.expert()
    demo = desk.platform.experts.create("Other", "Demo expert", by=TRADER, is_demo=True, max_retries=0).id
    (mine,) = failed(desk, worker, own, 1)
    failed(desk, worker, demo, 2)
    bulk, of_demo = create(desk), create(desk, Selection(filter=Filter(expert=demo)))
    desk.platform.demo.desk.remove(by=TRADER)
    drain(desk, worker)
    assert counted(desk.platform.batches.get(bulk.id)) == {"total": 3, "succeeded": 1, "skipped": 2}
    assert desk.row(mine).status is Status.COMPLETED
    with pytest.raises(NotFound):
        desk.platform.batches.get(of_demo.id)


def test_one_whose_archive_is_broken_is_blocked_and_the_queue_goes_on(desk: Desk, worker: SteppedWorker) -> None:
    expert = desk.expert()
    broken, sound = failed(desk, worker, expert, 2)
    for analysis_id in (broken, sound):
        desk.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(Mode.RESUME))
    fail_again(desk, worker)
    change(
        desk.file,
        "UPDATE attempt_archive SET contents = x'00' WHERE attempt_id IN"
        " (SELECT id FROM analysis_attempt WHERE analysis_id = ? AND number = 1)",
        broken,
    )
    bulk = create(desk, mode=Mode.RESUME)
    drain(desk, worker)
    assert {key: (outcome, reason) for key, outcome, reason in items(desk, bulk.id)} == {
        broken: ("blocked", "it cannot be read (error); re-run it fresh"), sound: ("succeeded", None),
    }  # fmt: skip


def fail_again(desk: Desk, worker: SteppedWorker) -> None:
    """Let what waits fail in its second step, the first one kept."""
    worker.tick()
    now = desk.clock.now()
    worker.tick(
        *(WriteBatch(held, end=End(Outcome.FAILED, now, failure=failure_of(held))) for held in worker.leased.values())
    )
