"""Batch control: a batch is previewed, watched, paused, resumed, cancelled and re-run, and tells its outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import NotFound, Refused
from ba2_trade_platform.core.batches.cancellations import SLICE
from ba2_trade_platform.core.batches.queries import BatchCounts
from ba2_trade_platform.core.batches.requests import BatchRequest
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ErrorCode, Source, Status
from tests.fakes.experts import Catalog, Scripted
from tests.flow.batches.bulk_desk import plan_of
from tests.platforms import TRADER
from tests.sql import ask, change, one
from tests.stepped import Desk, SteppedWorker, make_desk

SYMBOLS = ("AAPL", "AMD", "COST", "GPS", "INTC", "MSFT")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Lacking", lacks="No API key is set")))
    yield made
    made.close()


def submitted(desk: Desk, expert: int, symbols: tuple[str, ...] = SYMBOLS, name: str | None = None) -> int:
    """Submit a batch and return its id."""
    return desk.platform.batches.submit(BatchRequest((expert,), symbols, name=name), by=TRADER).id


def counts(desk: Desk, batch_id: int) -> BatchCounts:
    return desk.platform.batches.get(batch_id).counts


def many(number: int) -> tuple[str, ...]:
    return tuple(f"S{count}" for count in range(number))


def work(desk: Desk, worker: SteppedWorker, seconds: float = 10) -> None:
    """Let whatever is running take this long and succeed."""
    desk.clock.advance(seconds)
    for claim in list(worker.leased.values()):
        worker.succeed(claim)


def test_a_batch_says_how_far_it_is_and_when_it_will_end(desk: Desk) -> None:
    batch_id, worker = submitted(desk, desk.expert(max_concurrent=2)), desk.worker()
    assert desk.platform.batches.get(batch_id).seconds_left is None
    worker.tick()
    assert counts(desk, batch_id) == BatchCounts(total=6, queued=4, running=2)
    items = desk.platform.batches.items(batch_id).items
    assert [item.status for item in items] == [Status.RUNNING] * 2 + [Status.PENDING] * 4
    work(desk, worker)
    batch = desk.platform.batches.get(batch_id)
    assert batch.counts == BatchCounts(total=6, queued=2, running=2, succeeded=2)
    assert batch.seconds_left == 20
    assert batch.sentence == f"Batch {batch_id} (running): 4 of 6 to go, 2 running, 2 succeeded"


def test_a_paused_batch_begins_nothing_more_and_others_go_on(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=2), desk.worker()
    batch_id = submitted(desk, expert)
    worker.tick()
    work(desk, worker)
    paused = desk.platform.batches.pause(batch_id, by=TRADER, reason="the market is wild")
    assert (paused.state, paused.stopped_by, paused.stop_reason) == (BatchState.PAUSED, "trader", "the market is wild")
    work(desk, worker, seconds=0)
    worker.tick()
    assert (worker.leased, counts(desk, batch_id).succeeded) == ({}, 4)
    single = desk.submit(expert, "DELL")
    assert worker.claim(single).symbol == "DELL"
    desk.clock.advance(3_600)
    desk.platform.batches.resume(batch_id, by=TRADER)
    worker.tick()
    assert counts(desk, batch_id).running == 1  # beside the single one
    assert desk.platform.batches.get(batch_id).seconds_left == 5  # the hour of its pause does not count


def test_what_runs_in_a_paused_batch_is_not_retried_before_it_goes_on(desk: Desk) -> None:
    batch_id, worker = submitted(desk, desk.expert(max_retries=2), ("AAPL",)), desk.worker()
    worker.tick()
    (claim,) = worker.leased.values()
    desk.platform.batches.pause(batch_id, by=TRADER)
    worker.fail(claim, ErrorCode.CONNECTION, "The line is dead")
    desk.clock.advance(3_600)
    worker.tick()
    assert (worker.leased, desk.row(claim.analysis_id).status) == ({}, Status.PENDING)
    desk.platform.batches.resume(batch_id, by=TRADER)
    worker.tick()
    assert list(worker.leased) == [claim.analysis_id]


def test_a_persons_own_rerun_runs_although_its_batch_is_paused(desk: Desk) -> None:
    batch_id, worker = submitted(desk, desk.expert(), ("AAPL", "MSFT")), desk.worker()
    worker.tick()
    failed, other = list(worker.leased.values())
    desk.platform.batches.pause(batch_id, by=TRADER)
    worker.fail(failed)
    desk.analyses.rerun(failed.analysis_id, by=TRADER)
    worker.tick()
    assert set(worker.leased) == {failed.analysis_id, other.analysis_id}


def test_a_paused_batch_does_not_take_up_again_what_a_person_reran(desk: Desk) -> None:
    batch_id, worker = submitted(desk, desk.expert(), ("AAPL", "MSFT")), desk.worker()
    worker.tick()
    failed, _ = list(worker.leased.values())
    worker.fail(failed)
    desk.queue.pause(by=TRADER)
    desk.analyses.rerun(failed.analysis_id, by=TRADER)
    desk.platform.batches.pause(batch_id, by=TRADER)
    assert not desk.row(failed.analysis_id).held


def test_a_cancelled_batch_ends_slice_by_slice_and_stops_what_runs(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    batch_id = submitted(desk, expert, many(SLICE + 50))
    worker.tick()
    runs = len(worker.leased)
    cancelled = desk.platform.batches.cancel(batch_id, by=TRADER, reason="wrong list")
    assert (cancelled.state, cancelled.finished_at) == (BatchState.CANCELLED, None)
    assert worker.tick().more
    assert counts(desk, batch_id).skipped == SLICE
    assert not worker.tick().claims
    worker.tick()
    assert worker.leased == {}
    batch = desk.platform.batches.get(batch_id)
    assert batch.counts == BatchCounts(total=SLICE + 50, skipped=SLICE + 50)
    assert batch.finished_at is not None
    assert {item.reason for item in desk.platform.batches.items(batch_id).items} == {"wrong list"}
    assert ask(desk.file, "SELECT status, COUNT(*) FROM market_analysis GROUP BY status") == [("cancelled", 250)]
    assert ask(desk.file, "SELECT outcome, COUNT(*) FROM analysis_attempt GROUP BY outcome") == [("cancelled", 250)]
    assert one(desk.file, "SELECT COUNT(*) FROM market_analysis WHERE duration_ms IS NOT NULL") == runs
    assert desk.platform.batches.cancel(batch_id, by=TRADER).state is BatchState.CANCELLED


def test_a_console_killed_in_the_middle_of_a_cancel_goes_on_at_its_next_start(tmp_path: Path, desk: Desk) -> None:
    batch_id = submitted(desk, desk.expert(max_concurrent=8), many(SLICE + 50))
    worker = desk.worker()
    worker.tick()
    desk.platform.batches.cancel(batch_id, by=TRADER)
    worker.tick()
    desk.die()
    next_console = make_desk(tmp_path, Catalog(Scripted()))  # what the killed one held in memory is gone
    heir = next_console.worker("two")
    while heir.tick(boot=True).more:
        assert not heir.leased
    batch = next_console.platform.batches.get(batch_id)
    assert (batch.state, batch.counts.skipped) == (BatchState.CANCELLED, SLICE + 50)
    assert batch.finished_at is not None
    assert one(next_console.file, "SELECT COUNT(*) FROM market_analysis WHERE status <> 'cancelled'") == 0
    next_console.close()


def test_a_late_result_of_a_cancelled_batch_changes_nothing(desk: Desk) -> None:
    batch_id, worker = submitted(desk, desk.expert(), ("AAPL",)), desk.worker()
    worker.tick()
    (claim,) = worker.leased.values()
    desk.platform.batches.cancel(batch_id, by=TRADER)
    desk.worker("other").tick()
    assert worker.succeed(claim).stale == 1
    assert desk.row(claim.analysis_id).status is Status.CANCELLED


def test_verbs_that_make_no_sense_are_refused_with_a_sentence(desk: Desk) -> None:
    batch_id, worker = submitted(desk, desk.expert(), ("AAPL",)), desk.worker()
    with pytest.raises(Refused, match=f"Batch {batch_id} is already under way"):
        desk.platform.batches.resume(batch_id, by=TRADER)
    desk.platform.batches.pause(batch_id, by=TRADER)
    with pytest.raises(Refused, match=f"Batch {batch_id} is already paused by trader"):
        desk.platform.batches.pause(batch_id, by=TRADER)
    desk.platform.batches.resume(batch_id, by=TRADER)
    worker.tick()
    worker.fail(next(iter(worker.leased.values())))
    for verb in (desk.platform.batches.pause, desk.platform.batches.resume, desk.platform.batches.cancel):
        with pytest.raises(Refused, match=f"Batch {batch_id} has already ended: failed"):
            verb(batch_id, by=TRADER)
        with pytest.raises(NotFound, match="Batch 99 not found"):
            verb(99, by=TRADER)
    bulk = desk.platform.batches.rerun_failed(batch_id, by=TRADER)
    with pytest.raises(Refused, match=f"Batch {batch_id} is queued as a whole: cancel it instead"):
        desk.platform.batches.abort(batch_id, by=TRADER)
    desk.platform.batches.pause(bulk.id, by=TRADER)
    assert desk.platform.batches.resume(bulk.id, by=TRADER).state is BatchState.RUNNING


def test_what_failed_is_rerun_and_listed_beside_the_batch(desk: Desk) -> None:
    batch_id, worker = submitted(desk, desk.expert(), ("AAPL", "MSFT", "AMD"), "Morning"), desk.worker()
    worker.tick()
    first, second, third = list(worker.leased.values())
    worker.succeed(second)
    for claim in (first, third):
        worker.fail(claim)
    assert desk.platform.batches.get(batch_id).state is BatchState.COMPLETED
    assert [(one.outcome, one.reason, one.count) for one in desk.platform.batches.reasons(batch_id)] == [
        ("failed", "The key is wrong", 2)
    ]
    bulk = desk.platform.batches.rerun_failed(batch_id, by=TRADER)
    assert (bulk.name, plan_of(bulk).will_run, plan_of(bulk).after_batch_id) == ("What failed in Morning", 2, batch_id)
    assert desk.platform.batches.reruns(batch_id) == (bulk,)
    with pytest.raises(Refused, match="Nothing would run"):
        desk.platform.batches.rerun_failed(submitted(desk, desk.expert(alias="Other"), ("IBM",)), by=TRADER)


def test_batches_are_listed_newest_first_by_state_kind_and_source(desk: Desk) -> None:
    expert = desk.expert()
    first, second, third = (submitted(desk, expert, (symbol, "X" + symbol)) for symbol in SYMBOLS[:3])
    desk.platform.batches.pause(second, by=TRADER)
    desk.queue.submit_batch([expert], ["Z1", "Z2"], by=TRADER, source=Source.MANUAL)

    def listed(**wanted: object) -> list[int]:
        return [batch.id for batch in desk.platform.batches.list(**wanted).items]  # type: ignore[arg-type]  # as given above

    assert listed() == [4, third, second, first]
    assert listed(state=BatchState.PAUSED) == [second]
    assert listed(kind=BatchKind.BULK_RERUN) == []
    assert listed(source=Source.MANUAL) == [4]
    page = desk.platform.batches.list(limit=2)
    assert (page.next_cursor, listed(cursor=page.next_cursor)) == (third, [second, first])


def wish_for(desk: Desk, event: str) -> None:
    """Have somebody wait for an event."""
    change(
        desk.file,
        "INSERT INTO notification_channel (name, enabled, url, hint, zone, created_at, updated_at, version)"
        " VALUES ('Mail', 1, x'00', 'mailto', 'UTC', '2026-01-01', '2026-01-01', 1)",
    )
    change(
        desk.file,
        "INSERT INTO notification_rule (channel_id, event, enabled, urgent, group_seconds, created_at, version)"
        " VALUES (1, ?, 1, 0, 60, '2026-01-01', 1)",
        event,
    )


def notices(desk: Desk) -> list[dict[str, object]]:
    return [json.loads(facts) for (facts,) in ask(desk.file, "SELECT facts FROM notice ORDER BY id")]


def test_the_end_of_a_batch_is_announced_once(desk: Desk) -> None:
    wish_for(desk, "batch_finished")
    expert, worker = desk.expert(), desk.worker()
    finished, stopped = submitted(desk, expert, ("AAPL", "MSFT"), "Morning"), submitted(desk, expert, ("INTC", "GPS"))
    worker.tick()
    claims = [worker.leased[item.analysis_id or 0] for item in desk.platform.batches.items(finished).items]
    worker.succeed(claims[0])
    assert notices(desk) == []
    worker.fail(claims[1])
    desk.platform.batches.cancel(stopped, by=TRADER)
    worker.tick()
    worker.tick()
    assert [(said["sentence"], said["link"]) for said in notices(desk)] == [
        (f"Batch {finished} (Morning) completed: 1 failed, 1 succeeded", f"/batches/{finished}"),
        (f"Batch {stopped} (2 symbols, 1 expert) cancelled: 2 skipped", f"/batches/{stopped}"),
    ]


def test_a_probe_is_never_an_analysis_whose_batch_is_paused(tmp_path: Path) -> None:
    desk = make_desk(tmp_path / "asking", Catalog(Scripted(asks=("openai",))), slots=16)
    expert = desk.expert(max_concurrent=16, max_retries=5, retry_base_seconds=1)
    batch_id, worker = submitted(desk, expert, many(10)), desk.worker()
    worker.tick()
    for claim in list(worker.leased.values()):
        worker.fail(claim, ErrorCode.PROVIDER_DOWN, "It is down")
    single = desk.submit(expert, "AAPL")
    desk.clock.advance(5)  # so that its retry is due after all others
    worker.tick()
    worker.fail(worker.leased[single], ErrorCode.PROVIDER_DOWN, "It is down")
    desk.clock.advance(60)
    worker.tick()
    probe = one(desk.file, "SELECT probe_analysis_id FROM breaker")
    assert probe != single
    worker.fail(worker.leased[probe], ErrorCode.PROVIDER_DOWN, "It is down")
    desk.platform.batches.pause(batch_id, by=TRADER)
    desk.clock.advance(120)
    worker.tick()
    assert one(desk.file, "SELECT probe_analysis_id FROM breaker") == single
    desk.close()
