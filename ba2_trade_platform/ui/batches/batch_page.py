"""Batch page: progress and items of one batch, with pause, resume, cancel and re-run of failures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, Topic
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.queries import Batch, BatchItem, Reason
from ba2_trade_platform.ui.batches.parts import OUTCOMES, bar, count_links, left
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
from ba2_trade_platform.vocabulary import BatchState, ItemOutcome, Status

ITEM_HEADERS = ("No.", "Analysis", "Symbol", "Expert", "Outcome", "Attempt", "Reason")
PAGE = 100
ESTIMATE = "As the newest analyses of these experts took, behind what waits before it"


async def batch_page(desk: Desk, batch_id: str, request: Request) -> None:
    """Build the page of one batch."""
    async with frame(desk, f"Batch {batch_id}", "batches", "ba2-scroll ba2-stack") as root:
        number = _whole(batch_id) or 0
        try:
            batch = await off_loop(desk.platform.batches.get, number)
        except NotFound as error:
            empty_state("search_off", "Not found", f"{error}.", links=(("All batches", "/batches"),))
            return
        await OneBatch(desk, batch, root, request.query_params).build()


@dataclass(frozen=True)
class _Shown:
    batch: Batch
    items: tuple[BatchItem, ...]
    next_cursor: int | None
    reasons: tuple[Reason, ...]
    reruns: tuple[Batch, ...]


class OneBatch:
    """One batch, kept true by the feed."""

    def __init__(self, desk: Desk, batch: Batch, root: ui.element, query: Mapping[str, str]) -> None:
        self._desk = desk
        self._service = desk.platform.batches
        self._id = batch.id
        self._title = f"{'Bulk re-run' if batch.rerun else 'Batch'} {batch.id}"
        self._root = root
        self._outcome = query.get("outcome") if query.get("outcome") in OUTCOMES else None
        self._cursor = _whole(query.get("after")) or 0
        self._lock = asyncio.Lock()

    async def build(self) -> None:
        """Build everything and show it."""
        self._head = Panel(self._title)
        with self._head.head:
            ui.space()
            self._pause = _button("Pause", "pause", self._do_pause).mark("pause-batch")
            self._resume = _button("Resume", "play_arrow", self._do_resume).mark("resume-batch")
            self._abort = _button("Abort", "block", self._ask_abort).mark("abort-batch")
            self._cancel = _button("Cancel", "cancel", self._ask_cancel).mark("cancel-batch")
            self._again = _button("Re-run failed", "refresh", self._rerun_failed).classes("ba2-rerun")
            self._again.mark("rerun-failed")
            ui.link("In Job Monitoring", f"/marketanalysis?bulk={self._id}").classes("ba2-link")
        self._why = Panel("What was not done, and why")
        self._reruns = Panel("Re-runs of what failed")
        self._list = Panel("Items")
        with self._list.head:
            ui.space()
            known = {name: words.BATCH_ITEMS[name] for name in OUTCOMES}
            choice = ui.select(known, label="Outcome", value=self._outcome, clearable=True)
            choice.props("dense outlined options-dense").style("width: 150px").mark("item-outcome")
            choice.on_value_change(lambda event: ui.navigate.to(self._url(event.value)))
        with self._list.element:
            self._items: ItemList[BatchItem] = ItemList(
                ITEM_HEADERS, self._line, "None of its items is here.",
                lambda cursor: self._url(self._outcome, cursor), first=self._cursor == 0,
            )  # fmt: skip
        # Before the first look, so that no change falls between the two.
        self._desk.live.watch(self.refresh, Topic.BATCHES, Topic.ANALYSES, Topic.QUEUE)
        await self.refresh(ANYTHING)

    async def refresh(self, _: Change) -> None:
        """Show it as it stands."""
        with reporting():
            async with self._lock:
                shown = await off_loop(self._read)
                if not self._root.is_deleted:
                    self._show(shown)

    def _read(self) -> _Shown:
        outcome = OUTCOMES[self._outcome] if self._outcome else ()
        page = self._service.items(self._id, outcome, cursor=self._cursor, limit=PAGE)
        reasons, reruns = self._service.reasons(self._id), self._service.reruns(self._id)
        return _Shown(self._service.get(self._id), page.items, page.next_cursor, reasons, reruns)

    def _show(self, shown: _Shown) -> None:
        batch = shown.batch
        self._head.show(batch, self._show_head)
        self._pause.set_visibility(batch.can_be_paused)
        self._resume.set_visibility(batch.state is BatchState.PAUSED)
        self._abort.set_visibility(batch.can_be_aborted)
        self._cancel.set_visibility(batch.can_be_cancelled)
        self._again.set_visibility(batch.counts.failed > 0 and batch.finished_at is not None)
        self._why.show_if(bool(shown.reasons))
        self._why.show(shown.reasons, self._show_reasons)
        self._reruns.show_if(bool(shown.reruns))
        self._reruns.show(shown.reruns, _show_reruns)
        self._items.show(shown.items, shown.next_cursor)

    def _show_head(self, batch: Batch) -> None:
        with ui.element("div").classes("ba2-inline"):
            chip(words.BATCH_STATE[batch.state])
            ui.label(batch.name).classes("ba2-pick-name")
            bar(batch)
        count_links(batch)
        zone = self._desk.zone
        ends = batch.finished_at
        if ends is None and batch.seconds_left is not None:
            ends = datetime.now(UTC) + timedelta(seconds=batch.seconds_left)
        stopped = []
        if batch.stopped_at is not None:
            why = f": {batch.stop_reason}" if batch.stop_reason else ""
            stopped = [
                Fact(
                    words.BATCH_STATE[batch.state].word.capitalize(),
                    f"{moment(batch.stopped_at, zone)} by {batch.stopped_by}{why}",
                )
            ]
        facts(
            [
                Fact("Asked by", batch.actor),
                Fact("Kind", words.BATCH_KIND[batch.kind], f"/batches?kind={batch.kind.value}"),
                *_source(batch),
                *_plan(batch),
                Fact("Begun", exact(batch.created_at, zone)),
                *stopped,
                Fact(_left_word(batch), left(batch), hint=ESTIMATE),
                Fact("Ended" if batch.finished_at else "Ends about", exact(ends, zone)),
            ],
            flowing=True,
        )

    def _show_reasons(self, reasons: Sequence[Reason]) -> None:
        headers = ("Items", "Outcome", "Why")
        with plain_table("Reasons", headers, right=frozenset({"Items"})), ui.element("tbody"):
            for one in reasons:
                with ui.element("tr"):
                    text_cell(f"{one.count:,}", url=self._url(one.outcome.value), classes="ba2-right")
                    with cell():
                        chip(words.BATCH_ITEM[one.outcome])
                    text_cell(one.reason, classes="ba2-wrap")

    def _line(self, item: BatchItem) -> None:
        text_cell(str(item.position), classes="ba2-right")
        if item.analysis_id:
            text_cell(str(item.analysis_id), url=f"/market_analysis/{item.analysis_id}")
        else:
            text_cell("none" if item.outcome.value in ("blocked", "duplicate") else "deleted")
        text_cell(item.symbol, url=symbol_url(item.symbol))
        text_cell(item.expert, url=f"/marketanalysis?expert={item.expert_instance_id}")
        with cell():
            chip(_look(item))
        text_cell(DASH if item.attempt is None else str(item.attempt))
        text_cell(item.reason or "", classes="ba2-wrap")

    async def _do_pause(self) -> None:
        with reporting():
            await off_loop(self._service.pause, self._id, by=self._desk.trader)
            notify(f"{self._title} paused: what runs goes on, nothing more of it begins")
        await self.refresh(ANYTHING)

    async def _do_resume(self) -> None:
        with reporting():
            await off_loop(self._service.resume, self._id, by=self._desk.trader)
            notify(f"{self._title} goes on")
        await self.refresh(ANYTHING)

    async def _ask_cancel(self) -> None:
        async def cancel() -> None:
            with reporting():
                batch = await off_loop(self._service.cancel, self._id, by=self._desk.trader)
                notify(f"{self._title} is being cancelled: {batch.counts.remaining:,} analyses end now")
            await self.refresh(ANYTHING)

        await confirm(
            f"Cancel {self._title.lower()}?",
            "What waits and what runs of it is cancelled, running experts are stopped. What is done stays.",
            "Cancel the rest",
            cancel,
        )

    async def _ask_abort(self) -> None:
        async def abort() -> None:
            with reporting():
                batch = await off_loop(self._service.abort, self._id, by=self._desk.trader)
                notify(f"{self._title} aborted: {batch.counts.skipped:,} skipped in all")
            await self.refresh(ANYTHING)

        await confirm(
            f"Abort {self._title.lower()}?",
            "What is not queued yet is skipped and stays failed. What is queued or runs goes on.",
            "Abort the rest",
            abort,
        )

    async def _rerun_failed(self) -> None:
        chosen = Filter(bulk=self._id, bulk_outcome=ItemOutcome.FAILED)
        await ask_bulk_rerun(self._desk, Selection(chosen), name=f"What failed in #{self._id}")

    def _url(self, outcome: str | None, after: int | None = None) -> str:
        said = {"outcome": outcome, "after": after}
        given = {name: value for name, value in said.items() if value}
        return f"/batches/{self._id}" + (f"?{urlencode(given)}" if given else "")


def _left_word(batch: Batch) -> str:
    if batch.finished_at is not None:
        return "Took"
    return "Left" if batch.state is BatchState.PAUSED else "The rest takes"


def _look(item: BatchItem) -> words.Look:
    """Return what became of it; what has not ended is waiting or running, as in the counts above."""
    if item.outcome is ItemOutcome.QUEUED and item.status is Status.RUNNING:
        return words.STATUS[item.status]
    return words.BATCH_ITEM[item.outcome]


def _source(batch: Batch) -> list[Fact]:
    where = batch.source
    return [Fact("Source", where.value, f"/batches?source={where.value}")] if where else []


def _plan(batch: Batch) -> list[Fact]:
    """Return what a bulk re-run was accepted to do."""
    plan = batch.rerun
    if plan is None:
        return []
    after = plan.after_batch_id
    earlier = [Fact("What failed in", f"#{after}", f"/batches/{after}")] if after else []
    canary = f"the first {plan.canary:,}" if plan.canary else DASH
    return [
        Fact("Why", plan.reason),
        Fact("Mode", plan.mode.value),
        Fact("Canary", canary, hint="The rest runs only if all of these complete"),
        Fact("At most per minute", f"{plan.rate_per_minute:,}" if plan.rate_per_minute else DASH),
        *earlier,
    ]


def _show_reruns(reruns: Sequence[Batch]) -> None:
    for rerun in reruns:
        with ui.element("div").classes("ba2-inline"):
            ui.link(rerun.sentence, f"/batches/{rerun.id}").classes("ba2-link")


def _button(text: str, icon: str, handler: object) -> ui.button:
    return ui.button(text, icon=icon, color=None, on_click=handler).props("outline dense no-caps size=sm")  # type: ignore[arg-type]


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
