"""What pressing Run would do, item by item."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from ba2_trade_platform.core.queue.worker_queue import PreviewItem
from ba2_trade_platform.ui.components.panels import chip, quiet
from ba2_trade_platform.ui.components.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.words import Look

ROWS = 200
OUTCOMES = {
    "queued": Look("will be queued", "add_circle", "good"),
    "duplicate": Look("already under way", "content_copy", "warn"),
    "blocked": Look("not possible", "block", "bad"),
}
ORDER = list(OUTCOMES)


def queued_in(items: Sequence[PreviewItem]) -> int:
    """Return how many analyses Run would make."""
    return sum(item.outcome.value == "queued" for item in items)


def summary(items: Sequence[PreviewItem]) -> str:
    """Say how many would be queued, and how many not."""
    counts = {name: sum(item.outcome.value == name for item in items) for name in OUTCOMES}
    text = f"{counts['queued']} {analyses(counts['queued'])} will be queued"
    if counts["duplicate"]:
        text += f", {counts['duplicate']} already under way"
    if counts["blocked"]:
        text += f", {counts['blocked']} not possible"
    return text


def analyses(count: int) -> str:
    """Return the word for this many."""
    return "analysis" if count == 1 else "analyses"


def show_items(items: Sequence[PreviewItem]) -> None:
    """Show the items, those that need attention first."""
    ui.label(summary(items)).classes("ba2-panel-title").mark("preview-summary")
    ordered = sorted(items, key=lambda item: -ORDER.index(item.outcome.value))
    with plain_table("Preview", ("Symbol", "Expert", "What happens", "Why")), ui.element("tbody"):
        for item in ordered[:ROWS]:
            _row(item)
    if len(ordered) > ROWS:
        quiet(f"and {len(ordered) - ROWS:,} more")


def _row(item: PreviewItem) -> None:
    with ui.element("tr"):
        text_cell(item.symbol)
        text_cell(item.alias)
        with cell():
            chip(OUTCOMES[item.outcome.value])
        url = f"/market_analysis/{item.analysis_id}" if item.analysis_id else None
        text_cell(item.reason or "", url=url, classes="ba2-wrap")
