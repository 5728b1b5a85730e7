"""The debate desk in a whole console: the real worker, gateway and call log, and the scripted model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.vocabulary import ErrorCode, Mode, ProviderKind, Signal, Status
from tests.platforms import TRADER, drain, make_platform, row, running, submit, wait_until
from tests.sql import ask, file_of


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running(make_platform(tmp_path)) as console:
        yield console


def debate(platform: Platform, model: str = "scripted:rules", **settings: object) -> int:
    """Submit a debate whose quick and deep model is this one, without retries, and return its id."""
    chosen = {"quick_model": model, "deep_model": model, "call_retries": 0, **settings}
    instance = platform.experts.create("DebateDesk", model, chosen, by=TRADER, max_retries=0)
    return submit(platform, instance.id)


def answered(platform: Platform, attempt: int) -> Counter[str]:
    """Return how many calls of each step were answered in one attempt."""
    query = "SELECT step FROM model_call WHERE attempt = ? AND outcome = 'answered'"
    return Counter(step for (step,) in ask(file_of(platform), query, attempt))


def test_a_debate_runs_from_submit_to_recommendation_without_key_or_network(platform: Platform) -> None:
    analysis_id = debate(platform)
    drain(platform)
    assert row(platform, analysis_id).status is Status.COMPLETED
    found = platform.monitoring.details.recommendation(analysis_id)
    assert found is not None
    assert found.details.startswith("*scripted, not a language model*")
    steps = {step.name: step for step in platform.monitoring.details.steps(analysis_id)}
    assert (steps["Trader"].provider, bool(steps["Trader"].tokens)) == ("scripted", True)
    environment = platform.monitoring.details.attempts(analysis_id)[0].environment
    assert environment["absent"] == ["news", "sentiment"]
    assert environment["models"]["providers"][0]["name"] == "scripted"
    assert len(environment["prompts"]) == 12


def test_every_call_is_written_with_who_answered_and_its_tokens(platform: Platform) -> None:
    analysis_id = debate(platform)
    drain(platform)
    found = [one for one in platform.monitoring.details.outputs(analysis_id) if ": answer " in one.name]
    raws = {one.name: platform.monitoring.details.raw(one.id) for one in found if one.id is not None}
    assert set(raws) >= {"Trader: answer 1", "Portfolio manager: answer 1"}
    assert {raw["provider"] for raw in raws.values()} == {"scripted"}
    ((tokens_in, tokens_out),) = ask(file_of(platform), "SELECT SUM(tokens_in), SUM(tokens_out) FROM model_call")
    assert sum(raw["tokens_in"] for raw in raws.values()) == tokens_in
    assert sum(raw["tokens_out"] for raw in raws.values()) == tokens_out


def test_what_the_scripted_model_decides_in_place_of_another_is_labelled(platform: Platform) -> None:
    values = {"quick_model": "m", "deep_model": "m", "base_url": "http://127.0.0.1:9/v1", "key": "some-key"}
    platform.models.providers.create("lab", ProviderKind.OPENAI, by=TRADER, **values)
    analysis_id = debate(platform, "lab:m", providers=["lab", "scripted"])
    drain(platform)
    found = platform.monitoring.details.recommendation(analysis_id)
    assert found is not None
    assert found.details.startswith("*scripted, not a language model*")
    texts = {output.name: output.text for output in platform.monitoring.details.outputs(analysis_id)}
    assert texts["Portfolio manager: answer 1"].startswith("*scripted, not a language model*")
    assert texts["Summary"].startswith("*scripted, not a language model*")


def test_a_trader_who_met_a_429_is_alone_asked_again_by_resume(platform: Platform) -> None:
    analysis_id = debate(platform, "scripted:rules?fail=RATE_LIMIT&role=trader&times=1")
    drain(platform)
    failed = row(platform, analysis_id)
    assert (failed.status, failed.error_code) == (Status.FAILED, ErrorCode.RATE_LIMIT)
    assert answered(platform, 1) == {
        "Technical analyst": 2, "Fundamentals analyst": 2,
        "Bull researcher": 1, "Bear researcher": 1, "Research manager": 1,
    }  # fmt: skip
    platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(Mode.RESUME))
    drain(platform)
    assert row(platform, analysis_id).status is Status.COMPLETED
    assert set(answered(platform, 2)) == {
        "Trader", "Aggressive risk analyst", "Conservative risk analyst", "Neutral risk analyst", "Portfolio manager",
    }  # fmt: skip


@pytest.mark.parametrize("broken", ["EMPTY", "MALFORMED"])
def test_an_answer_that_stays_broken_is_a_failure_and_a_review_and_never_a_hold(
    platform: Platform, broken: str
) -> None:
    analysis_id = debate(platform, f"scripted:rules?fail={broken}&role=portfolio_manager&times=-1")
    drain(platform)
    assert row(platform, analysis_id).status is Status.FAILED
    assert row(platform, analysis_id).error_code == ErrorCode.OUTPUT_INVALID
    found = platform.monitoring.details.recommendation(analysis_id)
    assert found is not None
    assert found.action is Signal.REVIEW
    assert not found.is_current


def test_a_cancel_in_mid_debate_ends_it_and_frees_the_slot(platform: Platform) -> None:
    analysis_id = debate(platform, "scripted:rules?fail=HANG&role=bull")

    def bull_is_asked() -> bool:
        return bool(ask(file_of(platform), "SELECT 1 FROM model_call WHERE step = 'Bull researcher'"))

    wait_until(platform, bull_is_asked, "the bull being asked")
    platform.analyses.cancel(analysis_id, by=TRADER)
    drain(platform)
    assert row(platform, analysis_id).status is Status.CANCELLED
    ended = "SELECT 1 FROM model_call WHERE step = 'Bull researcher' AND outcome = 'cancelled'"
    wait_until(platform, lambda: bool(ask(file_of(platform), ended)), "the call being ended")
