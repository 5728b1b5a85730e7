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
from ba2_trade_platform.ui.jobs.row_outlook import RowOutlooks
from ba2_trade_platform.ui.jobs.selection_bar import SelectBar
from ba2_trade_platform.ui.jobs.table import ById, JobPager, JobTable
from ba2_trade_platform.ui.jobs.view import TOPICS, View, line
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import empty_state
from ba2_trade_platform.ui.rerun.dialog import Reruns


class JobMonitor:
    """The heart of the console."""

    def __init__(self, desk: Desk, view: View) -> None:
        self._desk = desk
        self._platform = desk.platform
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
        self._experts = {found.id: found.alias for found in await off_loop(self._platform.experts.list)}
        self._filters = JobFilters(self._view, self._experts, self._change_view, self._show_new)
        self._bar = SelectBar(self._desk, self._filter, self._catch_up)
        with ui.element("div").classes("ba2-body"):
            with ui.element("div").classes("ba2-main").style("position: relative"):
                verbs: dict[str, ById] = {
                    "rerun": partial(self._rerun, self._reruns.click),
                    "rerun_part": partial(self._rerun, self._reruns.options),
                    "open": self._open,
                    "verdict": self._outlooks.open,
                    "run_now": partial(self._perform, self._platform.waiting_retries.run_now),
                    "stop_retrying": partial(self._perform, self._platform.waiting_retries.stop),
                    "cancel": partial(self._perform, self._platform.analyses.cancel),
                    "again": self._run_again,
                    "delete": self._ask_delete,
                }
                self._table = JobTable(self._sort, verbs, self._pick, self._pick_page)
                self._empty = ui.element("div").style("margin: auto")
                turns = (self._change_view, self._to_previous, self._to_next)
                self._pager = JobPager(self._view.size, lambda size: self._change_view(size=size), *turns)
            self._drawer = JobDrawer(self._desk, self._close_drawer)
        # Keys work while a button has the focus too, except Enter, which then belongs to the button.
        ui.keyboard(on_key=self._key, ignore=["input", "select", "textarea"])
        ui.keyboard(on_key=self._press, repeating=False)
        self._desk.live.watch(self._on_change, *TOPICS)
        await self._load()
        if self._view.open is not None:
            await self._drawer.show(self._view.open)

    # --- showing -------------------------------------------------------------------------------------------------

    def _filter(self) -> Filter:
        return self._view.filter(day_start(datetime.now(UTC), self._platform.settings.zone))

    async def _load(self) -> None:
        """Read the page that the view asks for and show it."""
        jobs, view, chosen = self._platform.monitoring.jobs, self._view, self._filter()

        def read() -> tuple[Page[AnalysisRow], int, frozenset[str]]:
            page = jobs.page(chosen, sort=view.sort, descending=view.dir == "desc", cursor=view.after, limit=view.size)
            self._outlooks.read(page.items)
            return page, jobs.count(chosen), self._platform.breakers.open_providers()

        with reporting():
            async with self._lock:
                self._page, self._total, self._open_providers = await off_loop(read)
                self._new.clear()
                self._show()
            await self._bar.show()

    def _show(self) -> None:
        stopping = self._stopping = self._platform.worker.status.stopping
        zone, lines = self._desk.zone, list[dict[str, Any]]()
        for row in self._page.items:
            shown = line(
                row, zone, busy=row.id in self._busy, stopping=row.id in stopping, open_providers=self._open_providers
            )
            shown |= self._outlooks.cell(row)
            shown["rerun"] &= self._platform.analyses.rerun_enabled
            chosen = row.id == self._drawer.analysis_id
            shown["picked"] = self._bar.picked.holds(row.id)
            shown["cls"] = ("chosen " if chosen else "") + ("at" if row.id == self._at else "")
            lines.append(shown)
        self._table.show(lines, self._view.sort, self._view.dir == "desc")
        self._table.ticks.show_page(self._bar.picked.covers(self._page.items))
        self._filters.show(self._view, len(self._new))
        before = len(self._earlier) * self._view.size if self._view.after is None or self._earlier else None
        self._pager.show(len(lines), self._total, before, first=self._view.after is None, page=self._page)
        self._table.table.set_visibility(bool(lines))
        self._empty.set_visibility(not lines)
        self._empty.clear()
        if not lines:
            with self._empty:
                self._show_empty()

    def _show_empty(self) -> None:
        if self._view.filtered:
            title = "No analysis matches these filters"
            empty_state("filter_alt_off", title, links=(("Clear filters", "/marketanalysis"),))
        elif self._experts:
            what = "Choose an expert and a symbol, and run the first one."
            manual = ("Manual Analysis", "/marketanalysis?tab=manual")
            empty_state("query_stats", "No analyses yet", what, links=(manual,))
        else:
            what = "Add your first expert, or load the demo desk: eight experts on nine real stocks, no key needed."
            with empty_state("psychology", "No experts yet", what, links=(("Add an expert", "/experts"),)):
                ui.button("Load the demo desk", color=None, on_click=self._load_demo).props("outline no-caps dense")

    async def _on_change(self, change: Change) -> None:
        """Patch the visible rows that changed; new ones wait behind a pill, so that nothing jumps."""
        visible = self._table.ids
        touched = change.touched(visible)
        with reporting():
            if not visible:
                await self._load()
            elif self._bar.picked:  # no row moves from under the mouse
                await self._hold(touched, change)
            else:
                await self._patch(touched, change.added)
        await self._drawer.refresh(change)

    async def _patch(self, touched: list[int], new: frozenset[int] = frozenset()) -> None:
        jobs, chosen = self._platform.monitoring.jobs, self._filter()
        added = [row_id for row_id in new if row_id not in set(self._table.ids)]

        def read() -> tuple[dict[int, Any], set[int], int, frozenset[str]]:
            rows = {row.id: row for row in jobs.rows(touched)} if touched else {}
            self._outlooks.read(rows.values())
            matching = jobs.matching(added, chosen) if added else set()
            return rows, matching, jobs.count(chosen), self._platform.breakers.open_providers()

        async with self._lock:
            fresh, matching, total, open_providers = await off_loop(read)
            stopping = self._platform.worker.status.stopping
            shown = (self._total, self._open_providers, self._stopping)
            if not (touched or matching) and (total, open_providers, stopping) == shown:
                return  # nothing that is shown here has changed
            self._total, self._open_providers = total, open_providers
            gone = set(touched) - set(fresh)
            items = tuple(fresh.get(row.id, row) for row in self._page.items if row.id not in gone)
            self._page = Page(items, self._page.next_cursor, bounded=self._page.bounded)
            self._new |= matching
            self._show()

    async def _hold(self, touched: list[int], change: Change) -> None:
        """While rows are ticked none is moved or changed; say how many would be."""
        rows = await off_loop(self._platform.monitoring.jobs.rows, touched) if touched else []
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
        self._take(changed)
        await self._load()

    def _take(self, view: View) -> None:
        """Take this view, and keep it in the address."""
        self._view = view
        ui.navigate.history.replace(view.url())

    async def _show_new(self) -> None:
        self._earlier.clear()
        self._take(self._view.changed(sort="id", dir="desc"))
        await self._load()

    async def _sort(self, column: str, descending: bool) -> None:
        await self._change_view(sort=column, dir="desc" if descending else "asc")

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
            submitted = await off_loop(self._platform.analyses.run_again, analysis_id, by=self._desk.trader)
            notify(submitted.sentence, "warning" if submitted.is_duplicate else "positive")

    async def _ask_delete(self, analysis_id: int) -> None:
        await confirm(
            f"Delete analysis {analysis_id}?",
            "Its outputs, recommendation and attempts are deleted for ever. If it is running it is cancelled first.",
            "Delete",
            partial(self._perform, self._platform.analyses.delete, analysis_id),
        )

    async def _load_demo(self) -> None:
        with reporting():
            queued = await off_loop(self._platform.demo.desk.seed, by=self._desk.trader)
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
        self._take(self._view.changed(open=analysis_id, after=self._view.after))
        await self._drawer.show(analysis_id)
        self._show()

    async def _close_drawer(self) -> None:
        self._take(self._view.changed(open=None, after=self._view.after))
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
            if self._at in self._table.ids:
                await self._rerun(self._reruns.click, self._at)
        elif key == "x" and self._drawer.analysis_id is not None:
            await self._close_drawer()
        elif key == "Escape":
            await self._bar.escape()
        elif key == "/":
            self._filters.focus_search()

    async def _press(self, event: KeyEventArguments) -> None:
        if not event.action.keydown or self._at is None:
            return
        if str(event.key) == "Enter":
            await self._open(self._at)
        elif str(event.key) == " ":
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
