"""Submission preview: the first items of a batch, those that need attention in front."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.analyses.batch_submissions import PreviewItem
from ba2_trade_platform.core.batches.requests import BatchPreview
from ba2_trade_platform.ui.kit.panels import chip, facts, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.words import Look
from ba2_trade_platform.ui.submit.estimate import estimate_facts

OUTCOMES = {
    "queued": Look("will be queued", "add_circle", "good"),
    "duplicate": Look("already under way", "content_copy", "warn"),
    "blocked": Look("not possible", "block", "bad"),
}


def analyses(count: int) -> str:
    """Return the word for this many."""
    return "analysis" if count == 1 else "analyses"


def show_preview(preview: BatchPreview) -> None:
    """Show how many, how long and how much, and the first items, those that need attention in front."""
    ui.label(preview.sentence).classes("ba2-panel-title").mark("preview-summary")
    facts(estimate_facts(preview), flowing=True)
    with plain_table("Preview", ("Symbol", "Expert", "What happens", "Why")), ui.element("tbody"):
        for item in preview.items:
            _row(item)
    if preview.total > len(preview.items):
        quiet(f"and {preview.total - len(preview.items):,} more")


def _row(item: PreviewItem) -> None:
    with ui.element("tr"):
        text_cell(item.symbol)
        text_cell(item.alias)
        with cell():
            chip(OUTCOMES[item.outcome.value])
        url = f"/market_analysis/{item.analysis_id}" if item.analysis_id else None
        text_cell(item.reason or "", url=url, classes="ba2-wrap")
