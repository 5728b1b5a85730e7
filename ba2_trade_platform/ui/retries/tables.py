"""Retry tables: waste, outcomes and slowest attempts, every number a link to its analyses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from nicegui import ui

from ba2_trade_platform.core.monitoring.attempt_stats import Slow
from ba2_trade_platform.core.monitoring.retry_statistics import Success, Suggestion, Waste
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.panels import chip, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH
from ba2_trade_platform.ui.retries import view

RIGHT = "ba2-right"


def waste_table(title: str, head: str, wasted: Sequence[Waste], url: Callable[[Waste], str]) -> None:
    """Show groups of failed attempts, the most wasteful first."""
    headers = (head, "Attempts", "Failed", "Time wasted", "Cost wasted", "Tried again", "Recovered")
    with plain_table(title, headers, frozenset(headers[1:])), ui.element("tbody"):
        for waste in wasted:
            with ui.element("tr"):
                text_cell(waste.label, url=url(waste), classes="ba2-wrap")
                text_cell(f"{waste.attempts:,}", classes=RIGHT)
                text_cell(f"{waste.failed:,}", classes=RIGHT)
                text_cell(view.seconds(waste.failed_seconds), classes=RIGHT)
                text_cell(view.cost(waste.failed_cost), classes=RIGHT)
                text_cell(f"{waste.tried_again:,}", classes=RIGHT)
                text_cell(f"{waste.recovered:,}", classes=RIGHT)


def outcome_table(found: Sequence[Success]) -> None:
    """Show how re-runs and retries ended."""
    headers = ("Begun by", "Ended", "Completed", "Failed again", "Otherwise", "Success")
    with plain_table("Outcomes", headers, frozenset(headers[1:])), ui.element("tbody"):
        for success in found:
            with ui.element("tr"):
                text_cell(view.TRIGGERS[success.trigger.value], url=view.RERUN)
                for number in (success.tried, success.completed, success.failed, success.other):
                    text_cell(f"{number:,}", classes=RIGHT)
                text_cell(view.percent(success), classes=RIGHT)


def slow_table(slowest: Sequence[Slow]) -> None:
    """Show the attempts that worked longest."""
    headers = ("Analysis", "Symbol", "Expert", "Attempt", "Outcome", "Worked")
    with plain_table("Slowest", headers, frozenset({"Attempt", "Worked"})), ui.element("tbody"):
        for slow in slowest:
            with ui.element("tr"):
                text_cell(str(slow.analysis_id), url=f"/market_analysis/{slow.analysis_id}")
                text_cell(slow.symbol, url=f"/marketanalysis?symbol={slow.symbol}")
                text_cell(slow.expert, classes="ba2-wrap")
                text_cell(str(slow.attempt), classes=RIGHT)
                with cell():
                    chip(words.OUTCOME[slow.outcome.value])
                text_cell(view.seconds(slow.seconds), classes=RIGHT)
    if not slowest:
        quiet(DASH)


def suggestions(found: Sequence[Suggestion], stop: Callable[[Suggestion], Awaitable[None]]) -> None:
    """Show which errors automatic retries do not get past, each with the button that stops retrying it."""
    for suggestion in found:
        with ui.element("div").classes("ba2-suggestion"):
            ui.icon("do_not_disturb_on").classes("ba2-line-icon tone-warn").props("aria-hidden=true")
            with ui.element("div").classes("ba2-line-name"):
                ui.label(suggestion.sentence)
                ui.label(suggestion.message).classes("ba2-small ba2-muted")
            ui.link("Its failed analyses", view.error_url(suggestion.fingerprint)).classes("ba2-link")
            ui.button("Call it permanent", color=None, on_click=partial(stop, suggestion)).props(
                "outline dense no-caps"
            ).mark(f"stop-{suggestion.fingerprint}")
