"""Submission preview: the first items of a batch, those that need attention in front."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.batches.requests import BatchPreview
from ba2_trade_platform.ui.kit.formats import estimate_facts
from ba2_trade_platform.ui.kit.panels import Fact, chip, facts, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.words import Look

OUTCOMES = {
    "queued": Look("will be queued", "add_circle", "good"),
    "duplicate": Look("already under way", "content_copy", "warn"),
    "blocked": Look("not possible", "block", "bad"),
}


def show_summary(preview: BatchPreview) -> None:
    """Show how many, how long and how much."""
    ui.label(preview.sentence).classes("ba2-panel-title").mark("preview-summary")
    estimate = estimate_facts(preview.estimated_seconds, preview.estimated_cost_usd)
    facts([Fact("Symbols", f"{preview.symbols:,}"), *estimate], flowing=True)


def show_items(preview: BatchPreview) -> None:
    """Show the first items, those that need attention in front."""
    with plain_table("Preview", ("Symbol", "Expert", "What happens", "Why")), ui.element("tbody"):
        for item in preview.items:
            with ui.element("tr"):
                text_cell(item.symbol)
                text_cell(item.alias)
                with cell():
                    chip(OUTCOMES[item.outcome.value])
                url = f"/market_analysis/{item.analysis_id}" if item.analysis_id else None
                text_cell(item.reason or "", url=url, classes="ba2-wrap")
    if preview.total > len(preview.items):
        quiet(f"and {preview.total - len(preview.items):,} more")
