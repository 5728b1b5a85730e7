"""The job view: the table's address and its lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.ui.jobs.filters import more_words
from ba2_trade_platform.ui.jobs.view import View, line
from ba2_trade_platform.vocabulary import Source, Status, Subtype

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ROW = AnalysisRow(
    id=123,
    symbol="AAPL",
    expert_instance_id=5,
    expert="Practice desk",
    status=Status.FAILED,
    subtype=Subtype.ENTER_MARKET,
    source=Source.MANUAL,
    batch_id=None,
    priority=0,
    as_of=None,
    run_before=None,
    error_code="RATE_LIMIT",
    error_message="The provider answered 429",
    failure_kind=None,
    fingerprint="f",
    action=None,
    confidence=None,
    expected_profit=None,
    attempt=2,
    reruns_used=1,
    max_reruns=3,
    retries_used=0,
    rescues_used=0,
    progress=50,
    current_step=None,
    created_at=NOW,
    updated_at=NOW,
    available_at=NOW,
    started_at=NOW,
    finished_at=NOW,
    duration_ms=4200,
    version=3,
    max_retries=2,
    retry_provider=None,
)


def test_a_view_survives_its_own_address() -> None:
    view = View(status=("failed", "pending"), expert=5, symbol="AAPL", q="429 %_", sort="confidence", size=100, open=7)
    query = dict(pair.split("=", 1) for pair in view.url().split("?", 1)[1].split("&"))
    query = {name: value.replace("+", " ").replace("%25", "%").replace("%2C", ",") for name, value in query.items()}
    assert View.of(query) == view


def test_the_plain_view_has_the_plain_address() -> None:
    assert View().url() == "/marketanalysis"
    assert not View().filtered


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "password", "size": "9999", "dir": "sideways"},
        {"status": "exploded", "type": "x", "action": "y", "source": "z"},
        {"expert": "1e9", "open": "-1", "batch": "\N{ARABIC-INDIC DIGIT ONE}", "slower": "nan"},
        {"open": "9" * 40},
    ],
)
def test_nonsense_in_the_address_shows_the_plain_view(query: dict[str, str]) -> None:
    assert View.of(query) == View()


def test_a_changed_filter_goes_back_to_the_first_page() -> None:
    deep = View(after="abc")
    assert deep.changed(symbol="MSFT").after is None
    assert deep.changed(open=3, after=deep.after).after == "abc"


@pytest.mark.parametrize("status", list(Status))
def test_the_rerun_is_offered_exactly_on_failed_lines(status: Status) -> None:
    shown = line(replace(ROW, status=status), ZoneInfo("UTC"))
    assert shown["rerun"] is (status is Status.FAILED)
    assert shown["cancel"] is (status in (Status.PENDING, Status.RUNNING))


def test_a_failed_line_says_what_and_why_and_how_often() -> None:
    shown = line(ROW, ZoneInfo("America/New_York"))
    assert shown["attempt_text"] == "re-run 1/3"
    assert shown["failure"] == "RATE_LIMIT"
    assert "likely to work" in shown["failure_hint"]
    assert shown["duration"] == "4.2 s"
    assert shown["created_exact"] == "2026-11-20 10:00:00 EST"


def test_what_is_not_known_is_a_dash_and_nothing_is_signed_zero() -> None:
    assert line(ROW, ZoneInfo("UTC"))["confidence"] == "\N{EM DASH}"
    flat = line(replace(ROW, expected_profit=-0.001, confidence=66.66), ZoneInfo("UTC"))
    assert flat["expected_profit"] == "0.00 %"
    assert flat["confidence"] == "66.7 %"


def test_a_waiting_retry_says_which_it_is_and_when_or_for_whom_it_waits() -> None:
    waits = replace(ROW, status=Status.PENDING, retries_used=1, retry_provider="openai", run_before=NOW)
    shown = line(waits, ZoneInfo("UTC"))
    assert (shown["word"], shown["due"]) == ("retry 1/2", NOW.timestamp() * 1000)
    assert shown["step"].startswith("waits for its time, to run by ")
    assert shown["retrying"]
    open_providers = line(waits, ZoneInfo("UTC"), open_providers={"openai"})
    assert (open_providers["word"], open_providers["due"]) == ("retry 1/2", None)
    assert open_providers["step"].startswith("waits for openai")
    plain = line(replace(waits, error_code=None), ZoneInfo("UTC"))
    assert (plain["word"], plain["step"], plain["due"], plain["retrying"]) == ("pending", "waiting", None, False)


def test_filters_inside_the_menu_are_named_on_its_button() -> None:
    assert more_words(View(symbol="AAPL")) == "More filters"
    assert more_words(View(source="watchlist", batch=9)) == "More filters: source watchlist, batch 9"
    assert more_words(View(today=True, slower=2.5)) == "More filters: slower than 2.5 s, ended today"
    assert more_words(View(bulk=4, outcome="failed")) == "More filters: in batch 4, failed there"
