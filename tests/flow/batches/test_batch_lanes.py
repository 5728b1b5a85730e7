"""Batch lanes: a large batch delays no other analysis, and single submissions go before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from ba2_trade_platform.core.batches.requests import BatchRequest
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.vocabulary import BatchKind, BatchState, Source, Status
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER, drain, make_platform, practice, row, running, submit, wait_until
from tests.sql import ask, file_of
from tests.stepped import Desk, make_desk

SYMBOLS = tuple(f"S{number}" for number in range(2_000))
FEW = 200  # statements, however many analyses they place


@contextmanager
def counted_statements(desk: Desk) -> Iterator[Counter[str]]:
    """Count what the console asks of its database, for the length of a block."""
    seen: Counter[str] = Counter()

    def note(connection: object, cursor: object, text: str, *rest: object) -> None:
        seen[text] += 1

    event.listen(desk.store.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(desk.store.engine, "before_cursor_execute", note)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted()))
    yield made
    made.close()


def test_six_thousand_analyses_are_placed_whole_and_answer_their_duplicates(desk: Desk) -> None:
    experts = tuple(desk.expert(alias=f"Desk {number}") for number in range(3))
    known = desk.submit(experts[1], "S7")
    with counted_statements(desk) as statements:
        accepted = desk.platform.batches.submit(BatchRequest(experts, SYMBOLS), by=TRADER)
    assert statements.total() < FEW
    assert (accepted.queued, accepted.duplicates) == (5_999, 1)
    (duplicate,) = [
        item for item in desk.platform.batches.items(accepted.id, limit=500, cursor=2_000).items if item.symbol == "S7"
    ]
    assert (duplicate.analysis_id, duplicate.reason) == (known, f"already under way as analysis {known}")
    assert ask(
        desk.file,
        "SELECT COUNT(*), COUNT(DISTINCT analysis_id), MIN(trigger), MIN(currency) FROM analysis_attempt"
        " WHERE outcome IS NULL AND started_at IS NULL AND number = 1 AND base_attempt = 1",
    ) == [(6_000, 6_000, "first", "USD")]
    assert ask(
        desk.file,
        "SELECT COUNT(*) FROM batch_item i JOIN market_analysis a ON a.id = i.analysis_id"
        " WHERE i.symbol = a.symbol AND i.expert_instance_id = a.expert_instance_id",
    ) == [(6_000,)]


def test_a_single_analysis_goes_before_what_waits_of_a_batch(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=1), desk.worker()
    desk.platform.batches.submit(BatchRequest((expert,), SYMBOLS[:100]), by=TRADER)
    worker.tick()
    (first,) = worker.leased.values()
    single = desk.submit(expert, "AAPL")
    worker.succeed(first)
    assert list(worker.leased) == [single]


@pytest.mark.parametrize("paused", [False, True])
def test_what_waits_in_a_batch_goes_first_when_a_person_asks_for_it(desk: Desk, paused: bool) -> None:
    expert, worker = desk.expert(max_concurrent=1), desk.worker()
    batch = desk.platform.batches.submit(BatchRequest((expert,), SYMBOLS[:100]), by=TRADER)
    worker.tick()
    (first,) = worker.leased.values()
    if paused:
        desk.platform.batches.pause(batch.id, by=TRADER)
    asked = desk.queue.submit_analysis_task(expert, "S99", by=TRADER)
    assert asked.sentence == "Analysis task for expert Scripted and symbol S99 is already pending; it goes first now"
    worker.succeed(first)
    assert list(worker.leased) == [asked.analysis_id]
    assert desk.queue.submit_analysis_task(expert, "S99", by=TRADER).sentence.endswith("is already running")
    worker.succeed(worker.leased[asked.analysis_id])
    assert (desk.platform.batches.get(batch.id).counts.succeeded, len(worker.leased)) == (2, 0 if paused else 1)


def test_what_a_paused_batch_holds_is_let_go_even_for_a_patient_person(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    batch = desk.platform.batches.submit(BatchRequest((expert,), SYMBOLS[:2]), by=TRADER)
    desk.platform.batches.pause(batch.id, by=TRADER)
    asked = desk.queue.submit_analysis_task(expert, "S1", by=TRADER, priority=900)
    worker.tick()
    assert list(worker.leased) == [asked.analysis_id]


def test_one_slot_is_kept_for_a_person_while_a_batch_fills_the_others(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=16), desk.worker()
    desk.platform.batches.submit(BatchRequest((expert,), SYMBOLS[:100]), by=TRADER)
    worker.tick()
    assert len(worker.leased) == 7  # of eight
    single = desk.submit(expert, "AAPL")
    worker.tick()
    assert single in worker.leased


def test_people_submit_and_are_served_while_a_large_batch_is_placed_and_worked(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        expert = practice(platform, max_concurrent=8)
        with ThreadPoolExecutor(2) as pool:
            placing = pool.submit(platform.batches.submit, BatchRequest((expert,), SYMBOLS), by=TRADER)
            singles = [submit(platform, expert, f"NOW{number}") for number in range(5)]
            batch = placing.result()
        late = submit(platform, expert, "LATE")
        wait_until(
            platform, lambda: all(row(platform, one).finished_at for one in (*singles, late)), "the single analyses"
        )
        assert platform.batches.get(batch.id).counts.remaining > 0
        platform.batches.cancel(batch.id, by=TRADER)
        drain(platform)
        ended = platform.batches.get(batch.id)
        assert (ended.state, ended.counts.remaining) == (BatchState.CANCELLED, 0)
        assert ended.counts.succeeded + ended.counts.failed + ended.counts.skipped == len(SYMBOLS)
        assert row(platform, late).status in (Status.COMPLETED, Status.FAILED)


def test_a_run_of_a_schedule_is_paused_and_cancelled_like_any_batch_and_ends_with_it(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        platform.queue.pause(by=TRADER)
        timing = {"kind": "times", "days": [0], "times": ["09:30"]}
        draft = Draft("Open", practice(platform), timing, "UTC", symbols=("AAPL", "MSFT"))
        platform.schedules.service.run_now(platform.schedules.service.create(draft, by=TRADER).id, by=TRADER)
        (batch,) = platform.batches.list(kind=BatchKind.SCHEDULE_RUN, source=Source.SCHEDULE).items
        assert platform.batches.pause(batch.id, by=TRADER).state is BatchState.PAUSED
        assert [state for (state,) in ask(file_of(platform), "SELECT state FROM schedule_run")] == ["running"]
        platform.batches.cancel(batch.id, by=TRADER)
        wait_until(platform, lambda: platform.batches.get(batch.id).finished_at is not None, "the cancel")
        assert [state for (state,) in ask(file_of(platform), "SELECT state FROM schedule_run")] == ["skipped"]
