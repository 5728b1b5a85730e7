"""Analyst tools: read this attempt's material and nothing else, whichever arguments a model sends.

No tool takes a symbol or reaches past the material, which ends at `as_of`: there is nothing to widen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from ba2_trade_platform.experts.debate_desk.material import Material
from ba2_trade_platform.experts.debate_desk.numbers import INDICATORS
from ba2_trade_platform.experts.debate_desk.prompts import GUARD, quoted

Tool = tuple[str, str, type[BaseModel], Any]  # name, description, arguments, and how it reads
MOST_SESSIONS = 60
MOST_ITEMS = 20
Indicator = Literal[
    "sma_20",
    "sma_50",
    "sma_200",
    "ema_12",
    "rsi_14",
    "macd",
    "macd_signal",
    "macd_histogram",
    "atr_14",
    "volatility_20d",
]


class Sessions(BaseModel):
    """Which sessions to read."""

    sessions: int = Field(20, ge=1, le=MOST_SESSIONS, description="How many sessions, newest last")
    until: date | None = Field(None, description="The last session to read; empty is the newest there is")


class IndicatorSessions(Sessions):
    """Which indicator to read, and when."""

    name: Indicator = Field(description="The indicator")


class Items(BaseModel):
    """What to look for in texts."""

    containing: str = Field("", max_length=100, description="Only those with this word; empty gives all")
    limit: int = Field(10, ge=1, le=MOST_ITEMS, description="How many, newest first")


def tools_for(role: str, material: Material) -> list[BaseTool]:
    """Return the tools of one analyst: prices for all, and what this role reads."""
    return [_tool(material, *tool) for tool in (PRICES, OF_ROLE[role])]


def _tool(material: Material, name: str, description: str, arguments: type[BaseModel], read: Any) -> BaseTool:
    async def answer(**given: Any) -> str:
        return f"{GUARD}\n{quoted(read(material, arguments.model_validate(given)))}"

    text = f"{description} Of {material.symbol} only, up to {material.bars.sessions[-1]}."
    return StructuredTool.from_function(coroutine=answer, name=name, description=text, args_schema=arguments)


def _prices(material: Material, asked: Sessions) -> list[dict[str, Any]]:
    bars = material.bars
    return [
        {
            "session": str(bars.sessions[i]),
            **{column: round(float(getattr(bars, column)[i]), 4) for column in ("open", "high", "low", "close")},
            "volume": round(float(bars.volume[i])),
        }
        for i in _places(material, asked)
    ]


def _indicator(material: Material, asked: IndicatorSessions) -> list[dict[str, Any]]:
    values = INDICATORS[asked.name](material.bars)
    return [
        {"session": str(material.bars.sessions[i]), asked.name: float(f"{values[i]:.6g}")}
        for i in _places(material, asked)
        if math.isfinite(values[i])
    ]


def _places(material: Material, asked: Sessions) -> range:
    sessions = material.bars.sessions
    end = len(sessions)
    if asked.until is not None:
        end = sum(session <= asked.until for session in sessions)
    return range(max(0, end - asked.sessions), end)


def _search(what: str) -> Any:
    def found(material: Material, asked: Items) -> list[dict[str, Any]]:
        word = asked.containing.casefold()
        items = [dict(item) for item in getattr(material, what)]
        fitting = [item for item in items if word in " ".join(map(str, item.values())).casefold()]
        return fitting[: asked.limit]

    return found


PRICES: Tool = ("price_history", "Daily open, high, low, close and volume.", Sessions, _prices)
OF_ROLE: Mapping[str, Tool] = {
    "technical": ("indicator", "An indicator's values on past sessions.", IndicatorSessions, _indicator),
    "news": ("news", "The articles, searched by a word.", Items, _search("articles")),
    "sentiment": ("posts", "The posts of investors, searched by a word.", Items, _search("posts")),
    "fundamentals": ("reported_figures", "What the company reported, by a word.", Items, _search("figures")),
}
