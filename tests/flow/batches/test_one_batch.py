"""One batch: submissions and re-runs share their list, their counts, their estimate and their verbs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.counts import BatchCounts
from ba2_trade_platform.core.batches.requests import BatchRequest
from ba2_trade_platform.vocabulary import BatchKind, BatchState
from tests.fakes.experts import Catalog, Scripted
from tests.flow.batches.bulk_desk import FAILED, counted, create, drain, fail_all, failed
from tests.platforms import TRADER
from tests.stepped import Desk, SteppedWorker, make_desk

SYMBOLS = tuple(f"S{number}" for number in range(8))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted()))
    yield made
    made.close()


@pytest.fixture
def worker(desk: Desk) -> SteppedWorker:
    return desk.worker()


def listed(desk: Desk, **wanted: object) -> list[tuple[int, BatchState]]:
    """Return the id and state of each batch of the list, newest first."""
    page = desk.platform.batches.list(**{"limit": 50, **wanted})  # type: ignore[arg-type]  # the list's own filters
    return [(batch.id, batch.state) for batch in page.items]


def completed(desk: Desk, worker: SteppedWorker, expert: int, seconds: float) -> None:
    """Have an expert complete an analysis in this time."""
    claim = worker.claim(desk.submit(expert, "PAST"))
    desk.clock.advance(seconds)
    worker.succeed(claim)


def test_the_list_has_both_kinds_and_an_aborted_one_is_aborted_there_too(desk: Desk, worker: SteppedWorker) -> None:
    submitted = desk.platform.batches.submit(BatchRequest((desk.expert(),), SYMBOLS), by=TRADER)
    fail_all(desk, worker)
    bulk = create(desk, rate_per_minute=2)
    worker.tick()
    desk.platform.batches.abort(bulk.id, by=TRADER, reason="wrong desk")
    drain(desk, worker)
    assert listed(desk) == [(bulk.id, BatchState.ABORTED), (submitted.id, BatchState.COMPLETED)]
    assert listed(desk, kind=BatchKind.BULK_RERUN) == [(bulk.id, BatchState.ABORTED)]
    assert listed(desk, state=BatchState.ABORTED) == [(bulk.id, BatchState.ABORTED)]
    told = desk.platform.batches.get(bulk.id)
    assert (told.state, told.stopped_by, told.stop_reason) == (BatchState.ABORTED, "trader", "wrong desk")


def test_the_counts_follow_what_a_person_does_with_the_analyses(desk: Desk, worker: SteppedWorker) -> None:
    batch_id = desk.platform.batches.submit(BatchRequest((desk.expert(),), SYMBOLS), by=TRADER).id
    fail_all(desk, worker)

    def counts() -> BatchCounts:
        return desk.platform.batches.get(batch_id).counts

    assert counts() == BatchCounts(total=8, failed=8)
    first = desk.platform.batches.items(batch_id).items[0].analysis_id
    assert first is not None
    desk.queue.pause(by=TRADER)
    desk.analyses.rerun(first, by=TRADER)
    assert counts() == BatchCounts(total=8, queued=1, failed=7)
    desk.queue.resume(by=TRADER)
    worker.tick()
    assert counts() == BatchCounts(total=8, running=1, failed=7)
    worker.succeed(worker.leased[first])
    assert counts() == BatchCounts(total=8, succeeded=1, failed=7)


def test_a_batch_and_a_bulk_rerun_of_the_same_analyses_are_estimated_alike(desk: Desk, worker: SteppedWorker) -> None:
    expert = desk.expert(max_concurrent=2)
    completed(desk, worker, expert, 30)
    for name in ("BEFORE1", "BEFORE2"):  # what failed does not wait any more
        desk.submit(expert, name)
    fail_all(desk, worker)
    ids = tuple(failed(desk, worker, expert, 6))
    desk.queue.pause(by=TRADER)
    desk.submit(expert, "WAITS")  # before either of them
    request = BatchRequest((expert,), tuple(f"NEW{number}" for number in range(6)))
    as_batch = desk.platform.batches.preview(request).estimated_seconds
    as_rerun = desk.platform.bulk_reruns.preview(Selection(ids=ids)).estimated_seconds
    assert as_batch == as_rerun == 105  # seven of 30 s, two at once


def test_a_bulk_rerun_is_paused_goes_on_and_keeps_its_rate(desk: Desk, worker: SteppedWorker) -> None:
    failed(desk, worker, desk.expert(), 4)
    bulk = create(desk, FAILED, rate_per_minute=2)
    worker.tick()
    begun = len(worker.leased)
    assert 0 < begun < 4
    paused = desk.platform.batches.pause(bulk.id, by=TRADER, reason="lunch")
    assert (paused.state, paused.stop_reason) == (BatchState.PAUSED, "lunch")
    assert listed(desk, state=BatchState.PAUSED) == [(bulk.id, BatchState.PAUSED)]
    desk.clock.advance(3_600)
    worker.tick()
    assert len(worker.leased) == begun
    assert desk.platform.batches.resume(bulk.id, by=TRADER).state is BatchState.RUNNING
    for _ in range(4):
        drain(desk, worker)
        desk.clock.advance(60)
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (BatchState.COMPLETED, {"total": 4, "succeeded": 4})


def test_a_canary_that_is_paused_is_still_judged_when_it_goes_on(desk: Desk, worker: SteppedWorker) -> None:
    failed(desk, worker, desk.expert(), 5)
    bulk = create(desk, FAILED, canary=2)
    assert bulk.state is BatchState.CANARY
    worker.tick()
    desk.platform.batches.pause(bulk.id, by=TRADER)
    for claim in list(worker.leased.values()):
        worker.fail(claim)
    assert desk.platform.batches.get(bulk.id).state is not BatchState.RUNNING
    resumed = desk.platform.batches.get(bulk.id)
    if resumed.state is BatchState.PAUSED:
        desk.platform.batches.resume(bulk.id, by=TRADER)
    drain(desk, worker)
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (BatchState.CANARY_FAILED, {"total": 5, "failed": 2, "skipped": 3})


def test_a_cancelled_bulk_rerun_stops_what_runs_and_an_abort_of_a_submission_is_refused(
    desk: Desk, worker: SteppedWorker
) -> None:
    failed(desk, worker, desk.expert(), 3)
    bulk = create(desk)
    worker.tick()
    assert worker.leased
    assert desk.platform.batches.cancel(bulk.id, by=TRADER).state is BatchState.CANCELLED
    drain(desk, worker)
    ended = desk.platform.batches.get(bulk.id)
    assert (ended.state, counted(ended)) == (BatchState.CANCELLED, {"total": 3, "skipped": 3})
    assert listed(desk) == [(bulk.id, BatchState.CANCELLED)]
