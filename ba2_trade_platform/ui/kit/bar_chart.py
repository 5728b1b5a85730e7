"""Bar chart: ECharts as SVG in the page's colours, every bar a link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nicegui import ui
from nicegui.events import EChartPointClickEventArguments

from ba2_trade_platform.ui.kit.panels import quiet

TEXT, MUTED, LINE, BAD, PANEL = (f"var(--ba2-{name})" for name in ("text", "muted", "line", "bad", "panel"))
# ECharts lightens what is pointed at, but no colour that is a CSS variable: it would vanish, and clicks with it.
STEADY: dict[str, Any] = {"emphasis": {"disabled": True}}
ROW_HEIGHT = 24
LABEL_LENGTH = 30


class Bar(NamedTuple):
    """One bar: its name, its length, what is written at its end, where it leads if anywhere, and its colour."""

    name: str
    value: float
    words: str
    url: str | None
    colour: str = BAD


def bar_chart(
    title: str, bars: Sequence[Bar], *, upright: bool = False, form: str = "{value} s", room: int = 76
) -> None:
    """Draw bars, lying with their names at the left, or `upright` for hours of a day.

    Lying ones have an axis in this form and `room` at their right, in pixels, for the words at their ends.
    """
    options = _upright(bars) if upright else _lying(bars, form, room)

    def follow(event: EChartPointClickEventArguments) -> None:
        url = bars[event.data_index].url
        if url:
            ui.navigate.to(url)

    chart = ui.echart(options, renderer="svg", on_point_click=follow).classes("ba2-bars").props("role=img")
    chart.props["aria-label"] = f"{title}: " + ", ".join(f"{bar.name} {bar.words}" for bar in bars if bar.value)
    chart.style(f"height: {190 if upright else 34 + ROW_HEIGHT * len(bars)}px")


def _series(bars: Sequence[Bar], **more: Any) -> dict[str, Any]:
    return {
        "type": "bar",
        "cursor": "pointer" if any(bar.url for bar in bars) else "default",
        "barMaxWidth": 14,
        **STEADY,
        "data": [
            {"value": bar.value, "name": bar.words, "itemStyle": {"color": bar.colour, "borderRadius": 2}}
            for bar in bars
        ],
        **more,
    }


def _lying(bars: Sequence[Bar], form: str, room: int) -> dict[str, Any]:
    narrow = {
        "grid": {"left": 110, "right": room + 8},
        "yAxis": {"axisLabel": {"width": 100}},
        "xAxis": {"splitNumber": 2},
    }
    return {
        **common(),
        "media": [{"query": {"maxWidth": 420}, "option": narrow}, {"option": {}}],
        "grid": {"left": 190, "right": room, "top": 6, "bottom": 24},
        "xAxis": value_axis(form),
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": [short(bar.name) for bar in bars],
            "axisLine": {"lineStyle": {"color": LINE}},
            "axisTick": {"show": False},
            "axisLabel": {"color": TEXT, "fontSize": 11, "width": 180, "overflow": "truncate"},
        },
        "series": [
            _series(
                bars,
                label={"show": True, "position": "right", "formatter": "{b}", "color": MUTED, "fontSize": 11},
                minBarLength=2,
            )
        ],
    }


def _upright(bars: Sequence[Bar]) -> dict[str, Any]:
    return {
        **common(),
        "grid": {"left": 36, "right": 8, "top": 8, "bottom": 24},
        "xAxis": {
            "type": "category",
            "data": [bar.name for bar in bars],
            "axisLine": {"lineStyle": {"color": LINE}},
            "axisTick": {"show": False},
            "axisLabel": {"color": MUTED, "fontSize": 11, "hideOverlap": True},
        },
        "yAxis": {**value_axis(), "minInterval": 1},
        "series": [_series(bars)],
    }


def common() -> dict[str, Any]:
    """Return what every chart has: our text, our hints, no movement."""
    return {
        "animation": False,
        "textStyle": {"color": TEXT, "fontFamily": "inherit"},
        "tooltip": {
            "trigger": "item",
            "formatter": "{b}",
            "backgroundColor": PANEL,
            "borderColor": LINE,
            "textStyle": {"color": TEXT, "fontSize": 12},
        },
    }


def value_axis(form: str = "{value}") -> dict[str, Any]:
    """Return an axis of numbers, written in this form."""
    return {
        "type": "value",
        "splitNumber": 4,
        "splitLine": {"lineStyle": {"color": LINE}},
        "axisLabel": {"color": MUTED, "fontSize": 11, "hideOverlap": True, "formatter": form},
    }


def short(name: str) -> str:
    """Return a name that fits beside a bar."""
    return name if len(name) <= LABEL_LENGTH else name[: LABEL_LENGTH - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def chart_room(classes: str) -> None:
    """Keep as much room as a chart will take, or what stands below would move while somebody presses it."""
    ui.element("div").classes(classes)
    quiet("\N{HORIZONTAL ELLIPSIS}").classes("ba2-small")
