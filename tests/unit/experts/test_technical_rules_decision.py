"""TechnicalRules' decision: how votes become action, confidence, stop, target, risk and horizon."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from ba2_trade_platform.experts.technical_rules.decision import Ballot, Quote, confidence_of, decide, weighted_score
from ba2_trade_platform.experts.technical_rules.settings import TechnicalRulesSettings
from ba2_trade_platform.experts.technical_rules.signals import Vote
from ba2_trade_platform.vocabulary import RiskLevel, Signal, TimeHorizon

SETTINGS = TechnicalRulesSettings(decision_threshold=0.25)
QUOTE = Quote(close=100.0, atr=2.0, currency="USD")
HORIZONS = [TimeHorizon.MEDIUM, TimeHorizon.LONG, TimeHorizon.SHORT, TimeHorizon.SHORT]


def ballots(*scores: float | None, weights: tuple[float, ...] = (1, 1, 1, 1)) -> list[Ballot]:
    """Return one ballot a score, with made-up names and the horizons of the real signals."""
    return [
        Ballot(Vote(name=f"signal {i}", score=score, reason=f"reason {i}"), weight, horizon)
        for i, (score, weight, horizon) in enumerate(zip(scores, weights, HORIZONS, strict=False))
    ]


def test_agreement_to_buy_sets_the_stop_below_and_the_target_above_the_price() -> None:
    verdict = decide(ballots(0.5, 1.0, 0.0, 0.0), QUOTE, SETTINGS)
    assert verdict.action is Signal.BUY
    assert (verdict.stop_price, verdict.price, verdict.target_price) == (Decimal(96), Decimal(100), Decimal(106))
    assert verdict.expected_profit_percent == 6.0
    assert verdict.time_horizon is TimeHorizon.LONG


def test_agreement_to_sell_sets_them_the_other_way_round_and_the_profit_is_still_positive() -> None:
    verdict = decide(ballots(-1.0, 0.0, -0.5, 0.0), QUOTE, SETTINGS)
    assert verdict.action is Signal.SELL
    assert (verdict.target_price, verdict.price, verdict.stop_price) == (Decimal(94), Decimal(100), Decimal(104))
    assert verdict.expected_profit_percent == 6.0
    assert verdict.time_horizon is TimeHorizon.MEDIUM


def test_votes_that_cancel_each_other_out_hold_without_target_and_stop() -> None:
    verdict = decide(ballots(1.0, -1.0, 0.0, 0.0), QUOTE, SETTINGS)
    assert verdict.action is Signal.HOLD
    assert (verdict.target_price, verdict.stop_price, verdict.expected_profit_percent) == (None, None, 0.0)
    assert verdict.confidence == 100.0


def test_the_reason_names_every_vote_with_its_score_weight_and_why() -> None:
    details = decide(ballots(0.5, 1.0, None, 0.0), QUOTE, SETTINGS).details
    assert details.startswith("**BUY**: the weighted vote is +0.50, the threshold 0.25.")
    assert "| signal 0 | BUY | +0.50 | 1 | reason 0 |" in details
    assert "| signal 2 | abstains |  | 1 | reason 2 |" in details
    assert "target 106.0000, stop 96.0000" in details


def test_weights_decide_whose_vote_counts() -> None:
    assert weighted_score(ballots(1.0, -1.0, 0.0, 0.0, weights=(3, 1, 0, 0))) == 0.5
    assert weighted_score(ballots(1.0, None, None, None, weights=(2, 5, 5, 5))) == 1.0


def test_when_all_abstain_a_person_must_look() -> None:
    verdict = decide(ballots(None, None, None, None), QUOTE, SETTINGS)
    assert verdict.action is Signal.REVIEW
    assert verdict.confidence == 1
    assert "every signal with a weight abstains" in verdict.details


def test_when_only_muted_signals_speak_a_person_must_look() -> None:
    assert decide(ballots(1.0, None, weights=(0, 1)), QUOTE, SETTINGS).action is Signal.REVIEW


@pytest.mark.parametrize("atr", [0.0, math.nan, 1e-7])
def test_without_a_usable_range_no_trade_is_recommended(atr: float) -> None:
    verdict = decide(ballots(1.0, 1.0, 0.0, 0.0), Quote(100.0, atr, "USD"), SETTINGS)
    assert verdict.action is Signal.REVIEW
    assert "too small to set a stop" in verdict.details


@pytest.mark.parametrize("close", [math.nan, 0.0, 0.00001])
def test_a_close_that_is_no_price_is_for_a_person_to_look_at(close: float) -> None:
    verdict = decide(ballots(1.0, 1.0, 0.0, 0.0), Quote(close, 1.0, "USD"), SETTINGS)
    assert (verdict.action, verdict.price) == (Signal.REVIEW, None)


def test_a_wild_range_never_puts_the_target_of_a_sale_below_zero() -> None:
    verdict = decide(ballots(-1.0, -1.0, 0.0, 0.0), Quote(10.0, 9.0, "USD"), SETTINGS)
    assert verdict.target_price == Decimal(1)
    assert verdict.risk_level is RiskLevel.HIGH


@pytest.mark.parametrize(("atr", "risk"), [(1.0, RiskLevel.LOW), (1.5, RiskLevel.MEDIUM), (3.0, RiskLevel.HIGH)])
def test_risk_follows_the_range_in_percent_of_the_price(atr: float, risk: RiskLevel) -> None:
    assert decide(ballots(1.0, 1.0, 0.0, 0.0), Quote(100.0, atr, "USD"), SETTINGS).risk_level is risk


def test_confidence_grows_from_fifty_at_the_threshold_to_a_hundred() -> None:
    assert confidence_of(0.25, 0.25, 1.0) == 50.0
    assert confidence_of(-1.0, 0.25, 1.0) == 100.0
    assert confidence_of(0.0, 0.25, 1.0) == 100.0
    assert confidence_of(1.0, 0.25, 0.5) == 50.0
    assert confidence_of(0.25, 0.25, 0.0) == 1.0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"macd_fast": 26}, r"macd_fast \(26\) must be below macd_slow \(26\)"),
        ({"sma_fast": 100, "sma_slow": 60}, r"sma_fast \(100\) must be below sma_slow \(60\)"),
        ({"kdj_low": 85}, "kdj_low .* must be below kdj_high"),
        ({"rsi_oversold": 70}, "rsi_oversold .* must be below rsi_overbought"),
        ({"low_risk_percent": 4}, "low_risk_percent .* must be below high_risk_percent"),
        ({"stop_atr": 4}, r"stop_atr \(4.0\) must not exceed target_atr \(3.0\)"),
        ({"macd_weight": 0, "sma_weight": 0, "kdj_rsi_weight": 0, "z_weight": 0}, "z_weight are all 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_with_their_names(
    settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence):
        TechnicalRulesSettings(**settings)
