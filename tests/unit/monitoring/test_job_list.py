"""The job list: filters and counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.monitoring.job_list import BOUND
from ba2_trade_platform.vocabulary import ErrorCode, Signal, Source, Status, Subtype
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.sql import change
from tests.stepped import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Other")), slots=64)
    yield made
    made.close()


def shown(desk: Desk, chosen: Filter, **options: object) -> list[int]:
    """Return the ids of the page that a filter gives, oldest first, after checking that all ways to ask agree."""
    page = desk.platform.monitoring.jobs.page(chosen, descending=False, **options)  # type: ignore[arg-type]  # a test's own options
    ids = [row.id for row in page.items]
    jobs = desk.platform.monitoring.jobs
    assert jobs.count(chosen) == len(ids)
    assert jobs.matching([row.id for row in jobs.page(limit=500).items], chosen) == set(ids)
    return ids


def test_each_filter_shows_what_it_names(desk: Desk) -> None:
    first, second, worker = desk.expert("Scripted"), desk.expert("Other"), desk.worker()
    bought = desk.submit(first, "AAPL", source=Source.WATCHLIST)
    failed = desk.submit(first, "MSFT")
    slow = desk.submit(second, "AAPL", source=Source.API)
    worker.tick()
    desk.clock.advance(1)
    worker.succeed(worker.leased[bought])
    worker.fail(worker.leased[failed], ErrorCode.RATE_LIMIT, "429: slow down")
    later = desk.clock.advance(9)
    worker.succeed(worker.leased[slow])
    desk.analyses.rerun(failed, by=TRADER)
    worker.fail(worker.claim(failed), ErrorCode.AUTH, "401: 100% wrong_key")
    change(
        desk.file, "UPDATE market_analysis SET result_action = 'BUY', subtype = 'open_positions' WHERE id = ?", bought
    )
    batch = desk.queue.submit_batch([second], ["INTC", "AMD"], by=TRADER)
    batched = [item.analysis_id for item in batch.items]
    assert shown(desk, Filter()) == [bought, failed, slow, *batched]
    assert shown(desk, Filter(status=(Status.FAILED,))) == [failed]
    assert shown(desk, Filter(status=(Status.FAILED, Status.PENDING))) == [failed, *batched]
    assert shown(desk, Filter(expert=first)) == [bought, failed]
    assert shown(desk, Filter(symbol=" aapl ")) == [bought, slow]
    assert shown(desk, Filter(subtype=Subtype.OPEN_POSITIONS)) == [bought]
    assert shown(desk, Filter(action=Signal.BUY)) == [bought]
    assert shown(desk, Filter(source=Source.WATCHLIST)) == [bought]
    assert shown(desk, Filter(code="AUTH")) == [failed]
    assert shown(desk, Filter(code="RATE_LIMIT")) == []
    assert shown(desk, Filter(batch=batch.batch_id)) == batched
    assert shown(desk, Filter(rerun_only=True)) == [failed]
    assert shown(desk, Filter(slower_than_seconds=5)) == [slow]
    assert shown(desk, Filter(finished_since=later)) == [failed, slow]
    assert shown(desk, Filter(status=(Status.COMPLETED,), symbol="AAPL", expert=second)) == [slow]
    assert shown(desk, Filter(status=(Status.COMPLETED,), symbol="AAPL"), sort="duration") == [bought, slow]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("wrong_key", True), ("wrongXkey", False), ("wrong%key", False), ("100%", True), ("100_", False), ("%", True),
        ("_", True), ("WRONG", True), (" 401: ", True), ("auth", True), ("\\", False), ("' OR 1=1 --", False),
        ("", True),
    ],
)  # fmt: skip
def test_free_text_is_looked_for_literally_in_message_and_code(desk: Desk, text: str, found: bool) -> None:
    failed = desk.submit(desk.expert())
    worker = desk.worker()
    worker.fail(worker.claim(failed), ErrorCode.AUTH, "401: 100% wrong_key")
    assert shown(desk, Filter(text=text)) == ([failed] if found else [])


def test_an_error_message_is_cut_in_the_list_and_whole_in_the_details(desk: Desk) -> None:
    failed, worker = desk.submit(desk.expert()), desk.worker()
    worker.fail(worker.claim(failed), ErrorCode.AUTH, "x" * 3_000)
    assert len(desk.row(failed).error_message) == 500
    assert desk.platform.monitoring.details.error_message(failed) == "x" * 3_000


def test_the_counts_are_those_of_the_statuses_and_of_the_traders_day(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=3), desk.worker()
    jobs = [desk.submit(expert, f"S{number}") for number in range(6)]
    worker.tick()
    worker.fail(worker.leased[jobs[0]])
    midnight = desk.clock.advance(3_600)
    worker.fail(worker.leased[jobs[1]])
    worker.succeed(worker.leased[jobs[2]])
    counts = desk.platform.monitoring.jobs.counts(midnight)
    assert (counts.pending, counts.running, counts.failed, counts.failed_today, counts.completed) == (0, 3, 2, 1, 1)
    assert desk.platform.monitoring.jobs.counts(midnight + timedelta(seconds=1)).failed_today == 0


def test_counts_stop_at_their_bound_and_a_bounded_sort_says_so(desk: Desk) -> None:
    template = desk.submit(desk.expert())
    with closing(sqlite3.connect(desk.file)) as connection, connection:
        columns = [
            name for _, name, *_ in connection.execute("PRAGMA table_info(market_analysis)")
            if name not in ("id", "dedupe_key", "duration_ms")
        ]  # fmt: skip
        copied = ", ".join(columns)
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            f"INSERT INTO market_analysis (dedupe_key, duration_ms, {copied}) "
            f"SELECT 'copy ' || i, -i, {copied} FROM n, market_analysis WHERE id = ?",
            (BOUND + 5, template),
        )
    assert desk.platform.monitoring.jobs.count() == BOUND + 1
    assert desk.platform.monitoring.jobs.counts(desk.clock.now()).pending == BOUND + 1
    page = desk.platform.monitoring.jobs.page(Filter(symbol="AAPL"), sort="duration", descending=True, limit=1)
    assert page.bounded
    # Among the newest 10,000 only: the very first copies, which took least, are older than that.
    assert page.items[0].duration_ms == -6
    assert not desk.platform.monitoring.jobs.page(sort="duration").bounded


def test_rows_come_in_the_order_asked_for_and_what_is_gone_is_missing(desk: Desk) -> None:
    expert = desk.expert()
    first, second = desk.submit(expert, "AAPL"), desk.submit(expert, "MSFT")
    assert [row.id for row in desk.platform.monitoring.jobs.rows([second, 4711, first])] == [second, first]


def test_a_row_offers_exactly_what_the_table_allows(desk: Desk) -> None:
    worker, analysis_id = desk.worker(), desk.submit(desk.expert())
    offered = {
        event
        for event in (Event.RERUN, Event.CANCEL, Event.RUN_AGAIN, Event.DELETE)
        if desk.row(analysis_id).offers(event)
    }
    assert offered == {Event.CANCEL, Event.DELETE}
    worker.fail(worker.claim(analysis_id))
    assert desk.row(analysis_id).offers(Event.RERUN)
    assert not desk.row(analysis_id).offers(Event.CANCEL)
