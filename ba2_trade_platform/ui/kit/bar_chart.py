"""Bar chart: ECharts as SVG in the page's colours, every bar a link, and the parts that other charts share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from nicegui import ui
from nicegui.events import EChartPointClickEventArguments

from ba2_trade_platform.ui.kit.panels import quiet

TEXT, MUTED, LINE, GOOD, BAD, PANEL = (
    f"var(--ba2-{name})" for name in ("text", "muted", "line", "good", "bad", "panel")
)
# ECharts lightens what is pointed at, but no colour that is a CSS variable: it would vanish, and clicks with it.
STEADY: dict[str, Any] = {"emphasis": {"disabled": True}}
ROW_HEIGHT = 24
LABEL_LENGTH = 30
SPARK_BAR, SPARK_GAP, SPARK_HEIGHT = 3, 1, 18


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
    label = {"show": True, "position": "right", "formatter": "{b}", "color": MUTED, "fontSize": 11}
    names = name_axis([short(bar.name) for bar in bars], color=TEXT, width=180, overflow="truncate")
    return {
        **common(),
        "media": [{"query": {"maxWidth": 420}, "option": narrow}, {"option": {}}],
        "grid": {"left": 190, "right": room, "top": 6, "bottom": 24},
        "xAxis": value_axis(form),
        "yAxis": {**names, "inverse": True},
        "series": [_series(bars, label=label, minBarLength=2)],
    }


def _upright(bars: Sequence[Bar]) -> dict[str, Any]:
    return {
        **common(),
        "grid": {"left": 36, "right": 8, "top": 8, "bottom": 24},
        "xAxis": name_axis([bar.name for bar in bars], hideOverlap=True),
        "yAxis": {**value_axis(), "minInterval": 1},
        "series": [_series(bars)],
    }


def common(**tooltip: Any) -> dict[str, Any]:
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
            **tooltip,
        },
    }


def name_axis(names: Sequence[str], **label: Any) -> dict[str, Any]:
    """Return an axis of names."""
    return {
        "type": "category",
        "data": names,
        "axisLine": {"lineStyle": {"color": LINE}},
        "axisTick": {"show": False},
        "axisLabel": {"color": MUTED, "fontSize": 11, **label},
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


def sparkline(hours: Sequence[int]) -> None:
    """Draw a day's counts in one element, the newest last; a count that is not zero is always to be seen."""
    total, most, step = sum(hours), max(hours, default=0), SPARK_BAR + SPARK_GAP
    bars = [
        f"linear-gradient(currentColor, currentColor) {place * step}px 100% / "
        f"{SPARK_BAR}px {max(2, round(SPARK_HEIGHT * count / most))}px"
        for place, count in enumerate(hours)
        if count
    ]
    element = ui.element("span").classes("ba2-spark").style(f"width: {len(hours) * step - SPARK_GAP}px")
    if bars:
        element.style(f"background: {', '.join(bars)}; background-repeat: no-repeat")
    said = f"{total:,} in {len(hours)} hours, {most:,} in the worst of them" if total else f"none in {len(hours)} hours"
    element.props["title"] = element.props["aria-label"] = said
    element.props["role"] = "img"
