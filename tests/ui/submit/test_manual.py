"""Manual Analysis: symbols in, a preview, a batch out, as a simulated user sees it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.submit.input import as_of_in, symbols_in, with_symbols, without_symbol
from ba2_trade_platform.vocabulary import Status
from tests.eventually import eventually
from tests.platforms import TRADER, practice, row, submit

TAB = "/marketanalysis?tab=manual"


def run_button(user: User) -> ui.button:
    """Return the button that runs what is chosen."""
    (found,) = user.find(marker="run").elements
    assert isinstance(found, ui.button)
    return found


async def choose(user: User, experts: list[int], symbols: str) -> None:
    """Choose these experts and type these symbols."""
    await user.should_see(marker=f"expert-{experts[0]}")
    for expert in experts:
        user.find(marker=f"expert-{expert}").click()
    user.find(ui.textarea).type(symbols)


async def test_without_experts_it_says_how_to_add_one(user: User, desk: Desk) -> None:
    await user.open(TAB)
    await user.should_see("No experts yet")
    await user.should_see("Add an expert")
    await user.should_see("There is no watchlist yet: type or paste the symbols.")
    assert not run_button(user).enabled


async def test_the_button_carries_the_exact_number_and_runs_a_batch(user: User, desk: Desk) -> None:
    first, second = practice(desk.platform, "First desk"), practice(desk.platform, "Second desk")
    desk.platform.queue.pause(by=TRADER)
    await user.open(TAB)
    await choose(user, [first, second], "aapl, msft\nGPS;aapl")
    await user.should_see("6 analyses will be queued")
    assert run_button(user).text == "Run 6 analyses"
    user.find(marker="run").click()
    await user.should_see("Batch 1: 6 analyses queued")
    (link,) = user.find("Watch this batch").elements
    assert link.props["href"] == "/batches/1"
    assert desk.platform.monitoring.jobs.count() == 6
    await user.should_see("0 analyses will be queued, 6 already under way")
    assert not run_button(user).enabled


async def test_one_analysis_is_submitted_by_itself(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    await user.open(TAB)
    await choose(user, [expert], "AAPL")
    await eventually(lambda: run_button(user).text == "Run 1 analysis")
    user.find(marker="run").click()
    await user.should_see("Analysis 1 queued for expert Practice desk and symbol AAPL")
    assert row(desk.platform, 1).batch_id is None


async def test_a_duplicate_is_named_with_its_link_and_not_counted(user: User, desk: Desk) -> None:
    desk.platform.queue.pause(by=TRADER)
    expert = practice(desk.platform)
    under_way = submit(desk.platform, expert, "AAPL")
    await user.open(TAB)
    await choose(user, [expert], "AAPL MSFT")
    await user.should_see("1 analysis will be queued, 1 already under way")
    (link,) = user.find(f"already under way as analysis {under_way}").elements
    assert link.props["href"] == f"/market_analysis/{under_way}"
    desk.platform.analyses.cancel(under_way, by=TRADER)
    await user.should_see("2 analyses will be queued")


async def test_an_expert_that_cannot_work_is_greyed_with_the_reason(user: User, desk: Desk) -> None:
    rules = desk.platform.experts.create("TechnicalRules", "Rules", by=TRADER).id
    off = desk.platform.experts.create("PracticeDesk", "Off", by=TRADER, enabled=False).id
    await user.open(TAB)
    await user.should_see("It is disabled")
    (off_box,) = user.find(marker=f"expert-{off}").elements
    (box,) = user.find(marker=f"expert-{rules}").elements
    assert not off_box.enabled
    assert box.enabled
    (kind,) = user.find(ui.toggle).elements
    with user:
        kind.set_value("open_positions")
    await user.should_see("Open positions need a connected broker; none is configured")
    (box,) = user.find(marker=f"expert-{rules}").elements
    assert not box.enabled


async def test_a_symbol_that_the_provider_does_not_know_is_a_warning_only(user: User, desk: Desk) -> None:
    await user.open(TAB)
    await user.should_see("No experts yet")
    expert = practice(desk.platform)
    await choose(user, [expert], "AAPL, ZZZZ")
    await user.should_see("The price provider does not know ZZZZ")
    assert run_button(user).text == "Run 2 analyses"


async def test_what_is_no_symbol_is_refused_with_the_service_s_sentence(user: User, desk: Desk) -> None:
    expert = practice(desk.platform)
    await user.open(TAB)
    await choose(user, [expert], "A$PL")
    await user.should_see("A$PL is no symbol")
    assert not run_button(user).enabled


async def test_a_bare_date_means_the_close_of_that_session(user: User, desk: Desk) -> None:
    desk.platform.queue.pause(by=TRADER)
    expert = practice(desk.platform)
    await user.open(TAB)
    await choose(user, [expert], "AAPL")
    (as_of,) = [field for field in user.find(ui.input).elements if field.props.get("aria-label") == "As of"]
    with user:
        as_of.set_value("2014-06-29")  # a Sunday: the session before it
    await eventually(lambda: run_button(user).enabled)
    user.find(marker="run").click()
    await eventually(lambda: desk.platform.monitoring.jobs.count() == 1)
    assert row(desk.platform, 1).as_of == datetime(2014, 6, 27, 20, 0, tzinfo=UTC)
    assert row(desk.platform, 1).status is Status.PENDING
    with user:
        as_of.set_value("2030-01-01 10:00")
    await user.should_see("lies after the market's now, 2014-12-31 21:00")
    with user:
        as_of.set_value("soon")
    await user.should_see("soon is no date: write 2014-06-30, or 2014-06-30 15:30")
    assert not run_button(user).enabled


async def test_a_watchlist_s_symbols_are_picked_one_by_one_or_all(user: User, desk: Desk) -> None:
    watchlist = desk.platform.instruments.watchlists.add("Mine", desk.platform.prices.instruments())
    await user.open(TAB)
    await user.should_see("Mine")
    (symbols,) = user.find(ui.textarea).elements
    user.find(marker="pick-MSFT").click()
    await eventually(lambda: symbols.value == "MSFT")
    user.find(marker=f"all-{watchlist}").click()
    await eventually(lambda: len(symbols_in(symbols.value)) == 9)
    user.find(marker="pick-MSFT").click()
    await eventually(lambda: "MSFT" not in symbols_in(symbols.value))


def test_symbols_are_parted_by_commas_spaces_and_lines_and_named_once() -> None:
    assert symbols_in(" aapl,msft;\nGPS  aapl\t") == ["AAPL", "MSFT", "GPS"]
    assert with_symbols("aapl", ["MSFT", "AAPL"]) == "AAPL, MSFT"
    assert without_symbol("AAPL MSFT", "AAPL") == "MSFT"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None),
        ("2014-06-30", date(2014, 6, 30)),
        ("2014-06-30 15:30", datetime(2014, 6, 30, 13, 30, tzinfo=UTC)),
        ("2014-06-30T15:30:00Z", datetime(2014, 6, 30, 15, 30, tzinfo=UTC)),
    ],
)
def test_an_as_of_is_a_day_or_an_instant_in_the_desk_s_zone(text: str, meant: date | None) -> None:
    assert as_of_in(text, ZoneInfo("Europe/Berlin")) == meant


@pytest.mark.parametrize("text", ["2014-13-01", "yesterday", "30.06.2014", "2014-06-30 25:00"])
def test_what_is_no_date_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid, match="is no date: write 2014-06-30"):
        as_of_in(text, ZoneInfo("UTC"))
