"""Debate numbers: indicators computed here from daily bars, so that models only put them into words."""

# ruff: noqa: PLC0415 - TA-Lib loads pandas and polars, more than a second; the catalogue must not wait for it

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts.experts import Bars

Series = NDArray[np.float64]

YEAR = 252
MONTH = 21
UNITS = MappingProxyType(
    {
        "returns and drawdown": "percent of the price",
        "volatility": "percent a year",
        "position_in_52w_range": "0 at the lowest close of 252 sessions, 1 at the highest",
        "prices, averages, MACD and ATR": "units of the currency",
    }
)


def numbers_of(bars: Bars) -> dict[str, float]:
    """Return the newest value of each number by name, see UNITS; one that cannot be computed is left out.

    RSI and ATR are Wilder's (1978), MACD is Appel's (12, 26, 9); volatility is the standard deviation of 20 daily
    logarithmic returns, annualised with 252 sessions; drawdown is measured from the highest close of 252 sessions.
    """
    close, year = bars.close, bars.close[-YEAR:]
    newest, low, high = float(close[-1]), float(year.min()), float(year.max())
    usual_volume = float(bars.volume[-20:].mean())
    found = {name: float(compute(bars)[-1]) for name, compute in INDICATORS.items()}
    found |= {f"return_{sessions}d": _return(close, sessions) for sessions in (1, 5, MONTH, 63, YEAR)}
    found |= {
        "open": float(bars.open[-1]),
        "high_52w": high,
        "low_52w": low,
        "position_in_52w_range": (newest - low) / (high - low) if high > low else math.nan,
        "drawdown": 100 * (newest / high - 1) if high > 0 else math.nan,
        "volume_to_20d_average": float(bars.volume[-1]) / usual_volume if usual_volume > 0 else math.nan,
    }
    return {"close": newest} | {name: float(f"{value:.6g}") for name, value in found.items() if math.isfinite(value)}


def _ta(name: str, *series: str, line: int | None = None, **periods: int) -> Callable[[Bars], Series]:
    def compute(bars: Bars) -> Series:
        import talib

        result: Any = getattr(talib, name)(*(getattr(bars, one) for one in series), **periods)
        return np.asarray(result if line is None else result[line])

    return compute


def _volatility(bars: Bars) -> Series:
    import talib

    with np.errstate(divide="ignore", invalid="ignore"):
        daily = np.diff(np.log(bars.close))
    if len(daily) < 20:
        return np.full(len(bars), math.nan)
    deviation = np.asarray(talib.STDDEV(daily, timeperiod=20)) * math.sqrt(20 / 19)
    return np.concatenate(([math.nan], 100 * math.sqrt(YEAR) * deviation))


INDICATORS: Mapping[str, Callable[[Bars], Series]] = MappingProxyType(
    {
        "sma_20": _ta("SMA", "close", timeperiod=20),
        "sma_50": _ta("SMA", "close", timeperiod=50),
        "sma_200": _ta("SMA", "close", timeperiod=200),
        "ema_12": _ta("EMA", "close", timeperiod=12),
        "rsi_14": _ta("RSI", "close", timeperiod=14),
        "macd": _ta("MACD", "close", line=0, fastperiod=12, slowperiod=26, signalperiod=9),
        "macd_signal": _ta("MACD", "close", line=1, fastperiod=12, slowperiod=26, signalperiod=9),
        "macd_histogram": _ta("MACD", "close", line=2, fastperiod=12, slowperiod=26, signalperiod=9),
        "atr_14": _ta("ATR", "high", "low", "close", timeperiod=14),
        "volatility_20d": _volatility,
    }
)


def _return(close: Series, sessions: int) -> float:
    if len(close) <= sessions or not close[-1 - sessions] > 0:
        return math.nan
    return 100 * (float(close[-1]) / float(close[-1 - sessions]) - 1)
