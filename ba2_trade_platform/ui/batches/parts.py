"""Batch parts: progress bar, count links and time left, shared by the list and the page."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.batches.queries import Batch
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.times import duration
from ba2_trade_platform.vocabulary import ItemOutcome

PARTS = (
    ("succeeded", "good"),
    ("failed", "bad"),
    ("skipped", "quiet"),
    ("duplicate", "quiet"),
    ("blocked", "warn"),
    ("running", "running"),
)
OUTCOMES: dict[str, tuple[ItemOutcome, ...]] = {
    "waiting": (ItemOutcome.PLANNED, ItemOutcome.QUEUED),
    "succeeded": (ItemOutcome.SUCCEEDED,),
    "failed": (ItemOutcome.FAILED,),
    "skipped": (ItemOutcome.SKIPPED,),
    "duplicate": (ItemOutcome.DUPLICATE,),
    "blocked": (ItemOutcome.BLOCKED,),
}


def batch_url(batch: Batch) -> str:
    """Return the page of a batch."""
    return f"/batches/{batch.id}"


def jobs_url(batch: Batch, count: str) -> str:
    """Return where the analyses behind a number are: the job table, or the items where there is no analysis."""
    if count == "blocked":
        return f"{batch_url(batch)}?outcome=blocked"
    if count == "running":
        return f"/marketanalysis?status=running&bulk={batch.id}"
    if count == "queued":
        return f"/marketanalysis?status=pending&bulk={batch.id}"
    return f"/marketanalysis?bulk={batch.id}" + ("" if count == "total" else f"&outcome={count}")


def bar(batch: Batch) -> None:
    """Show how far it is, part by part."""
    counts = batch.counts
    share = 100 * counts.ended / counts.total if counts.total else 100
    with ui.element("span").classes("ba2-bulk-bar").props("role=progressbar aria-valuemin=0 aria-valuemax=100") as made:
        made.props["aria-valuenow"] = str(int(share))
        made.props["aria-label"] = f"{counts.ended:,} of {counts.total:,} ended"
        for word, tone in PARTS:
            if number := getattr(counts, word):
                ui.element("span").classes(f"fill-{tone}").style(f"width: {100 * number / counts.total:.2f}%")
    ui.label(f"{counts.ended:,} of {counts.total:,}").classes("ba2-muted")


def count_links(batch: Batch) -> None:
    """Show every count as a link to what it counts."""
    with ui.element("div").classes("ba2-counts ba2-wrap").props('role=navigation aria-label="Analyses by outcome"'):
        for word, label in words.BATCH_COUNT.items():
            number = getattr(batch.counts, word)
            with ui.link(target=jobs_url(batch, word)).classes("ba2-count").props(f'data-batch="{word}"'):
                tone = {"failed": "tone-bad", "blocked": "tone-warn"}.get(word, "") if number else ""
                ui.label(f"{number:,}").classes(f"ba2-number {tone}")
                ui.label(label)


def left(batch: Batch) -> str:
    """Say how long the rest takes, or how long it took, in words."""
    if batch.finished_at is not None:
        return duration(1000 * (batch.finished_at - batch.created_at).total_seconds())
    if batch.state.value == "cancelled":
        return f"being cancelled, {batch.counts.remaining:,} to go"
    if batch.state.value == "paused":
        return f"paused, {batch.counts.remaining:,} to go"
    if batch.seconds_left is None:
        return "not known yet"
    return f"about {duration(1000 * max(1, batch.seconds_left))}"
