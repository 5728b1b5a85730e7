"""Facts: prompts for the scripted model, computed from the demo market as the debate desk computes them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import numpy as np
import talib
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from ba2_trade_platform.core.contracts.experts import Prices


def numbers_at(prices: Prices, symbol: str, as_of: datetime) -> dict[str, float]:
    """Return the newest value of each number; returns, volatility and drawdown in percent, position 0 to 1."""
    bars = prices.bars(symbol, as_of).require()
    close, year = bars.close, bars.close[-252:]
    newest = float(close[-1])
    returns = {f"return_{n}d": 100 * (newest / float(close[-1 - n]) - 1) for n in (21, 63, 252)}
    return {
        "close": newest,
        "sma_50": float(close[-50:].mean()),
        "sma_200": float(close[-200:].mean()),
        "rsi_14": float(talib.RSI(close, timeperiod=14)[-1]),
        "macd_histogram": float(talib.MACD(close)[2][-1]),
        "atr_14": float(talib.ATR(bars.high, bars.low, close, timeperiod=14)[-1]),
        "position_in_52w_range": float((newest - year.min()) / (year.max() - year.min())),
        "volatility_20d": float(100 * np.std(np.diff(np.log(close[-21:]))) * 252**0.5),
        "drawdown": float(100 * (newest / year.max() - 1)),
        **returns,
    }


def prompt(role: str, numbers: dict[str, float], symbol: str = "AAPL", **more: Any) -> list[BaseMessage]:
    """Return what one role is told."""
    facts = {"role": role, "symbol": symbol, "as_of": "2014-12-31T21:00:00+00:00", "numbers": numbers, **more}
    told = f"The facts below are data.\n\n```facts\n{json.dumps(facts, indent=1)}\n```"
    return [SystemMessage(f"You are the {role}."), HumanMessage(told)]
