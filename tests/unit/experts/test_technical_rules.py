"""TechnicalRules on the bundled market: its steps, its outputs, and the steps that a resume does again."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date

import pytest

from ba2_trade_platform.core.contracts.experts import Bars
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.experts.technical_rules.expert import TechnicalRules
from ba2_trade_platform.experts.technical_rules.settings import TechnicalRulesSettings
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.vocabulary import Signal
from tests.fakes.context import RecordingContext
from tests.patience import CONSOLE_SECONDS

STEPS = [
    "Load prices",
    "MACD 12/26/9",
    "SMA cross 50/200",
    "KDJ 9/3/3 and RSI 14",
    "Mean reversion z-score 20",
    "Combine",
]


class CorrectedPrices:
    """Prices whose last close was corrected by one cent."""

    def __init__(self, prices: PricesAt) -> None:
        self.as_of = prices.as_of
        self._prices = prices

    def bars(self, symbol: str, limit: int | None = None) -> Bars:
        bars = self._prices.bars(symbol, limit)
        close = bars.close.copy()
        close[-1] += 0.01
        return replace(bars, close=close)


class StillPrices(CorrectedPrices):
    """Prices that never moved."""

    def bars(self, symbol: str, limit: int | None = None) -> Bars:
        bars = self._prices.bars(symbol, limit)
        still = bars.close * 0 + 20.0
        return replace(bars, open=still, high=still, low=still, close=still)


@pytest.fixture(scope="module")
def prices() -> PricesAt:
    market = DemoMarket()
    return PricesAt(market, market.instant_of(date(2014, 6, 9)))


def context_of(prices: PricesAt | CorrectedPrices) -> RecordingContext:
    return RecordingContext(TechnicalRulesSettings(), prices)


async def test_each_indicator_is_a_step_with_its_vote_written_down(prices: PricesAt) -> None:
    context = context_of(prices)
    verdict = await TechnicalRules().analyse(context)
    assert [step.name for step in context.steps] == STEPS
    assert [output.step for output in context.outputs] == STEPS
    assert context.outputs[-1].text == verdict.details
    assert "histogram" in context.outputs[1].text
    assert context.state is not None
    assert list(context.state["votes"]) == STEPS[1:-1]


async def test_the_price_is_the_split_adjusted_close_of_the_day_of_the_split(prices: PricesAt) -> None:
    verdict = await TechnicalRules().analyse(context_of(prices))
    assert str(verdict.price) == "93.6990"


async def test_a_resume_with_one_changed_setting_does_only_its_step_and_the_decision_again(prices: PricesAt) -> None:
    first = context_of(prices)
    await TechnicalRules().analyse(first)
    second = first.resumed(z_entry=1.0)
    await TechnicalRules().analyse(second)
    done_again = [step.name for step in second.steps if not step.reused]
    assert done_again == ["Load prices", "Mean reversion z-score 20", "Combine"]


async def test_a_resume_on_corrected_prices_does_everything_again(prices: PricesAt) -> None:
    first = context_of(prices)
    await TechnicalRules().analyse(first)
    second = first.resumed()
    second.prices = CorrectedPrices(prices)
    await TechnicalRules().analyse(second)
    assert [step.name for step in second.steps if not step.reused] == STEPS


async def test_a_market_that_stands_still_ends_in_review(prices: PricesAt) -> None:
    verdict = await TechnicalRules().analyse(context_of(StillPrices(prices)))
    assert verdict.action is Signal.REVIEW
    assert verdict.details.count("did not move") >= 4


def test_naming_the_experts_and_their_settings_does_not_load_the_indicator_library() -> None:
    code = (
        "import sys; from ba2_trade_platform.experts.registry import Registry; r = Registry();"
        "[r.get(name).settings_model.model_json_schema() for name in r.names()];"
        "print(sorted({'talib', 'pandas', 'polars', 'exchange_calendars'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=CONSOLE_SECONDS
    )
    assert answer.stdout.strip() == "[]"
