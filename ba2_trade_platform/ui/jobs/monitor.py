"""Job Monitoring: joins filters, table, pager, keys and drawer, and follows the change feed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from nicegui import ui
from nicegui.events import KeyEventArguments

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.analyses.rerun import RerunAccepted
from ba2_trade_platform.core.analyses.service import Done
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.core.base.clocks import day_start
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.ui.jobs.drawer import JobDrawer
from ba2_trade_platform.ui.jobs.filters import JobFilters
from ba2_trade_platform.ui.jobs.pager import JobPager
from ba2_trade_platform.ui.jobs.row_outlook import RowOutlooks
from ba2_trade_platform.ui.jobs.selection_bar import SelectBar
from ba2_trade_platform.ui.jobs.table import ById, JobTable
from ba2_trade_platform.ui.jobs.view import TOPICS, View, line
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.rerun.dialog import Reruns


class JobMonitor:
    """The heart of the console."""

    def __init__(self, desk: Desk, view: View) -> None:
        self._desk = desk
        self._view = view
        self._page: Page[AnalysisRow] = Page(())
        self._total = 0
        self._earlier: list[str | None] = []
        self._busy, self._new = set[int](), set[int]()
        self._at: int | None = None
        self._open_providers, self._stopping = frozenset[str](), frozenset[int]()
        self._outlooks = RowOutlooks(desk)
        self._lock = asyncio.Lock()
        self._reruns = Reruns(desk)

    async def build(self) -> None:
        """Build everything and show the first page."""
        self._experts = {found.id: found.alias for found in await off_loop(self._desk.platform.experts.list)}
        self._filters = JobFilters(self._view, self._experts, self._change_view, self._show_new)
        self._bar = SelectBar(self._desk, self._filter, self._catch_up)
        with ui.element("div").classes("ba2-body"):
            with ui.element("div").classes("ba2-main").style("position: relative"):
                verbs: dict[str, ById] = {
                    "rerun": partial(self._rerun, self._reruns.click),
                    "rerun_part": partial(self._rerun, self._reruns.options),
                    "open": self._open,
                    "verdict": self._outlooks.open,
                    "run_now": partial(self._perform, self._desk.platform.waiting_retries.run_now),
                    "stop_retrying": partial(self._perform, self._desk.platform.waiting_retries.stop),
                    "cancel": partial(self._perform, self._desk.platform.analyses.cancel),
                    "again": self._run_again,
                    "delete": self._ask_delete,
                }
                self._table = JobTable(self._sort, verbs, self._pick, self._pick_page)
                self._empty = ui.element("div").classes("ba2-empty ba2-gone")
                turns = (self._to_first, self._to_previous, self._to_next)
                self._pager = JobPager(self._view.size, lambda size: self._change_view(size=size), *turns)
            self._drawer = JobDrawer(self._desk, self._close_drawer)
        # Keys work while a button has the focus too, except Enter, which then belongs to the button.
        ui.keyboard(on_key=self._key, ignore=["input", "select", "textarea"])
        ui.keyboard(on_key=self._enter, repeating=False)
        ui.keyboard(on_key=self._space, repeating=False, ignore=["input", "select", "button", "textarea"])
        self._desk.live.watch(self._on_change, *TOPICS)
        await self._load()
        if self._view.open is not None:
            await self._drawer.show(self._view.open)

    # --- showing -------------------------------------------------------------------------------------------------

    def _filter(self) -> Filter:
        return self._view.filter(day_start(datetime.now(UTC), self._desk.platform.settings.zone))

    async def _load(self) -> None:
        """Read the page that the view asks for and show it."""
        jobs, view, chosen = self._desk.platform.monitoring.jobs, self._view, self._filter()

        def read() -> tuple[Page[AnalysisRow], int, frozenset[str]]:
            page = jobs.page(chosen, sort=view.sort, descending=view.dir == "desc", cursor=view.after, limit=view.size)
            self._outlooks.read(page.items)
            return page, jobs.count(chosen), self._desk.platform.breakers.open_providers()

        with reporting():
            async with self._lock:
                self._page, self._total, self._open_providers = await off_loop(read)
                self._new.clear()
                self._show()
            await self._bar.show()

    def _show(self) -> None:
        stopping = self._stopping = self._desk.platform.worker.status.stopping
        zone, lines = self._desk.zone, list[dict[str, Any]]()
        for row in self._page.items:
            shown = line(
                row, zone, busy=row.id in self._busy, stopping=row.id in stopping, open_providers=self._open_providers
            )
            shown |= self._outlooks.cell(row)
            shown["rerun"] &= self._desk.platform.analyses.rerun_enabled
            chosen = row.id == self._drawer.analysis_id
            shown["picked"] = self._bar.picked.holds(row.id)
            shown["cls"] = ("chosen " if chosen else "") + ("at" if row.id == self._at else "")
            lines.append(shown)
        self._table.show(lines, self._view.sort, self._view.dir == "desc")
        self._table.show_page_tick(self._bar.picked.covers(self._page.items))
        self._filters.show(self._view, len(self._new))
        before = len(self._earlier) * self._view.size if self._view.after is None or self._earlier else None
        self._pager.show(len(lines), self._total, before, first=self._view.after is None, page=self._page)
        self._show_empty(not lines)

    def _show_empty(self, empty: bool) -> None:
        self._table.table.classes(add="ba2-gone" if empty else "", remove="" if empty else "ba2-gone")
        self._empty.classes(add="" if empty else "ba2-gone", remove="ba2-gone" if empty else "")
        self._empty.clear()
        if not empty:
            return
        with self._empty:
            if self._view.filtered:
                ui.icon("filter_alt_off")
                ui.label("No analysis matches these filters").classes("ba2-empty-title")
                ui.link("Clear filters", "/marketanalysis").classes("ba2-link")
            elif self._experts:
                ui.icon("query_stats")
                ui.label("No analyses yet").classes("ba2-empty-title")
                ui.label("Choose an expert and a symbol, and run the first one.")
                ui.link("Manual Analysis", "/marketanalysis?tab=manual").classes("ba2-link")
            else:
                ui.icon("psychology")
                ui.label("No experts yet").classes("ba2-empty-title")
                ui.label(
                    "Add your first expert, or load the demo desk: eight experts on nine real stocks, no key needed."
                )
                with ui.row().classes("justify-center items-center").style("margin-top: 10px"):
                    ui.link("Add an expert", "/experts").classes("ba2-link")
                    ui.button("Load the demo desk", color=None, on_click=self._load_demo).props("outline no-caps dense")

    async def _on_change(self, change: Change) -> None:
        """Patch the visible rows that changed; new ones wait behind a pill, so that nothing jumps."""
        visible = self._table.ids
        touched = visible if change.ids is None else [row_id for row_id in visible if row_id in change.ids]
        with reporting():
            if not visible:
                await self._load()
            elif self._bar.pauses:
                await self._hold(touched, change)
            else:
                await self._patch(touched, change.added)
        await self._drawer.refresh(change)

    async def _patch(self, touched: list[int], new: frozenset[int] = frozenset()) -> None:
        jobs, chosen = self._desk.platform.monitoring.jobs, self._filter()
        added = [row_id for row_id in new if row_id not in set(self._table.ids)]

        def read() -> tuple[dict[int, Any], set[int], int, frozenset[str]]:
            rows = {row.id: row for row in jobs.rows(touched)} if touched else {}
            self._outlooks.read(rows.values())
            matching = jobs.matching(added, chosen) if added else set()
            return rows, matching, jobs.count(chosen), self._desk.platform.breakers.open_providers()

        async with self._lock:
            fresh, matching, total, open_providers = await off_loop(read)
            stopping = self._desk.platform.worker.status.stopping
            if not (touched or matching) and (total, open_providers, stopping) == (
                self._total,
                self._open_providers,
                self._stopping,
            ):
                return  # nothing that is shown here has changed
            self._total, self._open_providers = total, open_providers
            gone = set(touched) - set(fresh)
            items = tuple(fresh.get(row.id, row) for row in self._page.items if row.id not in gone)
            self._page = Page(items, self._page.next_cursor, bounded=self._page.bounded)
            self._new |= matching
            self._show()

    async def _hold(self, touched: list[int], change: Change) -> None:
        """While rows are ticked none is moved or changed; say how many would be."""
        rows = await off_loop(self._desk.platform.monitoring.jobs.rows, touched) if touched else []
        fresh = {row.id: row.version for row in rows}
        shown = {row.id: row.version for row in self._page.items if row.id in touched}
        self._bar.hold({row_id for row_id, version in shown.items() if fresh.get(row_id) != version} | change.added)

    async def _catch_up(self) -> None:
        with reporting():
            await self._patch(self._table.ids)

    # --- picking -------------------------------------------------------------------------------------------------

    async def _pick(self, analysis_id: int, span: bool) -> None:
        row = next((row for row in self._page.items if row.id == analysis_id), None)
        if row is not None:
            self._at = analysis_id
            self._bar.picked.toggle(row, self._page.items, span=span)
            await self._show_picked()

    async def _pick_page(self) -> None:
        self._bar.picked.page(self._page.items)
        await self._show_picked()

    async def _show_picked(self) -> None:
        self._show()
        await self._bar.show()

    # --- the view ------------------------------------------------------------------------------------------------

    async def _change_view(self, **parts: Any) -> None:
        changed = self._view.changed(**parts)
        if changed == self._view:
            return
        if "after" not in parts:
            self._earlier.clear()
        if self._bar.picked.everything is not None and changed.filter_parts != self._view.filter_parts:
            self._bar.picked.clear()  # it meant what the filter found
        self._view = changed
        ui.navigate.history.replace(changed.url())
        await self._load()

    async def _show_new(self) -> None:
        self._earlier.clear()
        self._view = self._view.changed(sort="id", dir="desc")
        ui.navigate.history.replace(self._view.url())
        await self._load()

    async def _sort(self, column: str, descending: bool) -> None:
        await self._change_view(sort=column, dir="desc" if descending else "asc")

    async def _to_first(self) -> None:
        self._earlier.clear()
        await self._change_view(after=None)

    async def _to_previous(self) -> None:
        await self._change_view(after=self._earlier.pop() if self._earlier else None)

    async def _to_next(self) -> None:
        if self._page.next_cursor is not None:
            self._earlier.append(self._view.after)
            await self._change_view(after=self._page.next_cursor)

    # --- verbs ---------------------------------------------------------------------------------------------------

    async def _rerun(self, rerun: Callable[[int], Awaitable[RerunAccepted | None]], analysis_id: int) -> None:
        self._busy.add(analysis_id)
        self._show()
        try:
            with reporting():
                await rerun(analysis_id)
        finally:
            self._busy.discard(analysis_id)
            await self._look_again(analysis_id)

    async def _perform(self, verb: Callable[..., Done], analysis_id: int) -> None:
        with reporting():
            done = await off_loop(verb, analysis_id, by=self._desk.trader)
            notify(done.sentence)
        await self._look_again(analysis_id)

    async def _run_again(self, analysis_id: int) -> None:
        with reporting():
            submitted = await off_loop(self._desk.platform.analyses.run_again, analysis_id, by=self._desk.trader)
            notify(submitted.sentence, "warning" if submitted.is_duplicate else "positive")

    async def _ask_delete(self, analysis_id: int) -> None:
        async def delete() -> None:
            with reporting():
                done = await off_loop(self._desk.platform.analyses.delete, analysis_id, by=self._desk.trader)
                notify(done.sentence)
            await self._look_again(analysis_id)

        await confirm(
            f"Delete analysis {analysis_id}?",
            "Its outputs, recommendation and attempts are deleted for ever. If it is running it is cancelled first.",
            "Delete",
            delete,
        )

    async def _load_demo(self) -> None:
        with reporting():
            queued = await off_loop(self._desk.platform.demo.desk.seed, by=self._desk.trader)
            notify(f"Demo desk loaded: {queued} analyses queued")
            ui.navigate.to("/marketanalysis")

    async def _look_again(self, analysis_id: int) -> None:
        """Show at once what became of one row, instead of waiting for the feed."""
        if self._empty.is_deleted:
            return  # the page was left while a dialog asked
        with reporting():
            await self._patch([analysis_id] if analysis_id in self._table.ids else [])

    async def _open(self, analysis_id: int) -> None:
        self._at = analysis_id
        self._view = self._view.changed(open=analysis_id, after=self._view.after)
        ui.navigate.history.replace(self._view.url())
        await self._drawer.show(analysis_id)
        self._show()

    async def _close_drawer(self) -> None:
        self._view = self._view.changed(open=None, after=self._view.after)
        ui.navigate.history.replace(self._view.url())
        self._drawer.hide()
        self._show()

    # --- keys ----------------------------------------------------------------------------------------------------

    async def _key(self, event: KeyEventArguments) -> None:
        key = str(event.key)
        if not event.action.keydown or event.modifiers.ctrl or event.modifiers.meta or event.modifiers.alt:
            return
        if key in ("j", "k"):
            self._move(1 if key == "j" else -1)
        elif key == "r" and not event.action.repeat:
            shown = self._table.line_of(self._at) if self._at else None
            if shown is not None:
                await self._rerun(self._reruns.click, shown["id"])
        elif key == "x" and self._drawer.analysis_id is not None:
            await self._close_drawer()
        elif key == "Escape":
            await self._bar.escape()
        elif key == "/":
            self._filters.focus_search()

    async def _enter(self, event: KeyEventArguments) -> None:
        if event.action.keydown and str(event.key) == "Enter" and self._at is not None:
            await self._open(self._at)

    async def _space(self, event: KeyEventArguments) -> None:
        if event.action.keydown and str(event.key) == " " and self._at is not None:
            await self._pick(self._at, bool(event.modifiers.shift))

    def _move(self, by: int) -> None:
        ids = self._table.ids
        if ids:
            place = ids.index(self._at) + by if self._at in ids else 0
            self._at = ids[max(0, min(len(ids) - 1, place))]
            self._show()
            ui.run_javascript(
                "requestAnimationFrame(() => document.querySelector('.ba2-table tr.at')"
                "?.scrollIntoView({block: 'nearest'}))"
            )
