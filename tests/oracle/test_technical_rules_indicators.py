"""Indicators: held against their published formulas, written out here again in plain Python, on real prices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from statistics import fmean, pstdev

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.experts import Bars
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.experts.technical_rules import indicators

WARM_UP = 300
SYMBOLS = ["AAPL", "AMD", "CERN", "COST", "DELL", "GPS", "INTC", "MMM", "MSFT"]


@pytest.fixture(scope="module")
def market() -> DemoMarket:
    return DemoMarket()


@pytest.fixture(params=SYMBOLS)
def bars(request: pytest.FixtureRequest, market: DemoMarket) -> Bars:
    return market.bars(request.param, market.instant_of(date(2013, 6, 3)))


def ema(values: Sequence[float], period: int) -> list[float]:
    """Return the exponential mean with weight 2 / (period + 1), started from the first value."""
    smoothed = [values[0]]
    for value in values[1:]:
        smoothed.append(smoothed[-1] + 2 / (period + 1) * (value - smoothed[-1]))
    return smoothed


def wilder(values: Sequence[float], period: int) -> list[float]:
    """Return Wilder's mean: the plain mean of the first `period` values, then 1 / period of each new one."""
    smoothed = [fmean(values[:period])]
    for value in values[period:]:
        smoothed.append((smoothed[-1] * (period - 1) + value) / period)
    return smoothed


def test_macd_is_the_difference_of_two_exponential_means_and_the_signal_line_its_own(bars: Bars) -> None:
    close = bars.close.tolist()
    line = [fast - slow for fast, slow in zip(ema(close, 12), ema(close, 26), strict=True)]
    signal = ema(line, 9)
    computed = indicators.macd(bars.close, 12, 26, 9)
    np.testing.assert_allclose(computed.line[WARM_UP:], line[WARM_UP:], atol=1e-7 * max(close))
    np.testing.assert_allclose(computed.signal[WARM_UP:], signal[WARM_UP:], atol=1e-7 * max(close))
    np.testing.assert_allclose(
        computed.histogram[WARM_UP:], (np.array(line) - signal)[WARM_UP:], atol=1e-7 * max(close)
    )


@pytest.mark.parametrize("period", [50, 200])
def test_sma_is_the_mean_of_its_window(bars: Bars, period: int) -> None:
    expected = [fmean(bars.close[i + 1 - period : i + 1]) for i in range(WARM_UP, len(bars))]
    computed = indicators.sma(bars.close, period)
    np.testing.assert_allclose(computed[WARM_UP:], expected, rtol=1e-9)
    assert np.isnan(computed[: period - 1]).all()


def test_rsi_is_the_share_of_wilders_mean_gain(bars: Bars) -> None:
    changes = np.diff(bars.close).tolist()
    gains = wilder([max(change, 0.0) for change in changes], 14)
    losses = wilder([max(-change, 0.0) for change in changes], 14)
    expected = [100 * gain / (gain + loss) for gain, loss in zip(gains, losses, strict=True)]
    computed = indicators.rsi(bars.close, 14)
    np.testing.assert_allclose(computed[14:], expected, atol=1e-8)
    assert np.isnan(computed[:14]).all()


def test_atr_is_wilders_mean_of_the_true_range(bars: Bars) -> None:
    ranges = [
        max(high, before) - min(low, before)
        for high, low, before in zip(bars.high[1:], bars.low[1:], bars.close[:-1], strict=True)
    ]
    computed = indicators.atr(bars.high, bars.low, bars.close, 14)
    np.testing.assert_allclose(computed[14:], wilder(ranges, 14), rtol=1e-9)


def test_kdj_is_the_stochastic_smoothed_twice_by_a_third_and_j_runs_ahead_of_both(bars: Bars) -> None:
    k, d = [50.0], [50.0]
    for i in range(8, len(bars)):
        lowest, highest = min(bars.low[i - 8 : i + 1]), max(bars.high[i - 8 : i + 1])
        k.append(2 / 3 * k[-1] + 1 / 3 * 100 * (bars.close[i] - lowest) / (highest - lowest))
        d.append(2 / 3 * d[-1] + 1 / 3 * k[-1])
    computed = indicators.kdj(bars.high, bars.low, bars.close, 9, k_smooth=3, d_smooth=3)
    np.testing.assert_allclose(computed.k[8:], k[1:], atol=1e-9)
    np.testing.assert_allclose(computed.d[8:], d[1:], atol=1e-9)
    np.testing.assert_allclose(computed.j[8:], [3 * a - 2 * b for a, b in zip(k[1:], d[1:], strict=True)], atol=1e-9)
    assert np.isnan(computed.j[:8]).all()


def test_the_z_score_is_the_distance_from_the_mean_in_population_deviations(bars: Bars) -> None:
    for end in range(WARM_UP, len(bars), 37):
        window = bars.close[end - 20 : end].tolist()
        expected = (window[-1] - fmean(window)) / pstdev(window)
        assert indicators.z_score(bars.close[:end], 20) == pytest.approx(expected, rel=1e-6)


def test_the_z_score_of_a_tenth_move_on_a_high_price_keeps_its_precision() -> None:
    window = [1_000_000.0 + 0.1 * (i % 2) for i in range(19)] + [1_000_000.3]
    expected = (window[-1] - fmean(window)) / pstdev(window)
    assert indicators.z_score(np.array([5.0] * 600 + window), 20) == pytest.approx(expected, rel=1e-6)


def test_the_average_true_range_of_a_hand_worked_week() -> None:
    high = np.array([10.0, 12.0, 13.0, 12.5])
    low = np.array([9.0, 10.0, 11.0, 9.5])
    close = np.array([9.5, 11.5, 11.0, 10.0])
    # True ranges 2.5 (gap up from 9.5), 2.0 and 3.0; the first mean is 2.25, then (2.25 + 3.0) / 2.
    assert indicators.atr(high, low, close, 2)[2:].tolist() == [2.25, 2.625]


def test_the_kdj_of_a_hand_worked_close_at_the_top_of_its_range() -> None:
    flat = np.array([10.0, 10.0, 11.0])
    lines = indicators.kdj(flat, flat - 1.0, flat, 3, k_smooth=3, d_smooth=3)
    # RSV 100: K = 50 + 50 / 3, D = 50 + (K - 50) / 3, J = 3K - 2D.
    assert [lines.k[-1], lines.d[-1], lines.j[-1]] == pytest.approx([200 / 3, 500 / 9, 800 / 9])


def test_kdj_keeps_its_lines_while_the_window_has_no_range() -> None:
    price = np.array([10.0, 10.5, 11.0, 11.0, 11.0, 11.0])
    lines = indicators.kdj(price, price, price, 3, k_smooth=3, d_smooth=3)
    assert lines.k[-1] == lines.k[-2]
    assert lines.d[-1] == lines.d[-2]
    assert math.isfinite(lines.j[-1])


def test_a_z_score_without_variance_or_without_enough_closes_is_not_a_number() -> None:
    assert math.isnan(indicators.z_score(np.full(40, 12.34), 20))
    assert math.isnan(indicators.z_score(np.arange(19.0), 20))
