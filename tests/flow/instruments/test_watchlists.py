"""Watchlists: each addition is answered, each removal can be undone, and nothing is half done."""

from __future__ import annotations

import pytest

from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.instruments.watchlists import Watchlists
from tests.flow.instruments.watchlist_desk import answers, schedule
from tests.platforms import TRADER
from tests.sql import change
from tests.stepped import Desk


@pytest.fixture
def watchlists(desk: Desk) -> Watchlists:
    return desk.platform.instruments.watchlists


def test_a_pasted_list_is_answered_line_by_line(watchlists: Watchlists) -> None:
    mine = watchlists.create("Mine", by=TRADER).id
    report = watchlists.add_text(mine, "AAPL, msft; INTC\naapl nope! ZZZZ", by=TRADER)
    assert answers(report) == [
        (1, "AAPL", "added"),
        (1, "MSFT", "added"),
        (1, "INTC", "added"),
        (2, "AAPL", "duplicate"),
        (2, "nope!", "invalid"),
        (2, "ZZZZ", "unknown"),
    ]
    assert "Unknown symbol ZZZZ" in report.lines[-1].reason
    assert report.sentence == "3 added, 1 there already, 1 unknown to the price provider and left out, 1 not usable"
    assert watchlists.symbols(mine) == ("AAPL", "MSFT", "INTC")


def test_quotes_and_the_sign_before_a_symbol_are_passed_over(watchlists: Watchlists) -> None:
    mine = watchlists.create("Mine", by=TRADER).id
    report = watchlists.add_text(mine, "\"AAPL\",'msft' $INTC A$", by=TRADER)
    assert answers(report) == [(1, "AAPL", "added"), (1, "MSFT", "added"), (1, "INTC", "added"), (1, "A$", "invalid")]


def test_an_unknown_symbol_is_added_when_the_trader_says_so(desk: Desk, watchlists: Watchlists) -> None:
    mine = watchlists.create("Mine", by=TRADER).id
    report = watchlists.add_symbols(mine, ["ZZZZ"], by=TRADER, unknown=True)
    assert answers(report) == [(1, "ZZZZ", "added")]
    again = watchlists.create("Another", by=TRADER).id
    assert answers(watchlists.add_text(again, "zzzz", by=TRADER)) == [(1, "ZZZZ", "added")]


def test_what_is_taken_off_can_be_put_back_in_its_place(watchlists: Watchlists) -> None:
    mine = watchlists.create("Mine", by=TRADER).id
    watchlists.add_text(mine, "AAPL MSFT INTC AMD", by=TRADER)
    removed = watchlists.remove(mine, ["msft", "INTC", "COST"], by=TRADER)
    assert removed.sentence == "2 symbols taken off Mine"
    assert watchlists.symbols(mine) == ("AAPL", "AMD")
    watchlists.put_back(removed, by=TRADER)
    watchlists.put_back(removed, by=TRADER)
    assert watchlists.symbols(mine) == ("AAPL", "MSFT", "INTC", "AMD")


def test_symbols_are_moved(watchlists: Watchlists) -> None:
    mine = watchlists.create("Mine", by=TRADER).id
    watchlists.add_text(mine, "AAPL MSFT INTC AMD", by=TRADER)
    watchlists.reorder(mine, ["AMD", "INTC"], 1, by=TRADER)
    assert watchlists.symbols(mine) == ("AMD", "INTC", "AAPL", "MSFT")
    watchlists.reorder(mine, ["AMD"], 99, by=TRADER)
    assert watchlists.symbols(mine) == ("INTC", "AAPL", "MSFT", "AMD")
    with pytest.raises(NotFound, match="COST is not on this watchlist"):
        watchlists.reorder(mine, ["COST"], 1, by=TRADER)


def test_names_are_unique_and_not_empty(watchlists: Watchlists) -> None:
    mine = watchlists.create(" Mine  now ", by=TRADER)
    assert mine.name == "Mine now"
    with pytest.raises(Refused, match="There is a watchlist Mine now already"):
        watchlists.create("Mine now", by=TRADER)
    with pytest.raises(Invalid, match="1 to 80 characters"):
        watchlists.rename(mine.id, "  ", by=TRADER)
    assert watchlists.rename(mine.id, "Yours", by=TRADER).name == "Yours"
    with pytest.raises(NotFound, match="There is no watchlist 4711"):
        watchlists.rename(4711, "Other", by=TRADER)


def test_a_watchlist_that_a_schedule_analyses_is_not_deleted(desk: Desk, watchlists: Watchlists) -> None:
    mine = watchlists.create("Mine", by=TRADER).id
    schedule(desk, mine)
    with pytest.raises(Refused, match="Schedule Morning analyses Mine: change it first"):
        watchlists.delete(mine, by=TRADER)
    assert watchlists.get(mine).schedules == ("Morning",)
    change(desk.file, "UPDATE schedule SET archived_at = '2026-11-02'")
    watchlists.delete(mine, by=TRADER)
    assert watchlists.summaries() == []


def test_twenty_thousand_symbols_are_answered_quickly_and_more_are_refused(watchlists: Watchlists) -> None:
    mine = watchlists.create("Mine", by=TRADER).id
    many = " ".join(f"S{number}" for number in range(20_000))
    report = watchlists.add_text(mine, many, by=TRADER, unknown=True)
    assert report.sentence == "20,000 added"
    assert "not checked" in report.lines[-1].reason
    with pytest.raises(Invalid, match="20,001 symbols are too many at once"):
        watchlists.add_text(mine, f"{many} MORE", by=TRADER)
