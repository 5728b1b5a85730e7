"""Watchlist pages: with those of instruments and symbols, as a simulated user sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.instruments.instruments import InstrumentFields
from ba2_trade_platform.core.instruments.quotes import Quote
from ba2_trade_platform.core.instruments.watchlist_rows import WatchlistRow
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.watchlists.view import WatchView, change_words, last_words, line, long_ago, since
from ba2_trade_platform.vocabulary import Status
from tests.eventually import eventually
from tests.platforms import drain, practice, submit

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def item(**given: Any) -> WatchlistRow:
    """Return a symbol of a list that was analysed two hours ago."""
    values: dict[str, Any] = {
        "symbol": "BTC/USD", "name": "Bitcoin", "position": 1, "last_analysis_id": 7,
        "last_analyzed_at": NOW - timedelta(hours=2, minutes=5), "last_status": Status.COMPLETED, "expert": "Rules",
        "error_code": None, "action": None, "confidence": None, "price_then": Decimal(100), "then_at": NOW,
        "currency": "USD", **given,
    }  # fmt: skip
    return WatchlistRow(**values)


def rows(user: User) -> list[dict[str, Any]]:
    """Return the lines of the table on the page."""
    (table,) = user.find(kind=ui.table).elements
    return list(table.rows)


def test_an_address_says_what_is_shown_and_nonsense_is_left_out() -> None:
    view = WatchView.of({"list": "3", "q": " appl ", "sort": "oldest", "skip": "100", "tab": "what"})
    assert view == WatchView(list=3, q="appl", sort="oldest", skip=100)
    assert view.url() == "/watchlists?list=3&q=appl&sort=oldest"
    assert view.url(skip=200) == "/watchlists?list=3&q=appl&sort=oldest&skip=200"
    assert WatchView.of({"list": "x", "sort": "evil", "skip": "-1"}) == WatchView()


def test_the_last_analysis_is_said_in_words() -> None:
    assert last_words(item(), NOW) == "Analysis completed 2 hours ago"
    assert last_words(item(last_status=Status.PENDING, last_analyzed_at=NOW), NOW) == "Analysis queued just now"
    assert last_words(item(last_status=None, last_analyzed_at=None), NOW) == "\N{EM DASH}"
    assert long_ago(NOW - timedelta(days=1), NOW) == "1 day ago"


def test_a_line_has_the_price_then_and_now_and_the_change() -> None:
    shown = line(item(), ZoneInfo("UTC"), Quote("BTC/USD", 110.0, "USD", NOW, sessions_missing=12), NOW)
    assert (shown["then"], shown["now"], shown["since"]) == ("100.00", "110.00", "+10.0 %")
    assert shown["url"] == "/symbols/BTC%2FUSD"
    assert "12 sessions are missing since" in shown["now_hint"]
    assert since(None, 110.0) is None
    split = line(item(price_then=Decimal(700)), ZoneInfo("UTC"), Quote("BTC/USD", 110.0), NOW, split=1 / 7)
    assert (split["then"], split["since"]) == ("100.00", "+10.0 %")
    assert "700.00 before the splits since" in split["then_hint"]
    assert line(item(), ZoneInfo("UTC"), Quote("BTC/USD", 110.0), NOW, split=None)["since"] == "\N{EM DASH}"
    assert [change_words(change) for change in (None, -0.04, -12.34)] == ["\N{EM DASH}", "0.0 %", "-12.3 %"]


async def test_without_watchlists_it_says_what_to_do(user: User, desk: Desk) -> None:
    await user.open("/watchlists")
    await user.should_see("No watchlists yet")
    (link,) = user.find(kind=ui.link, content="Manual Analysis").elements
    assert link.props["href"] == "/marketanalysis?tab=manual"


async def test_a_list_is_made_filled_and_follows_its_analyses(user: User, desk: Desk) -> None:
    await user.open("/watchlists")
    user.find(marker="new-list").click()
    await user.should_see(marker="list-name")
    user.find(marker="list-name").type("Mine")
    user.find(marker="act-save").click()
    await user.should_see("This list is empty")
    user.find(marker="add-symbols").click()
    await user.should_see(marker="paste")
    user.find(marker="paste").type("AAPL, ZZZZ")
    user.find(marker="act-add").click()
    await user.should_see("1 added, 1 unknown to the price provider and left out")
    assert [row["symbol"] for row in rows(user)] == ["AAPL"]
    analysis_id = submit(desk.platform, practice(desk.platform))
    drain(desk.platform)

    async def followed() -> None:
        (row,) = rows(user)
        assert (row["analysis"], row["last"]) == (analysis_id, "Analysis completed just now")
        assert row["now"] == "110.38"

    await eventually(followed)


async def test_what_is_taken_off_is_put_back(user: User, desk: Desk) -> None:
    desk.platform.instruments.watchlists.add("Mine", desk.platform.prices.instruments())
    await user.open("/watchlists")

    async def all_there() -> None:
        assert len(rows(user)) == 9

    await eventually(all_there)
    for symbol in ("AMD", "AAPL"):
        user.find(marker="pick").trigger("click.stop", [symbol, False])
    await user.should_see("2 selected")
    user.find(marker="picked-take").click()
    await user.should_see("2 symbols taken off Mine.")
    user.find(marker="undo-remove").click()

    await eventually(lambda: desk.platform.instruments.watchlists.list()[0].symbols[:2] == ("AAPL", "AMD"))
    await eventually(all_there)


async def test_a_list_that_is_gone_says_so(user: User, desk: Desk) -> None:
    await user.open("/watchlists?list=4711")
    await user.should_see("There is no watchlist 4711. It may have been deleted.")


async def test_instruments_are_found_changed_and_not_deleted_while_needed(user: User, desk: Desk) -> None:
    desk.platform.instruments.watchlists.add("Mine", desk.platform.prices.instruments())
    await user.open("/watchlists?tab=instruments&q=apple")
    await user.should_see("Apple Inc.")
    await user.should_not_see("Dell Inc.")
    user.find(marker="edit-AAPL").click()
    await user.should_see(marker="field-labels")
    user.find(marker="field-labels").type("core")
    user.find(marker="act-save").click()
    await user.should_see("AAPL saved")
    assert desk.platform.instruments.catalog.get("AAPL").labels == ("core",)
    user.find(marker="delete-AAPL").click()
    await user.should_see("Delete AAPL?")
    user.find(kind=ui.button, content="Delete").click()
    await user.should_see("AAPL is on Mine: take it off there first")


async def test_a_symbol_shows_its_price_what_was_recommended_and_its_lists(user: User, desk: Desk) -> None:
    desk.platform.instruments.catalog.add("AAPL", InstrumentFields(name="Apple Inc."), by=desk.trader)
    mine = desk.platform.instruments.watchlists.create("Mine", by=desk.trader).id
    submit(desk.platform, practice(desk.platform))
    drain(desk.platform)
    await user.open("/symbols/aapl")
    await user.should_see("Apple Inc.")
    await user.should_see("110.38 USD")
    await user.should_see("close of 2014-12-31")
    await user.should_see("On no watchlist.")
    await user.should_see("No schedule covers it.")
    (chart,) = user.find(kind=ui.echart).elements
    assert [series["name"] for series in chart.options["series"]] == ["AAPL", "Practice desk"]
    (point,) = chart.options["series"][1]["data"]
    assert "by Practice desk" in point["name"]
    user.find(marker="add-to-list").click()
    user.find(marker=f"add-to-{mine}").click()
    await user.should_see("AAPL added to Mine")
    assert desk.platform.instruments.watchlists.symbols(mine) == ("AAPL",)


@pytest.mark.parametrize(
    ("path", "words"), [("ZZZZ", "No chart: Unknown symbol ZZZZ"), ("BTC/USD", "not an instrument of this desk")]
)
async def test_a_symbol_that_nobody_knows_has_a_page_too(user: User, desk: Desk, path: str, words: str) -> None:
    await user.open(f"/symbols/{path}")
    await user.should_see(words)
    await user.should_see("It has never been analysed. Press Analyse now.")


async def test_what_is_no_symbol_is_refused(user: User, desk: Desk) -> None:
    await user.open("/symbols/a b")
    await user.should_see("a b is no symbol")
