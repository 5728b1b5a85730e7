"""Symbol chart: prices with a marker for each expert's recommendation; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ba2_trade_platform.core.contracts.experts import Bars
from ba2_trade_platform.core.instruments.symbol_pages import Answered
from ba2_trade_platform.ui.analysis.price_chart import chart_options
from ba2_trade_platform.ui.kit.bar_chart import BAD, GOOD, LINE, MUTED, STEADY, TEXT

RANGES = {60: "3 months", 120: "6 months", 250: "1 year", 1_000: "4 years"}
STYLES = {"candles": "Candles", "line": "Line"}
# Shape and place say it too, never the colour alone: BUY points up from below, SELL down from above.
SHAPES: dict[str, tuple[str, int, str, int]] = {
    "BUY": ("triangle", 0, GOOD, 12),
    "SELL": ("triangle", 180, BAD, -12),
    "HOLD": ("circle", 0, MUTED, -12),
    "REVIEW": ("diamond", 0, "var(--ba2-warn)", -12),
}


@dataclass(frozen=True)
class Marked:
    """A chart's options, with the analyses behind its markers by (series, place), and how many are too old for it."""

    options: dict[str, Any]
    analyses: dict[tuple[int, int], int]
    older: int


def symbol_chart(bars: Bars, answers: Sequence[Answered], style: str) -> Marked:
    """Return the chart of these bars with a series of markers for each expert."""
    options = chart_options(bars, ())
    if style == "line":
        options["series"][0] = _line(bars)
    options["tooltip"] = {**options["tooltip"], "trigger": "item", "axisPointer": {"type": "none"}}
    options["grid"] = {**options["grid"], "top": 34}
    placed = [(bisect_right(bars.closed_at, answer.as_of) - 1, answer) for answer in answers]
    shown = [(place, answer) for place, answer in placed if place >= 0]
    series, taken = options["series"], Counter[tuple[int, bool]]()
    analyses: dict[tuple[int, int], int] = {}
    for expert in sorted({answer.expert for _, answer in shown}):
        own = [(place, answer) for place, answer in shown if answer.expert == expert]
        analyses |= {(len(series), number): answer.analysis_id for number, (_, answer) in enumerate(own)}
        series.append(_markers(expert, [_point(bars, place, answer, taken) for place, answer in own]))
    names = [one["name"] for one in series[1:]]
    options["legend"] = {
        "data": names, "top": 2, "left": 50, "type": "scroll", "icon": "circle", "itemWidth": 8,
        "textStyle": {"color": TEXT, "fontSize": 12}, "inactiveColor": LINE,
    }  # fmt: skip
    return Marked(options, analyses, len(placed) - len(shown))


def _line(bars: Bars) -> dict[str, Any]:
    return {
        "name": bars.symbol,
        "type": "line",
        "data": [round(float(close), 4) for close in bars.close],
        "showSymbol": False,
        **STEADY,
        "lineStyle": {"color": "var(--ba2-accent)", "width": 1.5},
        "itemStyle": {"color": "var(--ba2-accent)"},
    }


def _markers(expert: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": expert,
        "type": "scatter",
        "symbolSize": 12,
        "cursor": "pointer",
        **STEADY,
        "z": 5,
        "itemStyle": {"color": TEXT},
        "tooltip": {"formatter": "{b}"},
        "data": points,
    }


def _point(bars: Bars, place: int, answer: Answered, taken: Counter[tuple[int, bool]]) -> dict[str, Any]:
    shape, turned, colour, away = SHAPES[answer.action.value]
    below = away > 0
    stacked = taken[place, below]
    taken[place, below] += 1
    price = bars.low[place] if below else bars.high[place]
    return {
        "name": point_words(answer),
        "value": [str(bars.sessions[place]), round(float(price), 4)],
        "symbol": shape,
        "symbolRotate": turned,
        "symbolOffset": [0, away * (1 + stacked)],
        "itemStyle": {"color": colour, "borderColor": "var(--ba2-panel)", "borderWidth": 1},
    }


def point_words(answer: Answered) -> str:
    """Say what an expert recommended, for the tooltip."""
    price = f" at {answer.price:,.2f}" if answer.price is not None else ""
    said = f"{answer.action.value} {answer.confidence:.0f} % by {answer.expert}{price}"
    return f"{said}, {answer.as_of:%Y-%m-%d}, analysis {answer.analysis_id}"
