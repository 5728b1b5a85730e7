"""The way out of a gap in a calendar: a trader follows the warning, and the next analysis has the bar."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.contracts.exchanges import OwnDays
from ba2_trade_platform.vocabulary import OwnDaysKind, Status
from tests.platforms import TRADER, drain, make_platform, row, running
from tests.price_folders import BUDGET_SUNDAY, lay_prices, sessions_of
from tests.sql import ask, file_of

AS_OF = datetime(2026, 2, 20, 12, tzinfo=UTC)
Open = Callable[[str, Mapping[date, int]], Platform]


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Starts a console with a folder of prices; its one symbol traded on Budget Sunday, and on `later` days."""
    days = [day for day in sessions_of("XBOM", until=date(2026, 11, 20)) if day > date(2024, 9, 1)]
    monkeypatch.setenv("BA2_PRICES", "folder")
    with ExitStack() as stack:

        def start(name: str, later: Mapping[date, int]) -> Platform:
            prices = tmp_path / name / "prices"
            lay_prices(prices, "ACME", "XBOM", {**dict.fromkeys(days, 1000), BUDGET_SUNDAY: 500, **later})
            return stack.enter_context(running(make_platform(tmp_path / name, prices_dir=prices)))

        yield start


def analyse(platform: Platform) -> int:
    known = {expert.alias: expert.id for expert in platform.experts.list()}
    expert = known.get("Rules") or platform.experts.create("TechnicalRules", "Rules", by=TRADER).id
    analysis_id = platform.queue.submit_analysis_task(expert, "ACME", by=TRADER, as_of=AS_OF).analysis_id
    drain(platform)
    assert row(platform, analysis_id).status is Status.COMPLETED
    return analysis_id


def warnings(platform: Platform, analysis_id: int) -> list[str]:
    query = "SELECT warnings FROM analysis_attempt WHERE analysis_id = ?"
    ((kept,),) = ask(file_of(platform), query, analysis_id)
    found: list[str] = json.loads(kept or "[]")
    return found


def texts(platform: Platform, analysis_id: int) -> list[tuple[object, ...]]:
    # By name, for rules run side by side and end in any order.
    query = "SELECT name, text FROM analysis_output WHERE market_analysis_id = ? ORDER BY name"
    return ask(file_of(platform), query, analysis_id)


def test_the_warning_stands_on_the_analysis_and_what_it_says_helps(console: Open) -> None:
    platform = console("desk", {})
    first = analyse(platform)
    (warning,) = warnings(platform, first)
    assert "add an extra session to the calendar days of XBOM on the page Instruments, then re-run" in warning
    sunday = OwnDays("XBOM", OwnDaysKind.EXTRA_SESSION, BUDGET_SUNDAY, BUDGET_SUNDAY, reason="Budget Sunday")
    platform.instruments.calendar_days.add(sunday, by=TRADER)
    assert BUDGET_SUNDAY in platform.prices.bars("ACME", AS_OF).sessions
    assert warnings(platform, analyse(platform)) == []


def test_what_happens_after_as_of_changes_nothing(console: Open) -> None:
    poison = {date(2026, 2, 21): 9_999_999, date(2026, 3, 1): 9_999_999, date(2026, 11, 22): 9_999_999}
    plain, poisoned = console("plain", {}), console("poisoned", poison)
    one, other = analyse(plain), analyse(poisoned)
    assert warnings(plain, one) == warnings(poisoned, other)
    assert texts(plain, one) == texts(poisoned, other)
    assert texts(plain, one)
