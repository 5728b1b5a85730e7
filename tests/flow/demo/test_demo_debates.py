"""The demo's debates: a newcomer without a key sees them, and failures for practice."""

from __future__ import annotations

from pathlib import Path

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.vocabulary import Mode, Status
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER, drain, make_platform, row, running, submit, wait_until


def debates(platform: Platform, *statuses: Status) -> list[AnalysisRow]:
    page = platform.monitoring.jobs.page(Filter(status=statuses), limit=50)
    return [one for one in page.items if one.expert in ("Debate desk", "Debate cut off")]


def test_the_demo_shows_a_whole_debate_and_one_that_is_resumed_where_it_was_cut_off(tmp_path: Path) -> None:
    with running(make_platform(tmp_path, demo=True)) as platform:
        wait_until(platform, lambda: len(debates(platform, Status.COMPLETED, Status.FAILED)) == 3, "the debates")
        completed, (failed,) = debates(platform, Status.COMPLETED), debates(platform, Status.FAILED)
        assert {one.symbol: str(one.action) for one in completed} == {"AAPL": "BUY", "AMD": "SELL"}
        assert (failed.symbol, failed.error_code) == ("COST", "PROVIDER_DOWN")
        before = {step.name: step.tokens for step in platform.monitoring.details.steps(failed.id)}

        platform.analyses.rerun(failed.id, by=TRADER, options=RerunOptions(mode=Mode.RESUME))
        wait_until(platform, lambda: row(platform, failed.id).status == "completed", "the resumed debate")
        steps = {step.name: step for step in platform.monitoring.details.steps(failed.id)}
        kept = {name for name, step in steps.items() if step.reused_from_attempt == 1}
        assert kept == set(before) - {"Data", "Trader"}  # prices are read anew in each attempt
        assert {"Technical analyst", "Research manager"} <= kept

        platform.demo.desk.remove(by=TRADER)
        assert not platform.demo.desk.state().present


def test_a_catalog_without_the_desk_has_a_demo_without_it(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, catalog=Catalog(Scripted()))
    try:
        assert platform.demo.desk.seed(by=TRADER) == 0
    finally:
        platform.stop()


@pytest.mark.parametrize(
    ("practice", "code", "sentence"),
    [
        ("fail=RATE_LIMIT&times=-1", "RATE_LIMIT", "The scripted provider answered 429: too many requests, slow down"),
        ("fail=AUTH", "AUTH", "The scripted provider answered 401: the API key is wrong or has expired"),
        ("fail=TRUNCATED", "CONNECTION", "scripted ended its answer in the middle, without a finish reason"),
        ("fail=LENGTH&times=2", "OUTPUT_INVALID", "was cut off in its answer: the longest allowed is 2000 tokens"),
        ("fail=EMPTY&times=2", "OUTPUT_INVALID", "gave an empty answer"),
        ("fail=MALFORMED&times=2", "OUTPUT_INVALID", "gave no readable Decision, at the second try neither"),
        ("fail=MALFORMED&times=1", None, ""),
        ("fail=AUTH&role=bear", "AUTH", "401"),
        ("fails=AUTH", "MODEL_NOT_FOUND", "there is no option 'fails'"),
    ],
)
def test_a_practised_failure_ends_the_debate_as_a_real_one_would(
    tmp_path: Path, practice: str, code: str | None, sentence: str
) -> None:
    named = practice if "role" in practice else f"{practice}&role=trader"
    model = f"scripted:rules?{named}"
    chosen = {"quick_model": model, "deep_model": model, "call_retries": 0}
    with running(make_platform(tmp_path)) as platform:
        desk = platform.experts.create("DebateDesk", "Practice", chosen, by=TRADER, max_retries=0)
        analysis_id = submit(platform, desk.id, f"{'COST' if code else 'MSFT'}")
        drain(platform)
        found = row(platform, analysis_id)
    assert found.error_code == code
    assert sentence in (found.error_message or "")
    assert found.status == ("failed" if code else "completed")
