"""Watchlists page: the lists beside the symbols of the chosen one, and the instruments tab."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.instruments.list_files import ListFile
from ba2_trade_platform.core.instruments.symbol_parsing import Report
from ba2_trade_platform.core.instruments.watchlists import WatchlistSummary
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.panels import KeyedList, empty_state, small_button
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.ui.watchlists.dialogs import ask_name
from ba2_trade_platform.ui.watchlists.file_dialog import ask_file
from ba2_trade_platform.ui.watchlists.instruments import InstrumentList
from ba2_trade_platform.ui.watchlists.view import WatchView
from ba2_trade_platform.ui.watchlists.watchlist import WatchList

TABS = (("lists", "Watchlists", "/watchlists"), ("instruments", "Instruments", "/watchlists?tab=instruments"))
FILE_HINT = "The first line names the columns watchlist and symbol; lists that are not there are made."


async def lists_page(desk: Desk, request: Request) -> None:
    """Build the page for the view that its address asks for; it follows changes."""
    view = WatchView.of(request.query_params)
    async with frame(desk, "Watchlists", "watchlists"):
        with ui.element("nav").classes("ba2-tabs").props('aria-label="Views"'):
            for name, label, url in TABS:
                ui.link(label, url).classes("active" if name == view.tab else "")
        if view.tab == "instruments":
            await InstrumentList(desk, view).build()
        else:
            await ListsPage(desk, view).build()


class ListsPage:
    """The lists, and the chosen one."""

    def __init__(self, desk: Desk, view: WatchView) -> None:
        self._desk, self._view = desk, view
        self._list: WatchList | None = None
        self._lock = asyncio.Lock()

    async def build(self) -> None:
        """Build everything; without a choice the first list is shown."""
        with ui.element("div").classes("ba2-body ba2-stacked"):
            with ui.element("nav").classes("ba2-lists").props('aria-label="Watchlists"'):
                small_button("New list", "add", self._new, "flat").mark("new-list")
                small_button("Import", "upload", self._import, "flat").mark("import-list")
                self._names: KeyedList[int, WatchlistSummary] = KeyedList(self._name)
                self._names.element.style("display: contents")
            self._main = ui.element("div").classes("ba2-main")
        await self.reload()
        self._desk.live.watch(self.refresh, Topic.WATCHLISTS, Topic.INSTRUMENTS, Topic.ANALYSES, Topic.SCHEDULES)

    async def refresh(self, change: Change) -> None:
        """Show the lists, and what changed of the chosen one."""
        if change.of({Topic.WATCHLISTS, Topic.SCHEDULES}):
            await self.reload()
        if self._list is not None:
            await self._list.refresh(change)

    async def reload(self) -> None:
        """Show the lists as they stand."""
        with reporting():
            async with self._lock:
                found = await off_loop(self._desk.platform.instruments.watchlists.summaries)
                if self._main.is_deleted:
                    return
                if self._view.list is None and found:  # the first list there is takes the place of the advice
                    self._view = replace(self._view, list=found[0].id)
                    self._main.clear()
                if not self._main.default_slot.children:
                    with self._main:
                        await self._build_chosen()
                self._names.show({one.id: one for one in found})

    async def _build_chosen(self) -> None:
        if self._view.list is None:
            empty_state(
                "list_alt",
                "No watchlists yet",
                "A watchlist is a named list of symbols. Press New list, or Import a CSV file.",
                "Symbols can be analysed without one: type them in Manual Analysis.",
                links=(("Manual Analysis", "/marketanalysis?tab=manual"),),
            )
            return
        try:
            await off_loop(self._desk.platform.instruments.watchlists.get, self._view.list)
        except NotFound as error:
            sentence = f"{error}. It may have been deleted."
            empty_state("search_off", "Not found", sentence, links=(("All lists", "/watchlists"),))
            return
        self._list = WatchList(self._desk, self._view, self._view.list, self.reload)
        await self._list.build()

    def _name(self, one: WatchlistSummary) -> None:
        chosen = one.id == self._view.list
        link = ui.link(target=WatchView(list=one.id, sort=self._view.sort).url())
        link.classes("active" if chosen else "").props('aria-current="page"' if chosen else "")
        link.mark(f"list-{one.id}")
        with link:
            ui.label(one.name)
            ui.label(f"{one.symbols:,}").classes("ba2-muted")
        if one.schedules:
            link.props["title"] = f"Analysed by {', '.join(one.schedules)}"

    async def _new(self) -> None:
        async def save(name: str) -> None:
            made = await off_loop(self._desk.platform.instruments.watchlists.create, name, by=self._desk.trader)
            if self._view.list in (None, made.id):  # the first list is shown in place, here or by the feed
                await self.reload()
            else:
                ui.navigate.to(WatchView(list=made.id).url())

        ask_name("New watchlist", "", save)

    async def _import(self) -> None:
        imports, by = self._desk.platform.instruments.imports, self._desk.trader

        def read(file: ListFile, unknown: bool, preview: bool) -> Report:
            return imports.watchlists(file, by=by, unknown=unknown, preview=preview)

        ask_file("Import watchlists", FILE_HINT, read, self.reload, lists=True)
