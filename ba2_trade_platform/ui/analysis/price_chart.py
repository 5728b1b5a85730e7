"""Price chart: candlesticks as SVG in the page's colours, so that it follows dark and light."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, NamedTuple

from nicegui import ui

from ba2_trade_platform.core.contracts.experts import MAX_STALE_SESSIONS, Bars, ExpertError, Prices
from ba2_trade_platform.core.monitoring.details import Recommendation
from ba2_trade_platform.ui.kit.bar_chart import BAD, GOOD, STEADY, TEXT, chart_room, common, name_axis, value_axis
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, quiet

SESSIONS = 120
PLOT_HEIGHT = 210
LABEL_HEIGHT = 15
MARK_COLOURS = {"target": GOOD, "stop": BAD, "answer": TEXT}


class Mark(NamedTuple):
    """A horizontal line with its words; `kind` is target, stop or answer."""

    kind: str
    words: str
    price: float


class Wanted(NamedTuple):
    """What a chart is to show."""

    symbol: str
    as_of: datetime
    marks: tuple[Mark, ...]


def marks_of(given: Recommendation | None) -> tuple[Mark, ...]:
    """Return the lines that a recommendation draws."""
    if given is None:
        return ()
    lines = (
        ("target", "Target", given.target_price),
        ("answer", given.action.value, given.price_at_date),
        ("stop", "Stop", given.stop_price),
    )
    return tuple(Mark(kind, f"{word} {price:,.2f}", float(price)) for kind, word, price in lines if price is not None)


class PriceChart:
    """Reads bars off the loop and draws them; says quietly why when there is nothing to draw."""

    def __init__(self, panel: Panel, prices: Prices) -> None:
        self._panel, self._prices = panel, prices
        self._wanted: Wanted | None = None
        with panel.body:
            chart_room("ba2-chart")

    async def show(self, symbol: str, as_of: datetime | None, given: Recommendation | None) -> None:
        """Draw the last sessions up to `as_of`, the market's now when None, unless they stand there already."""
        wanted = Wanted(symbol, as_of or self._prices.clock.now(), marks_of(given))
        if wanted == self._wanted:
            return
        self._wanted = wanted
        with reporting():
            drawn = await off_loop(self._read, wanted)
            if wanted == self._wanted and not self._panel.element.is_deleted:
                self._panel.show((wanted, drawn), lambda data: _draw(*data))

    def _read(self, wanted: Wanted) -> tuple[dict[str, Any], str] | str:
        try:
            bars = self._prices.bars(wanted.symbol, wanted.as_of, SESSIONS)
        except ExpertError as error:
            return f"No chart: {error}"
        if not len(bars):
            return f"No chart: {wanted.symbol} has no bars on or before {wanted.as_of:%Y-%m-%d}."
        return chart_options(bars, wanted.marks), caption(bars)


def _draw(wanted: Wanted, drawn: tuple[dict[str, Any], str] | str) -> None:
    if isinstance(drawn, str):
        quiet(drawn)
        return
    options, words = drawn
    marks = "".join(f", {mark.words}" for mark in wanted.marks)
    chart = ui.echart(options, renderer="svg").classes("ba2-chart").props("role=img")
    chart.props["aria-label"] = f"Candlestick chart of {wanted.symbol}: {words}{marks}"
    quiet(words).classes("ba2-small")


def caption(bars: Bars) -> str:
    """Say what is drawn, and that it is old when it is."""
    last = f"{bars.close[-1]:,.2f} {bars.currency}"
    text = f"{len(bars)} sessions to {bars.sessions[-1]}, last close {last}, split-adjusted"
    if bars.sessions_missing > MAX_STALE_SESSIONS and not bars.calendar_ends:
        text += f"; {bars.sessions_missing} sessions are missing since"
    elif bars.staleness:
        text += f"; {bars.staleness}"
    return text


def chart_options(bars: Bars, marks: tuple[Mark, ...]) -> dict[str, Any]:
    """Return ECharts' options: green up, red down, and the marks as labelled lines within sight."""
    columns = (bars.open, bars.close, bars.low, bars.high)
    candles = [
        [round(float(value), 4) if math.isfinite(value) else None for value in row]
        for row in zip(*columns, strict=True)
    ]
    known = [value for row in candles for value in row if value is not None] + [mark.price for mark in marks]
    low, high, step = nice_bounds(min(known), max(known))
    cross = {"type": "cross", "label": {"show": False}}
    return {
        **common(trigger="axis", formatter=None, axisPointer=cross),
        "grid": {"left": 52, "right": 92 if marks else 16, "top": 10, "bottom": 30},
        "xAxis": name_axis([str(session) for session in bars.sessions], hideOverlap=True, margin=13),
        "yAxis": {**value_axis(), "min": low, "max": high, "interval": step},
        "series": [
            {
                "name": bars.symbol,
                "type": "candlestick",
                "data": candles,
                "itemStyle": {"color": GOOD, "color0": BAD, "borderColor": GOOD, "borderColor0": BAD},
                **STEADY,
                **_marked(str(bars.sessions[-1]), marks, PLOT_HEIGHT / (high - low)),
            }
        ],
    }


def _marked(session: str, marks: tuple[Mark, ...], pixels_per_unit: float) -> dict[str, Any]:
    lines = [
        {
            "yAxis": mark.price,
            "lineStyle": {"color": MARK_COLOURS[mark.kind], "type": "dashed" if mark.kind == "answer" else "solid"},
            "label": {
                "formatter": mark.words,
                "color": MARK_COLOURS[mark.kind],
                "position": "end",
                "fontSize": 11,
                "offset": [0, shift],
            },
        }
        for mark, shift in zip(marks, label_shifts([mark.price for mark in marks], pixels_per_unit), strict=True)
    ]
    points = [
        {"coord": [session, mark.price], "symbol": "circle", "symbolSize": 9, "label": {"show": False}}
        for mark in marks
        if mark.kind == "answer"
    ]
    return {
        "markLine": {"silent": True, "symbol": "none", "animation": False, "data": lines},
        "markPoint": {"silent": True, "animation": False, "itemStyle": {"color": TEXT}, "data": points},
    }


def label_shifts(prices: list[float], pixels_per_unit: float) -> list[float]:
    """Return by how many pixels each label moves down so that no two cover each other."""
    shifts = [0.0] * len(prices)
    lowest = -math.inf
    for index in sorted(range(len(prices)), key=lambda index: -prices[index]):
        place = -prices[index] * pixels_per_unit
        lowest = max(place, lowest + LABEL_HEIGHT)
        shifts[index] = round(lowest - place, 1)
    return shifts


def nice_bounds(low: float, high: float) -> tuple[float, float, float]:
    """Return round axis bounds around [low, high], and the step between their four to eight lines."""
    span = (high - low) or abs(high) or 1.0
    rough = span / 5
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough)
    digits = max(0, 2 - math.floor(math.log10(step)))
    pad = span * 0.02
    return (
        round(math.floor((low - pad) / step) * step, digits),
        round(math.ceil((high + pad) / step) * step, digits),
        round(step, digits),
    )
