"""The Costs page: with the tokens and money on the detail page, as a simulated user sees them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.contracts.language_models import CallEnd, CallStart
from ba2_trade_platform.core.models.attempt_costs import Spend
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.models import cost_view as view
from ba2_trade_platform.ui.models.cost_view import Choice
from ba2_trade_platform.vocabulary import CallOutcome
from tests.fakes.callers import PRICES
from tests.platforms import drain, practice, submit
from tests.ui.elements import unfold


def called(desk: Desk, *models: str) -> int:
    """Return a failed analysis whose attempt made a call of each model; `dear` costs 0.04 USD."""
    (Path(desk.platform.settings.data_dir) / "prices.csv").write_text(PRICES)
    expert = practice(desk.platform, "Expired key", fail_with="AUTH")
    analysis_id = submit(desk.platform, expert)
    drain(desk.platform)
    for model in models:
        start = CallStart(analysis_id, 1, expert, "AAPL", "Practice step 1 of 2", "lab", model, 1000, 1000)
        end = CallEnd(CallOutcome.ANSWERED, 1000, 1000)
        desk.platform.models.calls.end(desk.platform.models.calls.begin(start), end)
    return analysis_id


async def test_without_calls_the_page_says_what_will_be_here(user: User, desk: Desk) -> None:
    await user.open("/costs")
    await user.should_see("No model was called in the last 30 days")
    await user.should_see("Configure an expert")
    await user.should_see("There is no budget for the day; 0.00 USD are spent today.")
    await user.should_see("claude-sonnet-4-5")


async def test_costs_are_told_apart_and_lead_to_their_analyses(user: User, desk: Desk) -> None:
    analysis_id = called(desk, "dear", "dear")
    await user.open("/costs?period=7d")
    await user.should_see("lab:dear")
    await user.should_see("0.08 USD")
    await user.should_see("2 calls, 4,000 tokens")
    await user.should_not_see(marker="unsure", retries=1)
    links = {link.props["href"] for link in user.find(ui.link).elements}
    assert {f"/market_analysis/{analysis_id}", "/marketanalysis?expert=1", "/marketanalysis?status=failed"} <= links
    assert len(user.find(ui.echart).elements) == 4


async def test_a_sum_with_an_unknown_part_says_at_least(user: User, desk: Desk) -> None:
    called(desk, "dear", "brand-new")
    await user.open("/costs")
    await user.should_see("at least 0.04 USD")
    await user.should_see(marker="unsure")
    await user.should_see("unknown")


async def test_models_that_cost_nothing_are_drawn_by_their_tokens(user: User, desk: Desk) -> None:
    start = CallStart(1, 1, 1, "AAPL", "Bull", "scripted", "rules", 1000, 1000)
    desk.platform.models.calls.end(desk.platform.models.calls.begin(start), CallEnd(CallOutcome.ANSWERED, 1000, 1000))
    await user.open("/costs")
    await user.should_see("Tokens by UTC day, by expert")
    await user.should_see("0.00 USD")


async def test_the_budget_of_the_day_is_set_on_the_page(user: User, desk: Desk) -> None:
    await user.open("/costs")
    await user.should_see(marker="budget-limit")
    user.find(marker="budget-limit").type("2.5")
    user.find(marker="budget-save").click()
    await user.should_see("The budget for the day is 2.50 USD; 0.00 USD are spent today.")
    await user.should_see("Changed by trader")
    assert desk.platform.models.costs.budget().limit == Decimal("2.5")
    user.find(marker="budget-limit").clear()
    user.find(marker="budget-save").click()
    await user.should_see("There is no budget for the day; 0.00 USD are spent today.")


async def test_a_bad_line_of_the_own_prices_is_told(user: User, desk: Desk) -> None:
    (Path(desk.platform.settings.data_dir) / "prices.csv").write_text(PRICES + "lab,cheap,soon,1,,1,\n")
    await user.open("/costs")
    await user.should_see("prices.csv, line 3: valid_from is 'soon'")
    await user.should_see("your own: this test")


async def test_the_detail_page_says_what_steps_and_attempts_took(user: User, desk: Desk) -> None:
    analysis_id = called(desk, "dear", "brand-new")
    await user.open(f"/market_analysis/{analysis_id}")
    await user.should_see("at least 0.04 USD")
    unfold(user, "attempt-1")
    await user.should_see("Model calls")
    await user.should_see("4,000")


@pytest.mark.parametrize(
    ("cost", "at_least", "words"),
    [("0", False, "0.00 USD"), ("0", True, "unknown"), ("0.5", True, "at least 0.50 USD"), (None, False, "unknown")],
)
def test_money_never_claims_to_know_more_than_it_does(cost: str | None, at_least: bool, words: str) -> None:
    assert view.money(None if cost is None else Decimal(cost), at_least=at_least) == words


def test_a_glance_is_in_cents_unless_there_are_none() -> None:
    assert view.glance(Spend(cost=Decimal("1.23456"))) == "1.23 USD"
    assert view.glance(Spend(cost=Decimal("0.000321"))) == "0.000321 USD"


def test_an_address_that_makes_no_sense_shows_the_usual_period() -> None:
    assert Choice.of({"period": "1y", "stack": "colour"}) == Choice("30d", "expert")
    assert Choice.of({"period": "7d"}).url(stack="model") == "/costs?period=7d&stack=model"


async def test_prices_say_their_age_and_are_imported_and_taken_back(user: User, desk: Desk) -> None:
    await user.open("/costs")
    await user.should_see("Shipped prices as of 2025-11-30")
    user.find(marker="prices-undo").click()
    await user.should_see("No prices were imported yet")
    user.find(marker="prices-import").click()
    await user.should_see("Import prices of models")
    (button,) = user.find(marker="act-import-prices").elements
    assert not button.enabled, "nothing was looked at yet"
