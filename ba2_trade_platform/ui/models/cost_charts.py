"""Cost chart: a stacked bar a day, its layers told apart by colour and legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from ba2_trade_platform.ui.kit.bar_chart import LINE, MUTED, STEADY, TEXT, common, short, value_axis
from ba2_trade_platform.ui.models.cost_view import Stack


def day_chart(title: str, days: Sequence[str], layers: Sequence[Stack], unit: str) -> None:
    """Draw what each day took, layer upon layer."""
    chart = ui.echart(_options(days, layers, unit), renderer="svg").classes("ba2-bars").props("role=img")
    total = sum(sum(layer.values) for layer in layers)
    most = max(range(len(days)), key=lambda place: sum(layer.values[place] for layer in layers), default=0)
    chart.props["aria-label"] = f"{title}: {total:,.6g} {unit} in {len(days)} days, most on {days[most]}"
    chart.style("height: 230px")


def _options(days: Sequence[str], layers: Sequence[Stack], unit: str) -> dict[str, Any]:
    shared = common()
    return {
        **shared,
        "tooltip": {**shared["tooltip"], "trigger": "axis", "formatter": None, "axisPointer": {"type": "shadow"}},
        "legend": {
            "type": "scroll",
            "bottom": 0,
            "itemWidth": 10,
            "itemHeight": 10,
            "textStyle": {"color": TEXT, "fontSize": 11},
            "pageTextStyle": {"color": MUTED},
        },
        "grid": {"left": 64, "right": 10, "top": 24, "bottom": 52},
        "xAxis": {
            "type": "category",
            "data": [day[5:] for day in days],
            "axisLine": {"lineStyle": {"color": LINE}},
            "axisTick": {"show": False},
            "axisLabel": {"color": MUTED, "fontSize": 11, "hideOverlap": True},
        },
        "yAxis": {
            **value_axis(),
            "name": unit,
            "nameLocation": "end",
            "nameGap": 10,
            "nameTextStyle": {"color": MUTED, "fontSize": 11, "align": "right"},
        },
        "series": [
            {
                "type": "bar",
                "stack": "day",
                "name": short(layer.name),
                "barMaxWidth": 26,
                "itemStyle": {"color": layer.colour},
                **STEADY,
                "data": list(layer.values),
            }
            for layer in layers
        ],
    }
