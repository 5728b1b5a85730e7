"""Batch list: progress of every batch, filtered by state, kind and source."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, Topic
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.batches.queries import Batch
from ba2_trade_platform.ui.batches.parts import bar, batch_url, jobs_url
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, chip, empty_state
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import moment
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.ui.submit.dialog import analyse_dialog
from ba2_trade_platform.vocabulary import BatchKind, BatchState, Source

LIST_HEADERS = (
    "No.", "Name", "State", "Progress", "Succeeded", "Failed", "Skipped", "Blocked", "Kind", "Source", "Who", "Begun",
)  # fmt: skip
RIGHT = frozenset({"No.", "Succeeded", "Failed", "Skipped", "Blocked"})
LIST_PAGE = 25


async def batch_list_page(desk: Desk, request: Request) -> None:
    """Build the list; it follows changes."""
    query = request.query_params
    cursor, chosen = _whole(query.get("after")), _filter_of(query)
    async with frame(desk, "Batches", "batches", "ba2-scroll ba2-stack"):
        panel = Panel("Batches")
        with panel.head:
            ui.space()
            with ui.element("div").classes("ba2-inline"):
                _filters(chosen)
            ui.button("Bulk analysis", icon="playlist_add", color=None, on_click=lambda: analyse_dialog(desk)).props(
                "outline dense no-caps size=sm"
            ).mark("bulk-analysis")
        lock = asyncio.Lock()

        def read() -> Page[Batch]:
            return desk.platform.batches.list(
                state=BatchState(chosen["state"]) if "state" in chosen else None,
                kind=BatchKind(chosen["kind"]) if "kind" in chosen else None,
                source=Source(chosen["source"]) if "source" in chosen else None,
                cursor=cursor,
                limit=LIST_PAGE,
            )

        async def refresh(_: Change) -> None:
            with reporting():
                async with lock:
                    panel.show(await off_loop(read), lambda page: _show_list(desk, page, chosen))

        # Before the first look, so that no change falls between the two.
        desk.live.watch(refresh, Topic.BATCHES, Topic.ANALYSES)
        await refresh(ANYTHING)


def _filter_of(query: Mapping[str, str]) -> dict[str, str]:
    known = {"state": BatchState, "kind": BatchKind, "source": Source}
    return {name: query[name] for name, values in known.items() if query.get(name) in {value.value for value in values}}


def _filters(chosen: dict[str, str]) -> None:
    options = {
        "state": ("State", {one.value: words.BATCH_STATE[one].word for one in BatchState}),
        "kind": ("Kind", dict(words.BATCH_KIND)),
        "source": ("Source", {one.value: one.value for one in Source}),
    }
    for name, (label, known) in options.items():
        control = ui.select(known, label=label, value=chosen.get(name), clearable=True)
        control.props("dense outlined options-dense").style("width: 120px").mark(f"batch-{name}")

        def choose(event: Any, name: str = name) -> None:
            ui.navigate.to(_list_url({**chosen, name: event.value}))

        control.on_value_change(choose)


def _list_url(parts: Mapping[str, Any]) -> str:
    said = {name: value for name, value in parts.items() if value}
    return "/batches" + (f"?{urlencode(said)}" if said else "")


def _show_list(desk: Desk, page: Page[Batch], chosen: dict[str, str]) -> None:
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
    url = batch_url(batch)
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


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
