"""TechnicalRules' signals: the vote of each on prices made for it, and its silence."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts.experts import Bars
from ba2_trade_platform.experts.technical_rules import signals
from ba2_trade_platform.experts.technical_rules.expert import signals_of
from ba2_trade_platform.experts.technical_rules.settings import TechnicalRulesSettings
from ba2_trade_platform.experts.technical_rules.signals import Vote

SETTINGS = TechnicalRulesSettings()
AS_OF = datetime(2014, 12, 31, 21, tzinfo=UTC)


def bars_of(close: NDArray[np.float64], half_range: float = 0.5) -> Bars:
    """Return bars with these closes, one a day, that reach `half_range` above and below."""
    n = len(close)
    return Bars(
        symbol="MADE",
        currency="USD",
        as_of=AS_OF,
        sessions=tuple(date(2013, 1, 1) + timedelta(days=i) for i in range(n)),
        closed_at=tuple(AS_OF - timedelta(days=n - i) for i in range(n)),
        open=close,
        high=close + half_range,
        low=close - half_range,
        close=close,
        volume=np.full(n, 1000.0),
    )


def wave(n: int = 400) -> NDArray[np.float64]:
    """Return closes that swing around 100, with a fall and a rise of equal length."""
    return 100.0 + 5.0 * np.sin(np.arange(n) / 9.0)


def test_macd_votes_to_buy_when_a_fall_turns_into_a_rise() -> None:
    close = np.concatenate([np.linspace(200.0, 100.0, 350), np.linspace(100.0, 130.0, 15)])
    vote = signals.macd_vote("MACD", bars_of(close), SETTINGS)
    assert vote.word == "BUY"
    assert vote.numbers["MACD"] > vote.numbers["signal line"]
    assert "above its signal line" in vote.reason


def test_a_macd_cross_in_the_newest_session_counts_at_least_sixty_percent() -> None:
    close = np.concatenate([np.linspace(100.0, 200.0, 350), [195.0]])
    vote = signals.macd_vote("MACD", bars_of(close), SETTINGS)
    assert vote.score is not None
    assert vote.score <= -0.6
    assert "cross in the newest session" in vote.reason


def test_the_sma_cross_names_a_golden_cross_and_how_long_ago_it_was() -> None:
    close = np.concatenate([np.linspace(200.0, 100.0, 300), np.linspace(100.0, 180.0, 120)])
    ends = range(301, 421)
    votes = [signals.sma_cross_vote("SMA", bars_of(close[:end]), SETTINGS) for end in ends]
    first_buy = next(i for i, vote in enumerate(votes) if vote.word == "BUY")
    assert votes[first_buy - 1].word == "SELL"
    assert "golden cross in the newest session" in votes[first_buy].reason
    assert "golden cross 3 sessions ago" in votes[first_buy + 3].reason
    assert votes[first_buy].score == 0.6


def test_a_wide_gap_between_the_averages_is_a_full_vote() -> None:
    vote = signals.sma_cross_vote("SMA", bars_of(np.linspace(50.0, 200.0, 400)), SETTINGS)
    assert vote.score == 1.0
    assert "cross" not in vote.reason


def test_rsi_and_kdj_vote_to_buy_after_a_fall_and_to_sell_after_a_rise() -> None:
    quiet = 100.0 + 0.1 * (np.arange(380) % 2)
    falling = np.concatenate([quiet, 100.0 - 2.0 * np.arange(1, 21)])
    rising = np.concatenate([quiet, 100.0 + 2.0 * np.arange(1, 21)])
    fallen = signals.kdj_rsi_vote("KDJ", bars_of(falling), SETTINGS)
    risen = signals.kdj_rsi_vote("KDJ", bars_of(rising), SETTINGS)
    assert fallen.word == "BUY"
    assert "oversold" in fallen.reason
    assert risen.word == "SELL"
    assert "overbought" in risen.reason


def test_a_close_two_deviations_below_its_mean_votes_for_a_return() -> None:
    close = np.concatenate([wave(380), np.tile([100.0, 101.0], 10), [97.0]])
    vote = signals.z_score_vote("z", bars_of(close), SETTINGS)
    window = close[-20:]
    assert vote.numbers["z-score"] == pytest.approx((97.0 - window.mean()) / window.std())
    assert vote.word == "BUY"


def test_a_close_near_its_mean_holds() -> None:
    vote = signals.z_score_vote("z", bars_of(np.tile([100.0, 101.0], 200)), SETTINGS)
    assert vote.word == "HOLD"
    assert "within 2" in vote.reason


@pytest.mark.parametrize("price", [50.0, 0.1, 98_765.4321])
def test_a_price_that_never_moved_makes_every_signal_abstain_with_a_reason(price: float) -> None:
    flat = bars_of(np.full(400, price), half_range=0.0)
    votes = [signal.rule(signal.name, flat, SETTINGS) for signal in signals_of(SETTINGS)]
    assert [vote.score for vote in votes] == [None] * 4
    assert all("did not move" in vote.reason for vote in votes)


def test_a_price_that_stopped_moving_silences_what_looks_at_that_window_only() -> None:
    stopped = bars_of(np.concatenate([wave(300), np.full(60, 100.0)]), half_range=0.0)
    votes = {signal.name: signal.rule(signal.name, stopped, SETTINGS) for signal in signals_of(SETTINGS)}
    assert votes["SMA cross 50/200"].score is not None
    assert votes["Mean reversion z-score 20"].score is None
    assert votes["KDJ 9/3/3 and RSI 14"].score is None


def test_a_missing_number_makes_the_signals_abstain_instead_of_guessing() -> None:
    close = wave()
    close[-5] = math.nan
    votes = [signal.rule(signal.name, bars_of(close), SETTINGS) for signal in signals_of(SETTINGS)]
    assert [vote.score for vote in votes if not vote.name.startswith("KDJ")] == [None] * 3
    assert all("missing" in vote.reason for vote in votes)


def test_kdj_speaks_alone_when_the_closes_of_the_rsi_stand_still() -> None:
    close = np.concatenate([wave(380), np.full(20, 100.0)])
    vote = signals.kdj_rsi_vote("KDJ", bars_of(close), SETTINGS)
    assert "RSI" not in vote.numbers
    assert "RSI abstains" in vote.reason
    assert vote.score is not None


def test_votes_survive_being_recorded_as_json() -> None:
    for signal in signals_of(SETTINGS):
        vote = signal.rule(signal.name, bars_of(wave()), SETTINGS)
        assert Vote.model_validate_json(vote.model_dump_json()) == vote


def test_signals_are_named_by_their_periods_and_depend_on_their_own_settings_only() -> None:
    settings = TechnicalRulesSettings(macd_fast=8, macd_slow=21, macd_signal=5, z_period=30)
    names = [signal.name for signal in signals_of(settings)]
    assert names == ["MACD 8/21/5", "SMA cross 50/200", "KDJ 9/3/3 and RSI 14", "Mean reversion z-score 30"]
    assert set(signals_of(settings)[3].parameters) == {"z_period", "z_entry", "z_weight"}
