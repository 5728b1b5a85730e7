"""Batch requests: the symbols that each names, its preview, and refusals of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.core.batches.requests import BatchRequest
from ba2_trade_platform.vocabulary import Source
from tests.fakes.experts import Catalog, Scripted
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


def many(number: int) -> tuple[str, ...]:
    return tuple(f"S{count}" for count in range(number))


def work(desk: Desk, worker: SteppedWorker, seconds: float = 10) -> None:
    """Let whatever is running take this long and succeed."""
    desk.clock.advance(seconds)
    for claim in list(worker.leased.values()):
        worker.succeed(claim)


def watchlist(desk: Desk, name: str, *symbols: str) -> int:
    change(desk.file, "INSERT INTO watchlist (name, is_demo, created_at) VALUES (?, 0, '2026-01-01')", name)
    list_id = int(one(desk.file, "SELECT MAX(id) FROM watchlist"))
    for place, symbol in enumerate(symbols):
        change(
            desk.file,
            "INSERT INTO instrument (symbol, name, type, exchange, currency, calendar, is_demo)"
            " VALUES (?, ?, 'stock', 'NYSE', 'USD', 'XNYS', 0) ON CONFLICT DO NOTHING",
            symbol, symbol,
        )  # fmt: skip
        change(
            desk.file,
            "INSERT INTO watchlist_item (watchlist_id, instrument_id, position)"
            " SELECT ?, id, ? FROM instrument WHERE symbol = ?",
            list_id, place, symbol,
        )  # fmt: skip
    return list_id


def test_a_watchlist_goes_to_its_experts_in_its_own_order_and_name(desk: Desk) -> None:
    tech = watchlist(desk, "Tech", "MSFT", "AAPL")
    accepted = desk.platform.batches.submit(BatchRequest((desk.expert(),), watchlist_id=tech), by=TRADER)
    batch = desk.platform.batches.get(accepted.id)
    assert (batch.name, batch.source, batch.actor) == ("Tech, 2 symbols, 1 expert", Source.WATCHLIST, "trader")
    assert [item.symbol for item in desk.platform.batches.items(accepted.id).items] == ["MSFT", "AAPL"]
    assert accepted.sentence == f"Batch {accepted.id}: 2 analyses queued"


def test_everything_is_every_instrument_of_the_desk(desk: Desk) -> None:
    expert = desk.expert()
    with pytest.raises(Invalid, match="The desk knows no instruments yet"):
        desk.platform.batches.submit(BatchRequest((expert,), everything=True), by=TRADER)
    watchlist(desk, "Tech", "MSFT", "AAPL")
    accepted = desk.platform.batches.submit(BatchRequest((expert,), everything=True), by=TRADER)
    assert (accepted.queued, desk.platform.batches.get(accepted.id).source) == (2, Source.BULK)


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (BatchRequest((1,)), "Choose at least one symbol"),
        (BatchRequest((), ("AAPL",)), "Choose at least one expert"),
        (BatchRequest((1,), ("AAPL",), everything=True), "Choose one: symbols, a watchlist, or everything"),
        (BatchRequest((1,), ("AAPL",), name="x" * 201), "The name of a batch may have 200 characters"),
        (BatchRequest((1,), watchlist_id=1), "The watchlist Empty has no symbols yet"),
        (BatchRequest((1,), many(20_001)), "20,001 analyses are too many for one batch; 20,000 at most"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_as_a_whole(desk: Desk, order: BatchRequest, sentence: str) -> None:
    desk.expert()
    watchlist(desk, "Empty")
    for verb in (desk.platform.batches.preview, lambda wanted: desk.platform.batches.submit(wanted, by=TRADER)):
        with pytest.raises(Invalid, match=sentence):
            verb(order)
    with pytest.raises(NotFound, match="Watchlist 99 not found"):
        desk.platform.batches.preview(BatchRequest((1,), watchlist_id=99))
    assert one(desk.file, "SELECT COUNT(*) FROM batch") == 0


def test_a_preview_counts_what_would_happen_and_says_why_not(desk: Desk) -> None:
    able, lacking = desk.expert(), desk.expert("Lacking")
    desk.submit(able, "AAPL")
    preview = desk.platform.batches.preview(BatchRequest((able, lacking), ("AAPL", "MSFT", "A B")))
    assert preview.sentence == "1 analysis will be queued, 1 already under way, 4 not possible"
    assert [(one.reason, one.count) for one in preview.reasons] == [
        ("A B is no symbol: letters, digits and . - = ^ / : _ & only, 40 at most", 2), ("No API key is set", 2),
    ]  # fmt: skip
    assert (preview.total, preview.estimated_seconds, preview.estimated_cost_usd) == (6, None, None)
    assert [(item.symbol, item.outcome.value) for item in preview.items][-2:] == [
        ("AAPL", "duplicate"),
        ("MSFT", "queued"),
    ]
    assert ask(desk.file, "SELECT COUNT(*) FROM market_analysis UNION ALL SELECT COUNT(*) FROM batch") == [(1,), (0,)]


def test_the_time_is_estimated_from_what_the_expert_took_lately_and_what_waits(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=2), desk.worker()
    desk.submit(expert, "DELL")
    worker.tick()
    work(desk, worker, seconds=10)
    order = BatchRequest((expert,), SYMBOLS)
    assert desk.platform.batches.preview(order).estimated_seconds == 30  # 6 of 10 s, two at once
    submitted(desk, expert, many(4))
    assert desk.platform.batches.preview(order).estimated_seconds == 50  # behind 4 more
