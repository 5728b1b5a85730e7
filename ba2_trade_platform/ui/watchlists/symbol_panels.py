"""Symbol panels: current recommendations, analyses, watchlists and next runs of a symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.core.instruments.symbol_pages import Answered
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.core.schedules.next_runs import NextRun
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.panels import chip, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, duration, moment
from ba2_trade_platform.ui.watchlists.view import WatchView, change_words, next_words, since

ANALYSES = ("ID", "Expert", "Status", "Recommendation", "Confidence", "Created", "Duration", "Source")
CURRENT = ("Expert", "Recommendation", "Confidence", "Price then", "Since", "Target", "Stop", "As of")
NUMBERS = frozenset({"ID", "Confidence", "Duration", "Price then", "Since", "Target", "Stop"})


def show_current(
    answers: Sequence[Answered], price: float | None, splits: Mapping[datetime, float | None], zone: ZoneInfo
) -> None:
    """Show what each expert recommends now; prices of before a split stand in the shares of today, as `splits` say."""
    if not answers:
        quiet("No expert has a recommendation that counts. Press Analyse now.")
        return
    with plain_table("Current recommendations", CURRENT, NUMBERS), ui.element("tbody"):
        for one in answers:
            with ui.element("tr"):
                text_cell(one.expert, url=f"/marketanalysis?expert={one.expert_instance_id}")
                with cell(), ui.link(target=f"/market_analysis/{one.analysis_id}").classes("ba2-link"):
                    chip(words.ACTION[one.action.value])
                text_cell(f"{one.confidence:.0f} %", classes="ba2-right")
                split = splits.get(one.as_of)
                then, target, stop = (
                    None if level is None else float(level) * (split or 1.0)
                    for level in (one.price, one.target, one.stop)
                )
                text_cell(DASH if then is None else f"{then:,.2f}", classes="ba2-right")
                text_cell(change_words(since(one.price, price, split)), classes="ba2-right")
                for level in (target, stop):
                    text_cell(DASH if level is None else f"{level:,.2f}", classes="ba2-right")
                text_cell(moment(one.as_of, zone))


def show_analyses(symbol: str, rows: Sequence[AnalysisRow], zone: ZoneInfo) -> None:
    """Show the newest analyses of a symbol."""
    if not rows:
        quiet("It has never been analysed. Press Analyse now.")
        return
    with plain_table(f"Analyses of {symbol}", ANALYSES, NUMBERS), ui.element("tbody"):
        for row in rows:
            url = f"/market_analysis/{row.id}"
            with ui.element("tr"):
                text_cell(str(row.id), url=url, classes="ba2-right")
                text_cell(row.expert, url=f"/marketanalysis?expert={row.expert_instance_id}")
                with cell():
                    chip(words.STATUS[row.status])
                with cell():
                    if row.action is not None:
                        chip(words.ACTION[row.action.value])
                text_cell(DASH if row.confidence is None else f"{row.confidence:.0f} %", classes="ba2-right")
                text_cell(moment(row.created_at, zone))
                text_cell(duration(row.duration_ms), classes="ba2-right")
                text_cell(row.source.value)


def show_lists(lists: Sequence[tuple[int, str]]) -> None:
    """Show the watchlists that a symbol is on."""
    if not lists:
        quiet("On no watchlist.")
    with ui.element("div").classes("ba2-picks"):
        for list_id, name in lists:
            ui.link(name, WatchView(list=list_id).url()).classes("ba2-link")


def show_runs(runs: Sequence[NextRun], zone: ZoneInfo) -> None:
    """Show when schedules analyse a symbol next."""
    if not runs:
        quiet("No schedule covers it.")
    for run in runs:
        with ui.element("div").classes("ba2-picks"):
            ui.label(next_words(run, zone))
            ui.link(run.schedule, f"/schedules?schedule={run.schedule_id}").classes("ba2-link")
