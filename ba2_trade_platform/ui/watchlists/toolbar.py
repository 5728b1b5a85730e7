"""Watchlist toolbar: search, order and verbs of one list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from ba2_trade_platform.core.instruments.list_files import ListFile
from ba2_trade_platform.core.instruments.symbol_parsing import Report
from ba2_trade_platform.core.instruments.watchlists import WatchlistSummary
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import small_button
from ba2_trade_platform.ui.submit.dialog import analyse_dialog
from ba2_trade_platform.ui.watchlists.dialogs import ask_name, ask_symbols
from ba2_trade_platform.ui.watchlists.file_dialog import ask_file
from ba2_trade_platform.ui.watchlists.view import SORT_WORDS, WatchView

FILE_HINT = "A list of symbols, an export of a broker, or a CSV file in which a column is named symbol or ticker."


def search_field(view: WatchView, width: int) -> ui.input:
    """Build the field that finds symbols; Enter, or emptying it, goes to the address of the view that it means."""

    def find() -> None:
        ui.navigate.to(view.url(q=(field.value or "").strip() or None))

    field = ui.input("Symbol or name", value=view.q or "").mark("find").style(f"width: {width}px")
    return field.props("outlined dense clearable maxlength=200").on("keydown.enter", find).on("clear", find)


class WatchBar:
    """Buttons of a list; `load` shows it anew."""

    def __init__(self, desk: Desk, view: WatchView, watchlist_id: int, load: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._id, self._load = desk, watchlist_id, load
        with ui.element("div").classes("ba2-bar"):
            self.search = search_field(view, 170)
            order = ui.select(SORT_WORDS, value=view.sort)
            order.on_value_change(lambda event: ui.navigate.to(view.url(sort=event.value)))
            order.props('dense outlined options-dense aria-label="Order"').classes("ba2-bare-select")
            small_button("Add symbols", "add", self._add).mark("add-symbols")
            small_button("Analyse list", "play_arrow", self._analyse).mark("analyse-list")
            ui.space()
            menu = ui.button("List", icon="more_vert", color=None).props("flat dense no-caps size=sm")
            with menu.mark("list-menu"), ui.menu():
                for word, act in (
                    ("Import a CSV file", self._import),
                    ("Export as CSV", self._export),
                    ("Rename", self._rename),
                    ("Delete", self._ask_delete),
                ):
                    ui.menu_item(word, act).classes("text-no-wrap")

    async def _the(self) -> WatchlistSummary:
        return await off_loop(self._desk.platform.instruments.watchlists.get, self._id)

    async def _analyse(self) -> None:
        await analyse_dialog(self._desk, watchlist_id=self._id)

    async def _add(self) -> None:
        with reporting():
            watchlists, by = self._desk.platform.instruments.watchlists, self._desk.trader

            def add(text: str, unknown: bool) -> Report:
                return watchlists.add_text(self._id, text, by=by, unknown=unknown)

            ask_symbols((await self._the()).name, add, self._load)

    async def _import(self) -> None:
        with reporting():
            imports, by = self._desk.platform.instruments.imports, self._desk.trader

            def read(file: ListFile, unknown: bool, preview: bool) -> Report:
                return imports.watchlists(file, by=by, into=self._id, unknown=unknown, preview=preview)

            ask_file(f"Import into {(await self._the()).name}", FILE_HINT, read, self._load, lists=True)

    async def _export(self) -> None:
        with reporting():
            text = await off_loop(self._desk.platform.instruments.imports.watchlists_file, self._id)
            ui.download.content(text, f"{(await self._the()).name}.csv", "text/csv")

    async def _rename(self) -> None:
        async def save(name: str) -> None:
            await off_loop(self._desk.platform.instruments.watchlists.rename, self._id, name, by=self._desk.trader)

        with reporting():
            ask_name("Rename the watchlist", (await self._the()).name, save)

    async def _ask_delete(self) -> None:
        async def delete() -> None:
            with reporting():
                await off_loop(self._desk.platform.instruments.watchlists.delete, self._id, by=self._desk.trader)
                notify(f"Watchlist {found.name} deleted")
                ui.navigate.to("/watchlists")

        with reporting():
            found = await self._the()
            if found.schedules:
                names = ", ".join(found.schedules)
                notify(f"{names}: these schedules analyse {found.name}; change them first", "warning")
                return
            consequence = f"Its {found.symbols:,} symbols stay instruments, and their analyses stay."
            await confirm(f"Delete {found.name}?", consequence, "Delete", delete)
