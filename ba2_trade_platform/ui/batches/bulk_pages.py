"""Bulk re-run pages: the list, and one bulk re-run with its progress, items and abort."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, Topic
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.bulk_queries import Bulk, BulkItem
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.item_list import ItemList
from ba2_trade_platform.ui.kit.panels import Fact, Panel, chip, empty_state, facts
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, exact, moment
from ba2_trade_platform.ui.kit.urls import symbol_url
from ba2_trade_platform.ui.rerun.bulk_dialog import ask_bulk_rerun
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.vocabulary import BulkState, ItemOutcome

LIST_HEADERS = ("No.", "Name", "State", "Progress", "Succeeded", "Failed", "Skipped", "Blocked", "Who", "Why", "Begun")
RIGHT = frozenset({"No.", "Succeeded", "Failed", "Skipped", "Blocked"})
ITEM_HEADERS = ("No.", "Analysis", "Symbol", "Expert", "Outcome", "Attempt", "Reason")
PAGE = 100
OUTCOMES: dict[str, tuple[ItemOutcome, ...]] = {
    "queued": (ItemOutcome.PLANNED, ItemOutcome.QUEUED),
    "succeeded": (ItemOutcome.SUCCEEDED,),
    "failed": (ItemOutcome.FAILED,),
    "skipped": (ItemOutcome.SKIPPED,),
    "blocked": (ItemOutcome.BLOCKED,),
}


async def bulk_list_page(desk: Desk, request: Request) -> None:
    """Build the list; it follows changes."""
    cursor = _whole(request.query_params.get("after"))
    async with frame(desk, "Bulk re-runs", "bulk-reruns", "ba2-scroll ba2-stack"):
        panel = Panel("Bulk re-runs")
        lock = asyncio.Lock()

        def show(bulks: tuple[Sequence[Bulk], int | None]) -> None:
            _show_list(desk, *bulks)

        async def refresh(_: Change) -> None:
            with reporting():
                async with lock:
                    page = await off_loop(desk.platform.bulk_reruns.list, cursor)
                    panel.show((page.items, page.next_cursor), show)

        # Before the first look, so that no change falls between the two.
        desk.live.watch(refresh, Topic.BATCHES, Topic.ANALYSES)
        await refresh(ANYTHING)


def _show_list(desk: Desk, bulks: Sequence[Bulk], next_cursor: int | None) -> None:
    if not bulks:
        empty_state(
            "playlist_play",
            "No bulk re-runs yet",
            "Tick failed rows in Job Monitoring, or select all that match its filters, and press Re-run selected.",
            links=(("Failed analyses", "/marketanalysis?status=failed"),),
        )
        return
    with plain_table("Bulk re-runs", LIST_HEADERS, right=RIGHT), ui.element("tbody"):
        for bulk in bulks:
            with ui.element("tr"):
                _list_cells(desk, bulk)
    if next_cursor is not None:
        ui.link("Older ones", f"/bulk-reruns?after={next_cursor}").classes("ba2-link")


def _list_cells(desk: Desk, bulk: Bulk) -> None:
    url = f"/bulk-reruns/{bulk.id}"
    text_cell(str(bulk.id), url=url, classes="ba2-right")
    text_cell(bulk.name, url=url, classes="ba2-wrap")
    with cell():
        chip(words.BULK_STATE[bulk.state])
    with cell():
        _bar(bulk)
    for word in ("succeeded", "failed", "skipped", "blocked"):
        number = getattr(bulk.counts, word)
        text_cell(f"{number:,}", url=f"{url}?outcome={word}" if number else None, classes="ba2-right")
    text_cell(bulk.actor)
    text_cell(bulk.reason, classes="ba2-wrap")
    text_cell(moment(bulk.created_at, desk.zone))


async def bulk_page(desk: Desk, bulk_id: str, request: Request) -> None:
    """Build the page of one bulk re-run."""
    async with frame(desk, f"Bulk re-run {bulk_id}", "bulk-reruns", "ba2-scroll ba2-stack") as root:
        number = _whole(bulk_id) or 0
        try:
            await off_loop(desk.platform.bulk_reruns.get, number)
        except NotFound as error:
            links = (("All bulk re-runs", "/bulk-reruns"),)
            empty_state("search_off", "Not found", f"{error}.", links=links)
            return
        await BulkPage(desk, number, root, dict(request.query_params)).build()


@dataclass(frozen=True)
class _Shown:
    bulk: Bulk
    items: tuple[BulkItem, ...]
    next_cursor: int | None


class BulkPage:
    """One bulk re-run, kept true by the feed."""

    def __init__(self, desk: Desk, bulk_id: int, root: ui.element, query: dict[str, str]) -> None:
        self._desk = desk
        self._id = bulk_id
        self._root = root
        self._outcome = query.get("outcome") if query.get("outcome") in OUTCOMES else None
        self._cursor = _whole(query.get("after")) or 0
        self._bulk: Bulk | None = None
        self._lock = asyncio.Lock()

    async def build(self) -> None:
        """Build everything and show it."""
        self._head = Panel(f"Bulk re-run {self._id}")
        with self._head.head:
            ui.space()
            self._abort = _button("Abort", "block", self._ask_abort).mark("abort-bulk")
            self._again = _button("Re-run what failed again", "refresh", self._rerun_failed).classes("ba2-rerun")
            self._again.mark("rerun-failed-again")
            ui.link("In Job Monitoring", self._monitoring(self._outcome)).classes("ba2-link")
        self._list = Panel("Items")
        with self._list.element:
            self._items: ItemList[BulkItem] = ItemList(
                ITEM_HEADERS, self._line, "None of its analyses is here.",
                lambda cursor: self._url(self._outcome, cursor), first=self._cursor == 0,
            )  # fmt: skip
        # Before the first look, so that no change falls between the two.
        self._desk.live.watch(self.refresh, Topic.BATCHES, Topic.ANALYSES)
        await self.refresh(ANYTHING)

    async def refresh(self, _: Change) -> None:
        """Show it as it stands."""
        with reporting():
            async with self._lock:
                shown = await off_loop(self._read)
                if self._root.is_deleted:
                    return
                self._bulk = shown.bulk
                self._head.show(shown.bulk, self._show_head)
                under_way = shown.bulk.state in (BulkState.CANARY, BulkState.RUNNING)
                self._abort.set_visibility(under_way)
                self._again.set_visibility(shown.bulk.counts.failed > 0 and shown.bulk.finished_at is not None)
                self._items.show(shown.items, shown.next_cursor)

    def _read(self) -> _Shown:
        service = self._desk.platform.bulk_reruns
        outcome = OUTCOMES[self._outcome] if self._outcome else ()
        page = service.items(self._id, outcome, cursor=self._cursor, limit=PAGE)
        return _Shown(service.get(self._id), page.items, page.next_cursor)

    def _show_head(self, bulk: Bulk) -> None:
        with ui.element("div").classes("ba2-inline"):
            chip(words.BULK_STATE[bulk.state])
            ui.label(bulk.name).classes("ba2-pick-name")
            _bar(bulk)
        with ui.element("div").classes("ba2-counts ba2-wrap").props('role=navigation aria-label="Items by outcome"'):
            for word, label in (("total", "in all"), *((name, words.BULK_COUNT[name]) for name in OUTCOMES)):
                number = getattr(bulk.counts, word)
                chosen = None if word == "total" else word
                link = ui.link(target=self._url(chosen)).classes("ba2-count").props(f'data-bulk="{word}"')
                link.classes("ba2-here" if chosen == self._outcome else "")
                with link:
                    ui.label(f"{number:,}").classes("ba2-number")
                    ui.label(label)
        zone, after = self._desk.zone, bulk.after_batch_id
        canary = f"the first {bulk.canary}" if bulk.canary else DASH
        earlier = [Fact("What failed again in", f"#{after}", f"/bulk-reruns/{after}")] if after else []
        facts(
            [
                Fact("Asked by", bulk.actor),
                Fact("Why", bulk.reason),
                Fact("Begun", exact(bulk.created_at, zone)),
                Fact("Ended", exact(bulk.finished_at, zone)),
                Fact("Mode", bulk.mode.value),
                Fact("Canary", canary, hint="The rest runs only if all of these complete"),
                Fact("At most per minute", f"{bulk.rate_per_minute:,}" if bulk.rate_per_minute else DASH),
                *earlier,
            ],
            flowing=True,
        )

    def _line(self, item: BulkItem) -> None:
        text_cell(str(item.position), classes="ba2-right")
        if item.analysis_id:
            text_cell(str(item.analysis_id), url=f"/market_analysis/{item.analysis_id}")
        else:
            text_cell("deleted")
        text_cell(item.symbol, url=symbol_url(item.symbol))
        text_cell(item.expert, url=f"/marketanalysis?expert={item.expert_instance_id}")
        with cell():
            chip(words.ITEM[item.outcome])
        text_cell(DASH if item.attempt is None else str(item.attempt))
        text_cell(item.reason or "", classes="ba2-wrap")

    async def _ask_abort(self) -> None:
        async def abort() -> None:
            with reporting():
                bulk = await off_loop(self._desk.platform.bulk_reruns.abort, self._id, by=self._desk.trader)
                notify(f"Bulk re-run {bulk.id} aborted: {bulk.counts.skipped:,} skipped in all")
            await self.refresh(ANYTHING)

        await confirm(
            f"Abort bulk re-run {self._id}?",
            "What is not queued yet is skipped and stays failed. What is queued or runs goes on.",
            "Abort the rest",
            abort,
        )

    async def _rerun_failed(self) -> None:
        chosen = Filter(bulk=self._id, bulk_outcome=ItemOutcome.FAILED)
        await ask_bulk_rerun(self._desk, Selection(chosen), name=f"What failed again in #{self._id}")

    def _url(self, outcome: str | None, after: int | None = None) -> str:
        said = [f"outcome={outcome}"] * bool(outcome) + [f"after={after}"] * bool(after)
        return f"/bulk-reruns/{self._id}" + ("?" + "&".join(said) if said else "")

    def _monitoring(self, outcome: str | None) -> str:
        ended = outcome if outcome in ("succeeded", "failed", "skipped", "blocked") else None
        return f"/marketanalysis?bulk={self._id}" + (f"&outcome={ended}" if ended else "")


def _bar(bulk: Bulk) -> None:
    counts = bulk.counts
    share = 100 * counts.ended / counts.total if counts.total else 100
    with ui.element("span").classes("ba2-bulk-bar").props("role=progressbar aria-valuemin=0 aria-valuemax=100") as bar:
        bar.props["aria-valuenow"] = str(int(share))
        bar.props["aria-label"] = f"{counts.ended} of {counts.total} ended"
        for word, tone in (("succeeded", "good"), ("failed", "bad"), ("skipped", "quiet"), ("blocked", "warn")):
            part = 100 * getattr(counts, word) / max(1, counts.total)
            ui.element("span").classes(f"fill-{tone}").style(f"width: {part:.2f}%")
    ui.label(f"{counts.ended:,} of {counts.total:,}").classes("ba2-muted")


def _button(text: str, icon: str, handler: object) -> ui.button:
    return ui.button(text, icon=icon, color=None, on_click=handler).props("outline dense no-caps size=sm")  # type: ignore[arg-type]


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
