"""Cost commands: costs and the budget of the day."""

from __future__ import annotations

from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.language_models import CallEnd, CallStart
from ba2_trade_platform.vocabulary import CallOutcome
from tests.fakes.callers import PRICES
from tests.platforms import make_platform
from tests.unit.cli.command_line import Run


@pytest.fixture
def called(tmp_path: Path) -> None:
    """A console that has stopped, after one call of 0.04 USD and one whose price nobody knows."""
    (tmp_path / "prices.csv").write_text(PRICES)
    platform = make_platform(tmp_path)
    for model in ("dear", "brand-new"):
        start = CallStart(1, 1, 1, "AAPL", "Bull", "lab", model, 1000, 1000)
        platform.models.calls.end(platform.models.calls.begin(start), CallEnd(CallOutcome.ANSWERED, 1000, 1000))
    platform.stop()


@pytest.mark.usefixtures("called")
def test_costs_are_listed_and_say_what_is_not_known(run: Run) -> None:
    said = run("costs", "--group-by", "model").out
    assert all(
        word in said for word in ("dear", "brand-new", "0.0400", "at least 0.0400", "unknown", "There is no budget")
    )
    assert run("costs", "--json").json["total"]["calls"] == 2
    assert run("costs", "--group-by", "colour").code == 2


def test_without_calls_there_is_a_sentence(run: Run) -> None:
    assert run("costs").out.startswith("No model was called in this time.")


@pytest.mark.usefixtures("called")
def test_the_budget_is_shown_set_and_taken_away(run: Run) -> None:
    assert run("budget", "2.50").out == "The budget for the day is 2.50 USD; 0.04 USD are spent today\n"
    assert run("budget").out == "The budget for the day is 2.50 USD; 0.04 USD are spent today\n"
    assert run("budget", "none").out == "There is no budget for the day; 0.04 USD are spent today\n"
    refused = run("budget", "much")
    assert (refused.code, "such as 25 or 2.50, or none; not much" in refused.err) == (2, True)


def test_prices_are_listed_imported_and_taken_back(run: Run, tmp_path: Path) -> None:
    head = "provider,model,valid_from,input,cached,output,source,reasoning\n"
    file = tmp_path / "new.csv"
    file.write_text(f"{head}lab,m,2026-01-01,2.5,,10,contract,12\n")
    assert run("models", "prices", "import", str(file), "--preview").out.startswith("Would add 1 price")
    assert run("models", "prices", "import", str(file)).out.startswith("Added 1 price and changed 0")
    listed = run("models", "prices").out
    assert "your own: contract" in listed
    assert "Shipped prices as of 2025-11-30, your own as of" in listed
    file.write_text(f"{head}lab,m,2026-01-01,2.5,,ten,contract,12\n")
    refused = run("models", "prices", "import", str(file))
    assert refused.code != 0
    assert refused.err.startswith("Nothing was imported. The file, line 2: output is 'ten'")
    assert run("models", "prices", "undo").out == "prices.csv is again what it was before: 0 prices of your own\n"
