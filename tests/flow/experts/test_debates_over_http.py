"""Debates with real servers: the questions asked, the answers paid, and those a re-run does not pay again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.vocabulary import ErrorCode, Mode, Status
from tests.api.clients import client_of
from tests.debates import SYMBOLS
from tests.fakes.debaters import Trouble, role_of
from tests.fakes.model_server import Asked, Reply
from tests.flow.experts.debate_lab import DebateLab, debate_lab
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, drain, row, submit, wait_until

BUSY = Reply(status=429, error="Slow down")
ANALYSTS = {"technical": 2, "fundamentals": 2, "news": 2}
TALK = {"bull": 1, "bear": 1, "research_manager": 1, "trader": 1}
RISK = {f"risk_{role}": 1 for role in ("aggressive", "conservative", "neutral")}
LAST = {"portfolio_manager": 1}
WHOLE = ANALYSTS | TALK | RISK | LAST


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[DebateLab]:
    """A desk of three analysts, each of whom looks something up and then reports: six calls."""
    with debate_lab(tmp_path, sentiment_analyst=False) as lab:
        yield lab


def an_analyst_fails(lab: DebateLab) -> int:
    """Have the technical analyst's second call meet a 429, which is one of six calls; return the analysis."""
    lab.first.fail("technical", 2, BUSY)
    analysis_id = lab.debate()
    assert lab.state(analysis_id) == ("failed", ErrorCode.RATE_LIMIT)
    assert lab.first.calls() == ANALYSTS
    lab.first.sensible()
    return analysis_id


def looks_once_more(lab: DebateLab) -> Trouble:
    """Return the wish of the technical analyst, at its next call, for one tool more."""
    before = lab.first.calls()["technical"]

    def trouble(asked: Asked) -> Reply | None:
        first = role_of(asked) == "technical" and lab.first.calls()["technical"] == before + 1
        return Reply(call=("indicator", '{"name": "rsi_14", "sessions": 3}')) if first else None

    return trouble


def test_after_six_calls_and_a_429_resume_asks_only_what_the_agent_still_needs(lab: DebateLab) -> None:
    analysis_id = an_analyst_fails(lab)
    lab.first.trouble = looks_once_more(lab)
    assert lab.again(analysis_id) == {"technical": 2} | TALK | RISK | LAST
    assert lab.state(analysis_id) == ("completed", None)
    went_on = [asked for asked in lab.first.server.asked[6:] if role_of(asked) == "technical"]
    tools = [[message["role"] for message in asked.body["messages"]].count("tool") for asked in went_on]
    assert tools == [1, 2], "the tool's answer of the first attempt is there, and nothing was looked up twice"


def test_fresh_asks_everything_again(lab: DebateLab) -> None:
    assert lab.again(an_analyst_fails(lab), Mode.FRESH) == WHOLE


def test_from_a_step_asks_that_step_and_who_reads_it(lab: DebateLab) -> None:
    lab.first.fail("portfolio_manager", 1, BUSY)
    analysis_id = lab.debate()
    assert lab.state(analysis_id) == ("failed", ErrorCode.RATE_LIMIT)
    lab.first.sensible()
    assert lab.again(analysis_id, Mode.FROM_STEP, step="Trader") == {"trader": 1} | RISK | LAST


def test_only_a_step_asks_that_step_and_who_reads_it_and_not_those_beside_it(lab: DebateLab) -> None:
    lab.first.fail("portfolio_manager", 1, BUSY)
    analysis_id = lab.debate()
    lab.first.sensible()
    assert lab.again(analysis_id, Mode.ONLY, step="News analyst") == {"news": 2} | TALK | RISK | LAST


def test_a_rerun_without_the_provider_that_failed_goes_to_the_other(lab: DebateLab) -> None:
    lab.change(providers=["lab", "lab-two"])
    lab.first.trouble = lambda asked: BUSY if role_of(asked) == "trader" else None
    lab.second.trouble = lambda _: Reply(status=500, error="Oh no")
    analysis_id = lab.debate()
    assert lab.state(analysis_id)[0] == "failed"
    lab.second.sensible()
    before = len(lab.second.server.asked)
    assert lab.again(analysis_id, exclude_providers=("lab",)) == {}
    assert lab.second.calls(since=before) == {"trader": 1} | RISK | LAST
    assert lab.state(analysis_id) == ("completed", None)
    steps = {step.name: step.provider for step in lab.platform.monitoring.details.steps(analysis_id)}
    assert (steps["Bull researcher"], steps["Trader"]) == ("lab", "lab-two")


