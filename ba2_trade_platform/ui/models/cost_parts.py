"""Cost parts: the chart of days, the tables of groups and of the dearest analyses, and the known model prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.models.costs import DearAnalysis, Group
from ba2_trade_platform.core.models.pricing import COLUMNS, PriceTable, newest
from ba2_trade_platform.ui.kit.bar_chart import LINE, MUTED, STEADY, TEXT, common, short, value_axis
from ba2_trade_platform.ui.kit.formats import tokens_count
from ba2_trade_platform.ui.kit.panels import quiet
from ba2_trade_platform.ui.kit.plain_table import plain_table, text_cell
from ba2_trade_platform.ui.kit.urls import analyses_url
from ba2_trade_platform.ui.models import cost_view as view

RIGHT = "ba2-right"


def day_chart(title: str, days: Sequence[str], layers: Sequence[view.Stack], unit: str) -> None:
    """Draw what each day took, layer upon layer."""
    chart = ui.echart(_day_options(days, layers, unit), renderer="svg").classes("ba2-bars").props("role=img")
    total = sum(sum(layer.values) for layer in layers)
    most = max(range(len(days)), key=lambda place: sum(layer.values[place] for layer in layers), default=0)
    chart.props["aria-label"] = f"{title}: {total:,.6g} {unit} in {len(days)} days, most on {days[most]}"
    chart.style("height: 230px")


def _day_options(days: Sequence[str], layers: Sequence[view.Stack], unit: str) -> dict[str, Any]:
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


def group_table(head: str, groups: Sequence[Group], url: Callable[[Group], str | None]) -> None:
    """Show what each group took, the dearest first."""
    headers = (head, "Cost", "Calls", "Tokens in", "Tokens out")
    with plain_table(head, headers, frozenset(headers[1:])), ui.element("tbody"):
        for group in groups:
            spend = group.spend
            with ui.element("tr"):
                text_cell(group.label, url=url(group), classes="ba2-wrap")
                text_cell(view.cost_of(spend), classes=f"{RIGHT} tone-bad" if group.key == view.FAILED else RIGHT)
                text_cell(f"{spend.calls:,}", classes=RIGHT)
                for number in (spend.tokens_in, spend.tokens_out):
                    text_cell(tokens_count(number, at_least=spend.tokens_at_least), classes=RIGHT)


def dearest_table(found: Sequence[DearAnalysis]) -> None:
    """Show the analyses that cost most."""
    headers = ("Analysis", "Symbol", "Expert", "Attempts", "Calls", "Tokens", "Cost")
    with plain_table("Dearest analyses", headers, frozenset(headers[3:])), ui.element("tbody"):
        for one in found:
            with ui.element("tr"):
                text_cell(
                    str(one.analysis_id) if one.exists else f"{one.analysis_id} (deleted)",
                    url=f"/market_analysis/{one.analysis_id}" if one.exists else None,
                )
                text_cell(one.symbol, url=analyses_url(one.symbol))
                text_cell(one.expert, classes="ba2-wrap")
                text_cell(str(one.attempts), classes=RIGHT)
                text_cell(f"{one.spend.calls:,}", classes=RIGHT)
                text_cell(view.tokens_of(one.spend), classes=RIGHT)
                text_cell(view.cost_of(one.spend), classes=RIGHT)


def price_table(table: PriceTable, own: Path, today: date) -> None:
    """Show what models cost, since when and who says so, and what of the trader's own file cannot be read."""
    for problem in table.problems:
        ui.label(problem).classes("tone-bad").props("role=alert")
    ui.label(f"{table.sentence(today)}.").mark("prices-as-of")
    headers = ("Provider", "Model", "Input", "Cached", "Cache write", "Output", "Thinking", "From", "Source")
    with plain_table("Prices", headers, frozenset(headers[2:7])), ui.element("tbody"):
        for price in newest(table.prices, today):
            with ui.element("tr"):
                text_cell(price.provider)
                text_cell("every model" if price.model == "*" else price.model)
                for amount in (price.input, price.cached, price.write, price.output, price.thought):
                    text_cell(f"{amount.normalize():f}", classes=RIGHT)
                text_cell(price.valid_from.isoformat())
                source = f"your own: {price.source}".removesuffix(": ") if price.own else price.source
                text_cell(source, classes="ba2-wrap")
    quiet(
        f"In USD a million tokens. A model that is not listed has an unknown cost, never none. Your own prices go into "
        f"{own}, with the columns {','.join(COLUMNS)}; they are read at once."
    ).classes("ba2-small")
