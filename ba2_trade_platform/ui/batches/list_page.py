"""Batch list: progress of every batch, filtered by state, kind and source."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.batches.queries import Batch
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.panels import Panel, chip, empty_state
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import moment
from ba2_trade_platform.ui.kit.urls import whole_number
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.ui.submit.dialog import analyse_dialog
from ba2_trade_platform.vocabulary import BatchKind, BatchState, Source

LIST_HEADERS = (
    "No.", "Name", "State", "Progress", "Succeeded", "Failed", "Skipped", "Blocked", "Kind", "Source", "Who", "Begun",
)  # fmt: skip
RIGHT = frozenset({"No.", "Succeeded", "Failed", "Skipped", "Blocked"})
LIST_PAGE = 25
FILTERS: Mapping[str, tuple[str, dict[str, str]]] = {
    "state": ("State", {state.value: words.BATCH_STATE[state].word for state in BatchState}),
    "kind": ("Kind", words.BATCH_KIND),
    "source": ("Source", {source.value: source.value for source in Source}),
}
PARTS = (
    ("succeeded", "good"),
    ("failed", "bad"),
    ("skipped", "quiet"),
    ("duplicate", "quiet"),
    ("blocked", "warn"),
    ("running", "running"),
)


async def batch_list_page(desk: Desk, request: Request) -> None:
    """Build the list; it follows changes."""
    query = request.query_params
    chosen = {name: query[name] for name, (_, known) in FILTERS.items() if query.get(name) in known}

    def read() -> Page[Batch]:
        return desk.platform.batches.list(
            state=BatchState(chosen["state"]) if "state" in chosen else None,
            kind=BatchKind(chosen["kind"]) if "kind" in chosen else None,
            source=Source(chosen["source"]) if "source" in chosen else None,
            cursor=whole_number(query.get("after")),
            limit=LIST_PAGE,
        )

    async with frame(desk, "Batches", "batches", "ba2-scroll ba2-stack"):
        panel = Panel("Batches")
        with panel.head:
            ui.space()
            with ui.element("div").classes("ba2-inline"):
                _filters(chosen)
            bulk = ui.button("Bulk analysis", icon="playlist_add", color=None, on_click=lambda: analyse_dialog(desk))
            bulk.props("outline dense no-caps size=sm").mark("bulk-analysis")
        build = partial(_show_list, desk, chosen)
        await desk.live.follow(read, lambda page: panel.show(page, build), Topic.BATCHES, Topic.ANALYSES)


def _filters(chosen: Mapping[str, str]) -> None:
    for name, (label, known) in FILTERS.items():
        control = ui.select(known, label=label, value=chosen.get(name), clearable=True)
        control.props("dense outlined options-dense").style("width: 120px").mark(f"batch-{name}")
        control.on_value_change(lambda event, name=name: ui.navigate.to(_list_url({**chosen, name: event.value})))


def _list_url(parts: Mapping[str, str | int]) -> str:
    said = {name: value for name, value in parts.items() if value}
    return "/batches" + (f"?{urlencode(said)}" if said else "")


def _show_list(desk: Desk, chosen: Mapping[str, str], page: Page[Batch]) -> None:
    if not page.items and chosen:
        empty_state("filter_alt_off", "No batch here", "None matches these filters.", links=(("All", "/batches"),))
        return
    if not page.items:
        empty_state(
            "playlist_add",
            "No batches yet",
            "A batch is several analyses at once: a watchlist, a selection, or everything, for one or several experts.",
            "Press Bulk analysis.",
            links=(("Manual Analysis", "/marketanalysis?tab=manual"), ("Watchlists", "/watchlists")),
        )
        return
    with plain_table("Batches", LIST_HEADERS, right=RIGHT), ui.element("tbody"):
        for batch in page.items:
            with ui.element("tr"):
                _list_cells(desk, batch)
    if page.next_cursor is not None:
        ui.link("Older ones", _list_url({**chosen, "after": page.next_cursor})).classes("ba2-link")


def _list_cells(desk: Desk, batch: Batch) -> None:
    url = f"/batches/{batch.id}"
    text_cell(str(batch.id), url=url, classes="ba2-right")
    text_cell(batch.name, url=url, classes="ba2-wrap")
    with cell():
        chip(words.BATCH_STATE[batch.state])
    with cell():
        bar(batch)
    for word in ("succeeded", "failed", "skipped", "blocked"):
        number = getattr(batch.counts, word)
        text_cell(f"{number:,}", url=jobs_url(batch, word) if number else None, classes="ba2-right")
    text_cell(words.BATCH_KIND[batch.kind])
    text_cell(batch.source.value if batch.source else "")
    text_cell(batch.actor)
    text_cell(moment(batch.created_at, desk.zone))


def jobs_url(batch: Batch, count: str) -> str:
    """Return where the analyses behind a number are: the job table, or the items where there is no analysis."""
    if count == "blocked":
        return f"/batches/{batch.id}?outcome=blocked"
    if count in ("running", "queued"):
        return f"/marketanalysis?status={'running' if count == 'running' else 'pending'}&bulk={batch.id}"
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