async def test_sums_are_what_the_servers_counted_failures_and_cancels_included(lab: DebateLab) -> None:
    failed = an_analyst_fails(lab)
    lab.first.hold("bear")
    cancelled = submit(lab.platform, lab.desk, "AAPL")
    assert await asyncio.to_thread(lab.first.held.wait, EVENT_SECONDS)
    lab.platform.analyses.cancel(cancelled, by=TRADER)
    await asyncio.to_thread(drain, lab.platform)
    lab.first.sensible()
    await asyncio.to_thread(lab.again, failed)
    await asyncio.to_thread(lab.debate, "COST")
    assert row(lab.platform, cancelled).status is Status.CANCELLED
    tokens, money = lab.paid()
    async with client_of(lab.platform) as client:

        async def asked(path: str) -> Any:
            return (await client.get(path)).raise_for_status().json()

        for group_by in ("expert", "model", "provider", "day", "outcome", "symbol", "analysis"):
            found = await asked(f"/costs?group_by={group_by}")
            assert (counted(found["total"]), found["total"]["at_least"]) == ((tokens, money), True)
            assert sum((Decimal(group["spend"]["cost"]) for group in found["groups"]), Decimal(0)) == money
            assert found["total"]["calls"] == len(lab.first.server.asked)
        attempts = [
            attempt
            for analysis_id in (failed, cancelled, cancelled + 1)
            for attempt in (await asked(f"/analyses/{analysis_id}/attempts"))["items"]
        ]
    assert sum((Decimal(attempt["cost"] or 0) for attempt in attempts), Decimal(0)) == money
    assert [attempt["outcome"] for attempt in attempts if attempt["at_least"]] == ["cancelled"]


def counted(spend: dict[str, Any]) -> tuple[int, Decimal]:
    """Return tokens and money of a sum as the API tells it."""
    return spend["tokens_in"] + spend["tokens_out"], Decimal(spend["cost"])


async def test_a_cancel_over_the_api_ends_the_call_that_would_never_end(lab: DebateLab) -> None:
    lab.first.hold("research_manager")
    analysis_id = submit(lab.platform, lab.desk)
    assert await asyncio.to_thread(lab.first.held.wait, EVENT_SECONDS)
    held = lab.first.server.asked[-1]
    async with client_of(lab.platform) as client:
        (await client.post(f"/analyses/{analysis_id}/cancel", json={})).raise_for_status()
    assert await asyncio.to_thread(held.left.wait, EVENT_SECONDS)
    assert not held.whole
    await asyncio.to_thread(drain, lab.platform)
    assert lab.state(analysis_id)[0] == "cancelled"


def test_a_budget_stops_before_the_call_and_a_raised_one_pays_only_for_the_rest(lab: DebateLab) -> None:
    whole = lab.debate("AAPL")
    (attempt,) = lab.platform.monitoring.details.attempts(whole)
    assert attempt.cost is not None
    half = float(attempt.cost) * 0.6 + 0.015  # what is reserved for one answer of 500 tokens is 0.015 and its question
    lab.change(budget_per_analysis_usd=half, max_output_tokens=500)
    before = len(lab.first.server.asked)
    analysis_id = lab.debate()
    asked = lab.first.calls(since=before)
    assert lab.state(analysis_id) == ("failed", ErrorCode.BUDGET)
    assert 6 <= asked.total() < sum(WHOLE.values())
    assert all(one.whole for one in lab.first.server.asked), "the call that was too dear was never sent"
    lab.change(budget_per_analysis_usd=1.0)
    assert lab.again(analysis_id) + asked == WHOLE
    assert lab.state(analysis_id) == ("completed", None)


def test_fifty_debates_at_once_keep_to_a_providers_limit(tmp_path: Path) -> None:
    limits = {"requests_per_minute": 40, "concurrency": 50}
    chosen = {"call_retries": 2, **{f"{role}_analyst": False for role in ("fundamentals", "news", "sentiment")}}
    with debate_lab(tmp_path, minute=1.2, limits=limits, workers=50, max_concurrent=50, **chosen) as lab:
        lab.first.server.limit = (40, 0.3)  # far less than the minute: a request may be long on its way
        lab.first.trouble = lambda asked: None if "tool_choice" in asked.body else Reply("I see it rising.")
        submitted = [
            submit(lab.platform, lab.desk, symbol, as_of=date(2014, 12, day))
            for day in (1, 2, 3, 4, 5, 8, 9, 10, 11, 12)
            for symbol in SYMBOLS
        ]
        for called in (150, 300):  # so that a slow machine has its time
            wait_until(lab.platform, lambda called=called: len(lab.first.server.asked) >= called, f"call {called}")
        drain(lab.platform)
        assert {lab.state(analysis_id) for analysis_id in submitted} == {("completed", None)}
        answered = sum(asked.whole for asked in lab.first.server.asked)
        assert (answered, answered + lab.first.server.refused) == (50 * 9, len(lab.first.server.asked))
        assert lab.first.server.refused <= 5, "those that were late on their way, and no storm"
