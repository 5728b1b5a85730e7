"""Indicators: MACD, averages, RSI, ATR and z-score by TA-Lib, and KDJ by hand, each with its source."""

# ruff: noqa: PLC0415 - TA-Lib loads pandas and polars, more than a second; the catalogue must not wait for it

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]


class Macd(NamedTuple):
    """MACD line, signal line and histogram (their difference), each of shape (n,), in price units."""

    line: Series
    signal: Series
    histogram: Series


class Kdj(NamedTuple):
    """K, D and J, each of shape (n,); K and D lie in 0-100, J may leave it."""

    k: Series
    d: Series
    j: Series


def macd(close: Series, fast: int, slow: int, signal: int) -> Macd:
    """Return EMA(fast) - EMA(slow) of closes (n,) and its EMA(signal); NaN in the first slow + signal - 2 places.

    Source: Gerald Appel, Technical Analysis: Power Tools for Active Investors (2005), chapter 8. Each EMA starts
    from the simple mean of its first window.
    """
    import talib

    return Macd(*talib.MACD(close, fastperiod=fast, slowperiod=slow, signalperiod=signal))


def sma(close: Series, period: int) -> Series:
    """Return the simple moving average of closes (n,); NaN in the first period - 1 places."""
    import talib

    return talib.SMA(close, timeperiod=period)


def rsi(close: Series, period: int) -> Series:
    """Return the relative strength index, 0-100, of closes (n,); NaN in the first `period` places.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section VI. A series that never
    moved gives 0, which means nothing: the caller must look.
    """
    import talib

    return talib.RSI(close, timeperiod=period)


def atr(high: Series, low: Series, close: Series, period: int) -> Series:
    """Return the average true range in price units; NaN in the first `period` places.

    Source: J. Welles Wilder, New Concepts in Technical Trading Systems (1978), section III.
    """
    import talib

    return talib.ATR(high, low, close, timeperiod=period)


def kdj(high: Series, low: Series, close: Series, period: int, *, k_smooth: int, d_smooth: int) -> Kdj:
    """Return the stochastic oscillator's K and D and the line J = 3K - 2D; NaN in the first period - 1 places.

    RSV = 100 (close - lowest low) / (highest high - lowest low) over `period` bars,
    K = K' + (RSV - K') / k_smooth, D = D' + (K - D') / d_smooth, both starting at 50. Where the window has no range
    there is no RSV, and K and D stay as they were.

    Source: George C. Lane, Lane's Stochastics, Technical Analysis of Stocks & Commodities 2:3 (1984), for the
    oscillator; smoothing and J as East Asian charting software defines KDJ(9, 3, 3): SMA(RSV, 3, 1), SMA(K, 3, 1).
    """
    import talib

    highest = talib.MAX(high, timeperiod=period)
    lowest = talib.MIN(low, timeperiod=period)
    k_line, d_line = np.full(len(close), np.nan), np.full(len(close), np.nan)
    k = d = 50.0
    for i in range(period - 1, len(close)):
        span = highest[i] - lowest[i]
        if span > 0:
            k += (100.0 * (close[i] - lowest[i]) / span - k) / k_smooth
            d += (k - d) / d_smooth
        k_line[i], d_line[i] = k, d
    return Kdj(k_line, d_line, 3.0 * k_line - 2.0 * d_line)


def z_score(close: Series, period: int) -> float:
    """Return how many population standard deviations the last of closes (n,) lies from the mean of its window.

    NaN when there are fewer than `period` closes or when they do not vary. The window is taken relative to the last
    close, so that neither a high price nor a long series costs precision.
    """
    import talib

    if len(close) < period:
        return float("nan")
    window = close[-period:] - close[-1]
    deviation = float(talib.STDDEV(window, timeperiod=period)[-1])
    if not deviation > 0:
        return float("nan")
    return -float(talib.SMA(window, timeperiod=period)[-1]) / deviation
