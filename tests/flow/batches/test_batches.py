"""Batches: members, counts and end come from the items."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import Invalid, NotFound
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.sql import ask, one
from tests.stepped import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Lacking", lacks="No API key is set")))
    yield made
    made.close()


def items(desk: Desk) -> list[tuple[object, ...]]:
    return ask(desk.file, "SELECT position, symbol, outcome, reason FROM batch_item ORDER BY batch_id, position")


def state(desk: Desk, batch_id: int) -> str:
    return str(one(desk.file, "SELECT state FROM batch WHERE id = ?", batch_id))


def test_every_symbol_with_every_expert_becomes_an_item_with_its_outcome(desk: Desk) -> None:
    able, lacking = desk.expert(), desk.expert("Lacking")
    under_way = desk.submit(able, "MSFT")
    batch = desk.queue.submit_batch([able, lacking], ["aapl", "MSFT", "AAPL"], by=TRADER, name="Morning")
    assert items(desk) == [
        (1, "AAPL", "queued", None), (2, "MSFT", "duplicate", f"already under way as analysis {under_way}"),
        (3, "AAPL", "blocked", "No API key is set"), (4, "MSFT", "blocked", "No API key is set"),
    ]  # fmt: skip
    assert batch.sentence == f"Batch {batch.batch_id}: 1 analysis queued, 1 already under way, 2 not possible"
    assert [item.analysis_id for item in batch.items][1:] == [under_way, None, None]
    assert ask(desk.file, "SELECT kind, name, state FROM batch") == [("submit", "Morning", "running")]


def test_a_batch_ends_completed_when_anything_in_it_succeeded(desk: Desk) -> None:
    batch, worker = desk.queue.submit_batch([desk.expert()], ["AAPL", "MSFT", "INTC"], by=TRADER), desk.worker()
    aapl, msft, intc = (item.analysis_id or 0 for item in batch.items)
    worker.tick()
    worker.fail(worker.leased[aapl])
    worker.succeed(worker.leased[msft])
    assert state(desk, batch.batch_id) == "running"
    desk.analyses.cancel(intc, by=TRADER, reason="not needed")
    assert state(desk, batch.batch_id) == "completed"
    assert [(outcome, reason) for _, _, outcome, reason in items(desk)] == [
        ("failed", "The key is wrong"), ("succeeded", None), ("skipped", "not needed"),
    ]  # fmt: skip


def test_a_batch_whose_every_item_failed_ends_failed(desk: Desk) -> None:
    batch, worker = desk.queue.submit_batch([desk.expert()], ["AAPL", "MSFT"], by=TRADER), desk.worker()
    worker.tick()
    for claim in list(worker.leased.values()):
        worker.fail(claim)
    assert state(desk, batch.batch_id) == "failed"


def test_a_batch_fails_too_when_its_expert_is_taken_away(desk: Desk) -> None:
    expert = desk.expert()
    batch = desk.queue.submit_batch([expert], ["AAPL", "MSFT"], by=TRADER)
    desk.platform.experts.update(expert, by=TRADER, enabled=False)
    desk.worker().tick()
    assert state(desk, batch.batch_id) == "failed"


def test_a_batch_of_nothing_but_duplicates_or_refusals_is_over_at_once(desk: Desk) -> None:
    able, lacking = desk.expert(), desk.expert("Lacking")
    desk.submit(able, "AAPL")
    for expert in (able, lacking):
        assert state(desk, desk.queue.submit_batch([expert], ["AAPL"], by=TRADER).batch_id) == "completed"


def test_a_deleted_analysis_settles_its_item(desk: Desk) -> None:
    batch = desk.queue.submit_batch([desk.expert()], ["AAPL", "MSFT"], by=TRADER)
    for item in batch.items:
        desk.analyses.delete(item.analysis_id or 0, by=TRADER)
    assert [(outcome, reason) for _, _, outcome, reason in items(desk)] == [("skipped", "deleted")] * 2
    assert state(desk, batch.batch_id) == "completed"


def test_a_batch_is_bulk_work_and_a_single_one_is_not(desk: Desk) -> None:
    expert = desk.expert()
    many = desk.queue.submit_batch([expert], ["AAPL", "MSFT"], by=TRADER).items
    single = desk.queue.submit_batch([expert], ["INTC"], by=TRADER).items
    assert {desk.row(item.analysis_id or 0).priority for item in many} == {50}
    assert {desk.row(item.analysis_id or 0).priority for item in single} == {0}


def test_what_is_no_symbol_is_an_item_that_says_so_and_the_rest_is_queued(desk: Desk) -> None:
    expert = desk.expert()
    batch = desk.queue.submit_batch([expert], ["A B", "AAPL", ""], by=TRADER)
    says = "no symbol: letters, digits and . - = ^ / : _ & only, 40 at most"
    assert items(desk) == [
        (1, "A B", "blocked", f"A B is {says}"), (2, "AAPL", "queued", None), (3, "", "blocked", f"(empty) is {says}"),
    ]  # fmt: skip
    assert batch.sentence == f"Batch {batch.batch_id}: 1 analysis queued, 2 not possible"


def test_a_text_that_cannot_be_stored_does_not_take_its_batch_down(desk: Desk) -> None:
    batch = desk.queue.submit_batch([desk.expert()], ["AAPL", "\ud800\x00"], by=TRADER)
    assert [(item.symbol, item.outcome.value) for item in batch.items] == [
        ("AAPL", "queued"),
        ("?", "blocked"),
    ]


def test_a_batch_that_makes_no_sense_is_refused_as_a_whole(desk: Desk) -> None:
    expert = desk.expert()
    for instances, symbols, says in (
        ([], ["AAPL"], "Choose at least one expert"), ([expert], [], "Choose at least one symbol"),
        ([expert], [f"S{number}" for number in range(20_001)], "20,001 analyses are too many for one batch; 20,000 at"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=says):
            desk.queue.submit_batch(instances, symbols, by=TRADER)
    with pytest.raises(NotFound, match="Expert instance 4711 not found"):
        desk.queue.submit_batch([expert, 4711], ["AAPL"], by=TRADER)
    assert one(desk.file, "SELECT COUNT(*) FROM market_analysis") == 0
    assert one(desk.file, "SELECT COUNT(*) FROM batch") == 0
