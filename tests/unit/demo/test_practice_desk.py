"""PracticeDesk: it works, writes, recommends, fails and hangs as its settings say."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from ba2_trade_platform.core.contracts.experts import Bars, ExpertError
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.demo.practice_desk.expert import PracticeDesk
from ba2_trade_platform.demo.practice_desk.settings import PracticeDeskSettings
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.vocabulary import ErrorCode, Signal
from tests.fakes.context import Cancelled, RecordingContext
from tests.patience import EVENT_SECONDS

BUILTIN = {ErrorCode.CONNECTION: ConnectionError, ErrorCode.TIMEOUT: TimeoutError, ErrorCode.BUG: ZeroDivisionError}
NOT_PRACTISED = {ErrorCode.RUN_BEFORE, ErrorCode.EXPERT_SKIPPED}
PRACTISED = [code for code in ErrorCode if code not in NOT_PRACTISED]


class NoBars:
    """Prices of a symbol that is known but has never traded."""

    def __init__(self, prices: PricesAt) -> None:
        self.as_of = prices.as_of
        self._prices = prices

    def bars(self, symbol: str, limit: int | None = None) -> Bars:
        bars = self._prices.bars(symbol, limit)
        none = bars.close[:0]
        return replace(bars, sessions=(), closed_at=(), open=none, high=none, low=none, close=none, volume=none)


@pytest.fixture(scope="module")
def prices() -> PricesAt:
    market = DemoMarket()
    return PricesAt(market, market.instant_of(date(2014, 12, 31)))


def attempt(prices: PricesAt | NoBars, number: int = 1, symbol: str = "AAPL", **settings: Any) -> RecordingContext:
    return RecordingContext(PracticeDeskSettings(**settings), prices, symbol=symbol, attempt=number)


@pytest.mark.parametrize("code", [code for code in PRACTISED if code not in BUILTIN])
async def test_every_other_failure_carries_its_code_and_a_sentence(prices: PricesAt, code: ErrorCode) -> None:
    with pytest.raises(ExpertError) as failed:
        await PracticeDesk().analyse(attempt(prices, fail_with=code))
    assert failed.value.code is code
    assert len(str(failed.value).split()) > 5
    assert "{" not in str(failed.value)


@pytest.mark.parametrize(("code", "error"), BUILTIN.items())
async def test_connection_timeout_and_bug_raise_what_a_library_or_a_bug_would(
    prices: PricesAt, code: ErrorCode, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await PracticeDesk().analyse(attempt(prices, fail_with=code))


async def test_too_many_requests_are_told_with_the_providers_own_wish_to_wait(prices: PricesAt) -> None:
    with pytest.raises(ExpertError, match="answered 429: too many requests, slow down") as failed:
        await PracticeDesk().analyse(attempt(prices, fail_with="RATE_LIMIT"))
    assert failed.value.retry_after == 2.0


async def test_a_failing_attempt_leaves_its_fifteen_outputs_a_recommendation_and_a_state(prices: PricesAt) -> None:
    context = attempt(prices, fail_with="PROVIDER_DOWN", steps=4, outputs=15, recommend_before_failing=True)
    with pytest.raises(ExpertError):
        await PracticeDesk().analyse(context)
    assert len(context.outputs) == 15
    assert len({output.name for output in context.outputs}) == 15
    assert [verdict.confidence for verdict in context.recommendations] == [60]
    assert context.state == {"attempt": 1, "steps_done": 4, "outputs_written": 15}
    assert [step.status for step in context.steps] == ["completed", "completed", "completed", "failed"]


async def test_without_being_asked_a_failing_attempt_recommends_nothing(prices: PricesAt) -> None:
    context = attempt(prices, fail_with="AUTH")
    with pytest.raises(ExpertError):
        await PracticeDesk().analyse(context)
    assert context.recommendations == []


async def test_an_unreadable_answer_leaves_a_review_that_says_why(prices: PricesAt) -> None:
    context = attempt(prices, fail_with="OUTPUT_INVALID", recommend_before_failing=True)
    with pytest.raises(ExpertError):
        await PracticeDesk().analyse(context)
    assert [verdict.action for verdict in context.recommendations] == [Signal.REVIEW]
    assert "could not be read" in context.recommendations[0].details


@pytest.mark.parametrize(("outputs", "steps"), [(0, 3), (1, 5), (15, 4), (500, 50), (7, 7), (3, 50)])
async def test_the_outputs_are_spread_over_the_steps_and_are_exactly_as_many_as_asked_for(
    prices: PricesAt, outputs: int, steps: int
) -> None:
    context = attempt(prices, outputs=outputs, steps=steps)
    await PracticeDesk().analyse(context)
    shares = Counter(output.step for output in context.outputs)
    assert len(context.outputs) == outputs
    assert len(context.steps) == steps == context.expected_steps
    assert max(shares.values(), default=0) <= -(-outputs // steps)


@pytest.mark.parametrize(
    ("fail_times", "number", "fails"), [(2, 2, True), (2, 3, False), (0, 1, False), (-1, 99, True)]
)
async def test_the_first_attempts_fail_as_often_as_asked_for(
    prices: PricesAt, fail_times: int, number: int, fails: bool
) -> None:
    context = attempt(prices, number, fail_with="CONNECTION", fail_times=fail_times)
    if fails:
        with pytest.raises(ConnectionError):
            await PracticeDesk().analyse(context)
    else:
        assert (await PracticeDesk().analyse(context)).price is not None


async def test_a_resume_after_a_failure_does_only_the_failed_step_again(prices: PricesAt) -> None:
    first = attempt(prices, fail_with="RATE_LIMIT", steps=5, outputs=10)
    with pytest.raises(ExpertError):
        await PracticeDesk().analyse(first)
    second = first.resumed()
    verdict = await PracticeDesk().analyse(second)
    assert [step.reused for step in second.steps] == [True, True, True, True, False]
    assert [output.name for output in second.outputs] == ["Practice note 9", "Practice note 10"]
    assert verdict == await PracticeDesk().analyse(attempt(prices))


async def test_a_cooperative_hang_waits_until_it_is_cancelled(prices: PricesAt) -> None:
    context = attempt(prices, hang="cooperative", steps=1, outputs=4)
    task = asyncio.create_task(PracticeDesk().analyse(context))
    async with asyncio.timeout(EVENT_SECONDS):
        await wrote(context, 4)
        assert not task.done()
        context.cancel()
        task.cancel()
        with pytest.raises((asyncio.CancelledError, Cancelled)):
            await task
    assert context.steps[-1].status == "failed"


async def test_a_cooperative_hang_leaves_by_itself_once_the_check_says_so(prices: PricesAt) -> None:
    context = attempt(prices, hang="cooperative", steps=1, outputs=4)
    task = asyncio.create_task(PracticeDesk().analyse(context))
    async with asyncio.timeout(EVENT_SECONDS):
        await wrote(context, 4)
        context.cancel()
        with pytest.raises(Cancelled):
            await task
    assert context.recommendations == []


async def test_a_blocking_hang_goes_on_in_its_thread_after_a_cancel(prices: PricesAt) -> None:
    context = attempt(
        prices, hang="blocking", seconds=1.0, steps=2, outputs=2, fail_with="AUTH", recommend_before_failing=True
    )
    task = asyncio.create_task(PracticeDesk().analyse(context))
    async with asyncio.timeout(EVENT_SECONDS):
        await wrote(context, 2)
        context.cancel()
        task.cancel()
        with pytest.raises((asyncio.CancelledError, Cancelled)):
            await task
    assert not await asyncio.to_thread(context.recommended.wait, 0.1)
    context.close()
    assert context.recommended.is_set()


async def test_an_attempt_after_the_hanging_ones_does_not_hang(prices: PricesAt) -> None:
    async with asyncio.timeout(EVENT_SECONDS):
        verdict = await PracticeDesk().analyse(attempt(prices, 2, hang="cooperative", fail_times=1))
    assert verdict.price is not None


@pytest.mark.parametrize("action", list(Signal))
async def test_the_action_and_the_confidence_can_be_chosen(prices: PricesAt, action: Signal) -> None:
    verdict = await PracticeDesk().analyse(attempt(prices, action=action, confidence=77))
    assert (verdict.action, verdict.confidence) == (action, 77)
    assert (verdict.target_price is None) is (action in {Signal.HOLD, Signal.REVIEW})


@pytest.mark.parametrize("action", [None, Signal.BUY])
async def test_a_symbol_without_bars_still_completes_without_a_price(prices: PricesAt, action: Signal | None) -> None:
    verdict = await PracticeDesk().analyse(attempt(NoBars(prices), action=action))
    assert (verdict.price, verdict.target_price, verdict.stop_price) == (None, None, None)
    assert "no price is known" in verdict.details


async def test_a_delisted_symbol_can_still_be_practised_on_with_its_last_close(prices: PricesAt) -> None:
    verdict = await PracticeDesk().analyse(attempt(prices, symbol="DELL"))
    assert "on 2013-10-29" in verdict.details


@pytest.mark.parametrize("code", sorted(NOT_PRACTISED))
def test_outcomes_that_are_no_failure_of_an_expert_cannot_be_practised(code: ErrorCode) -> None:
    with pytest.raises(ValidationError, match="fail_with"):
        PracticeDeskSettings(fail_with=code)


async def wrote(context: RecordingContext, outputs: int) -> None:
    """Return when the attempt has written that many outputs."""
    while len(context.outputs) < outputs:
        await asyncio.to_thread(context.wrote.wait, EVENT_SECONDS)
        context.wrote.clear()
