"""Batch page: progress and items of one batch, with pause, resume, cancel and re-run of failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.queries import Batch, BatchItem, Reason
from ba2_trade_platform.ui.batches.list_page import bar, jobs_url
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Fact, KeyedList, Panel, chip, empty_state, facts
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, duration, exact, moment
from ba2_trade_platform.ui.kit.urls import symbol_url, whole_number
from ba2_trade_platform.ui.rerun.bulk_dialog import ask_bulk_rerun
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.vocabulary import BatchState, ItemOutcome, Status

ITEM_HEADERS = ("No.", "Analysis", "Symbol", "Expert", "Outcome", "Attempt", "Reason")
OUTCOMES: dict[str, tuple[ItemOutcome, ...]] = {
    "waiting": (ItemOutcome.PLANNED, ItemOutcome.QUEUED),
    **{name: (ItemOutcome(name),) for name in words.BATCH_ITEMS if name != "waiting"},
}
PAGE = 100
TOPICS = (Topic.ANALYSES, Topic.BATCHES, Topic.EXPERTS, Topic.QUEUE)
ESTIMATE = "As the newest analyses of these experts took, behind what waits before it"


async def batch_page(desk: Desk, batch_id: str, request: Request) -> None:
    """Build the page of one batch."""
    async with frame(desk, f"Batch {batch_id}", "batches", "ba2-scroll ba2-stack"):
        try:
            batch = await off_loop(desk.platform.batches.get, whole_number(batch_id) or 0)
        except NotFound as error:
            empty_state("search_off", "Not found", f"{error}.", links=(("All batches", "/batches"),))
            return
        await OneBatch(desk, batch, request.query_params).build()


@dataclass(frozen=True)
class _Shown:
    batch: Batch
    items: Page[BatchItem]
    reasons: tuple[Reason, ...]
    reruns: tuple[Batch, ...]


class OneBatch:
    """One batch, kept true by the feed."""

    def __init__(self, desk: Desk, batch: Batch, query: Mapping[str, str]) -> None:
        self._desk, self._service, self._id = desk, desk.platform.batches, batch.id
        self._title = f"{'Bulk re-run' if batch.rerun else 'Batch'} {batch.id}"
        self._outcome = query.get("outcome") if query.get("outcome") in OUTCOMES else None
        self._cursor = whole_number(query.get("after")) or 0

    async def build(self) -> None:
        """Build everything and show it."""
        self._head = Panel(self._title)
        with self._head.head:
            ui.space()
            self._pause = _button("Pause", "pause", self._do_pause).mark("pause-batch")
            self._resume = _button("Resume", "play_arrow", self._do_resume).mark("resume-batch")
            self._abort = _button("Abort", "block", self._ask_abort).mark("abort-batch")
            self._cancel = _button("Cancel", "cancel", self._ask_cancel).mark("cancel-batch")
            self._again = _button("Re-run failed", "refresh", self._rerun_failed).mark("rerun-failed")
            self._again.classes("ba2-rerun")
            ui.link("In Job Monitoring", f"/marketanalysis?bulk={self._id}").classes("ba2-link")
        self._why = Panel("What was not done, and why")
        self._reruns = Panel("Re-runs of what failed")
        self._build_items(Panel("Items"))
        self._look = await self._desk.live.follow(self._read, self._show, *TOPICS)

    def _build_items(self, panel: Panel) -> None:
        with panel.head:
            ui.space()
            choice = ui.select(words.BATCH_ITEMS, label="Outcome", value=self._outcome, clearable=True)
            choice.props("dense outlined options-dense").style("width: 150px").mark("item-outcome")
            choice.on_value_change(lambda event: ui.navigate.to(self._url(event.value)))
        with panel.element:
            with ui.element("div") as self._table, plain_table("Items", ITEM_HEADERS, right=frozenset({"No."})):
                self._items: KeyedList[int, BatchItem] = KeyedList(self._line, tag="tbody", entry_tag="tr")
            self._none = ui.label("None of its items is here.").classes("ba2-muted")
            with ui.row().classes("items-center"):
                ui.link("First page", self._url(self._outcome)).classes("ba2-link").set_visibility(self._cursor > 0)
                self._next = ui.link("Next page", "").classes("ba2-link").mark("next-items")

    def _read(self) -> _Shown:
        outcomes = OUTCOMES[self._outcome] if self._outcome else ()
        items = self._service.items(self._id, outcomes, cursor=self._cursor, limit=PAGE)
        reasons, reruns = self._service.reasons(self._id), self._service.reruns(self._id)
        return _Shown(self._service.get(self._id), items, reasons, reruns)

    def _show(self, shown: _Shown) -> None:
        batch, items, following = shown.batch, shown.items.items, shown.items.next_cursor
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
        self._items.show({item.position: item for item in items})
        self._table.set_visibility(bool(items))
        self._none.set_visibility(not items)
        self._next.set_visibility(following is not None)
        self._next.props["href"] = self._url(self._outcome, following)
        self._next.update()

    def _show_head(self, batch: Batch) -> None:
        with ui.element("div").classes("ba2-inline"):
            chip(words.BATCH_STATE[batch.state])
            ui.label(batch.name).classes("ba2-pick-name")
            bar(batch)
        _count_links(batch)
        zone, source, ends = self._desk.zone, batch.source, batch.finished_at
        if ends is None and batch.seconds_left is not None:
            ends = datetime.now(UTC) + timedelta(seconds=batch.seconds_left)
        state = words.BATCH_STATE[batch.state].word.capitalize()
        why = f": {batch.stop_reason}" if batch.stop_reason else ""
        stopped = f"{moment(batch.stopped_at, zone)} by {batch.stopped_by}{why}"
        facts(
            [
                Fact("Asked by", batch.actor),
                Fact("Kind", words.BATCH_KIND[batch.kind], f"/batches?kind={batch.kind.value}"),
                Fact("Source", source.value, f"/batches?source={source.value}") if source else None,
                *_plan(batch),
                Fact("Begun", exact(batch.created_at, zone)),
                Fact(state, stopped) if batch.stopped_at else None,
                _time_left(batch),
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
        # What has not ended is waiting or running, as in the counts above.
        running = item.outcome is ItemOutcome.QUEUED and item.status is Status.RUNNING
        with cell():
            chip(words.STATUS[Status.RUNNING] if running else words.BATCH_ITEM[item.outcome])
        text_cell(DASH if item.attempt is None else str(item.attempt))
        text_cell(item.reason or "", classes="ba2-wrap")

    async def _perform(self, verb: Callable[..., Batch], said: Callable[[Batch], str]) -> None:
        with reporting():
            batch = await off_loop(verb, self._id, by=self._desk.trader)
            notify(f"{self._title} {said(batch)}")
        await self._look()

    async def _do_pause(self) -> None:
        await self._perform(self._service.pause, lambda _: "paused: what runs goes on, nothing more of it begins")

    async def _do_resume(self) -> None:
        await self._perform(self._service.resume, lambda _: "goes on")

    async def _ask_cancel(self) -> None:
        def said(batch: Batch) -> str:
            return f"is being cancelled: {batch.counts.remaining:,} analyses end now"

        await confirm(
            f"Cancel {self._title.lower()}?",
            "What waits and what runs of it is cancelled, running experts are stopped. What is done stays.",
            "Cancel the rest",
            partial(self._perform, self._service.cancel, said),
        )

    async def _ask_abort(self) -> None:
        await confirm(
            f"Abort {self._title.lower()}?",
            "What is not queued yet is skipped and stays failed. What is queued or runs goes on.",
            "Abort the rest",
            partial(
                self._perform, self._service.abort, lambda batch: f"aborted: {batch.counts.skipped:,} skipped in all"
            ),
        )

    async def _rerun_failed(self) -> None:
        chosen = Filter(bulk=self._id, bulk_outcome=ItemOutcome.FAILED)
        await ask_bulk_rerun(self._desk, Selection(chosen), name=f"What failed in #{self._id}")

    def _url(self, outcome: str | None, after: int | None = None) -> str:
        said = {"outcome": outcome, "after": after}
        given = {name: value for name, value in said.items() if value}
        return f"/batches/{self._id}" + (f"?{urlencode(given)}" if given else "")


def _count_links(batch: Batch) -> None:
    """Show every count as a link to what it counts."""
    with ui.element("div").classes("ba2-counts ba2-wrap").props('role=navigation aria-label="Analyses by outcome"'):
        for word, label in words.BATCH_COUNT.items():
            number = getattr(batch.counts, word)
            with ui.link(target=jobs_url(batch, word)).classes("ba2-count").props(f'data-batch="{word}"'):
                tone = {"failed": "tone-bad", "blocked": "tone-warn"}.get(word, "") if number else ""
                ui.label(f"{number:,}").classes(f"ba2-number {tone}")
                ui.label(label)


def _time_left(batch: Batch) -> Fact:
    """Say how long the rest takes, or how long it took."""
    word, to_go = "The rest takes", f"{batch.counts.remaining:,} to go"
    if batch.finished_at is not None:
        word, said = "Took", duration(1000 * (batch.finished_at - batch.created_at).total_seconds())
    elif batch.state is BatchState.CANCELLED:
        said = f"being cancelled, {to_go}"
    elif batch.state is BatchState.PAUSED:
        word, said = "Left", f"paused, {to_go}"
    else:
        left = batch.seconds_left
        said = "not known yet" if left is None else f"about {duration(1000 * max(1, left))}"
    return Fact(word, said, hint=ESTIMATE)


def _plan(batch: Batch) -> list[Fact | None]:
    """Return what a bulk re-run was accepted to do."""
    plan = batch.rerun
    if plan is None:
        return []
    after = plan.after_batch_id
    canary = f"the first {plan.canary:,}" if plan.canary else DASH
    return [
        Fact("Why", plan.reason),
        Fact("Mode", plan.mode.value),
        Fact("Canary", canary, hint="The rest runs only if all of these complete"),
        Fact("At most per minute", f"{plan.rate_per_minute:,}" if plan.rate_per_minute else DASH),
        Fact("What failed in", f"#{after}", f"/batches/{after}") if after else None,
    ]


def _show_reruns(reruns: Sequence[Batch]) -> None:
    for rerun in reruns:
        with ui.element("div").classes("ba2-inline"):
            ui.link(rerun.sentence, f"/batches/{rerun.id}").classes("ba2-link")


def _button(text: str, icon: str, handler: Callable[[], object]) -> ui.button:
    return ui.button(text, icon=icon, color=None, on_click=handler).props("outline dense no-caps size=sm")
