"""Watchlist toolbar: search, order and verbs of one list, and of its ticked symbols."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from nicegui import ui

from ba2_trade_platform.core.instruments.symbol_parsing import Report
from ba2_trade_platform.core.instruments.watchlists import WatchlistSummary
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.submit.dialog import analyse_dialog
from ba2_trade_platform.ui.watchlists.dialogs import ask_file, ask_name, ask_symbols
from ba2_trade_platform.ui.watchlists.view import SORT_WORDS, WatchView

MOVES = (("Up", "arrow_upward", -1), ("Down", "arrow_downward", 1), ("Top", "vertical_align_top", 0))
SMALL = "flat dense no-caps size=sm"
FILE_HINT = "A line for each symbol; the first line names the columns: symbol, in any order with others."


class ListOwner(Protocol):
    """Whose bars they are."""

    @property
    def picked(self) -> list[str]:
        """The ticked symbols."""

    async def load(self) -> None:
        """Show the list anew."""

    async def remove(self) -> None:
        """Take the ticked symbols off."""

    async def move(self, to: int) -> None:
        """Move the ticked symbols."""

    async def clear(self) -> None:
        """Untick everything."""


class WatchBar:
    """Buttons of a list."""

    def __init__(self, desk: Desk, view: WatchView, watchlist_id: int, owner: ListOwner) -> None:
        self._desk, self._view, self._id, self._owner = desk, view, watchlist_id, owner
        with ui.element("div").classes("ba2-bar"):
            self._search = ui.input("Symbol or name", value=view.q or "").mark("find")
            self._search.props("outlined dense clearable maxlength=200").style("width: 170px")
            self._search.on("keydown.enter", self._find).on("clear", self._find)
            order = ui.select(SORT_WORDS, value=view.sort, on_change=lambda event: self._go(sort=event.value))
            order.props('dense outlined options-dense aria-label="Order"').classes("ba2-bare-select")
            add = ui.button("Add symbols", icon="add", color=None, on_click=self._add)
            add.props("outline dense no-caps size=sm").mark("add-symbols")
            analyse = ui.button("Analyse list", icon="play_arrow", color=None, on_click=self._analyse_list)
            analyse.props("outline dense no-caps size=sm").mark("analyse-list")
            ui.space()
            with ui.button("List", icon="more_vert", color=None).props(SMALL).mark("list-menu"), ui.menu():
                for word, act in (
                    ("Import a CSV file", self._import),
                    ("Export as CSV", self._export),
                    ("Rename", self._rename),
                    ("Delete", self._ask_delete),
                ):
                    ui.menu_item(word, act).classes("text-no-wrap")
        self._chosen = ui.element("div").classes("ba2-bar ba2-picked ba2-gone").props('role=region aria-live="polite"')
        self._chosen.props["aria-label"] = "Selection"
        with self._chosen:
            self._count = ui.label().classes("ba2-pick-name").mark("picked")
            self._button("Analyse", "play_arrow", self._analyse_picked)
            self._button("Take off the list", "playlist_remove", owner.remove)
            for word, icon, to in MOVES:
                self._button(word, icon, partial(owner.move, to)).set_visibility(view.sort == "order")
            self._button("Clear", "close", owner.clear)

    def show(self, picked: Sequence[str]) -> None:
        """Show how many are ticked."""
        self._chosen.classes(add="" if picked else "ba2-gone", remove="ba2-gone" if picked else "")
        self._count.set_text(f"{len(picked):,} selected")

    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        self._search.run_method("focus")

    def _button(self, word: str, icon: str, act: object) -> ui.button:
        button = ui.button(word, icon=icon, color=None, on_click=act)  # type: ignore[arg-type]  # a verb of the owner
        return button.props(SMALL).mark(f"picked-{word.split(maxsplit=1)[0].lower()}")

    def _find(self) -> None:
        self._go(q=(self._search.value or "").strip() or None)

    def _go(self, **changed: str | None) -> None:
        ui.navigate.to(self._view.url(**changed))

    async def _the(self) -> WatchlistSummary:
        return await off_loop(self._desk.platform.instruments.watchlists.get, self._id)

    async def _analyse_picked(self) -> None:
        await analyse_dialog(self._desk, symbols=self._owner.picked)

    async def _analyse_list(self) -> None:
        await analyse_dialog(self._desk, watchlist_id=self._id)

    async def _add(self) -> None:
        with reporting():
            watchlists, by = self._desk.platform.instruments.watchlists, self._desk.trader

            def add(text: str, unknown: bool) -> Report:
                return watchlists.add_text(self._id, text, by=by, unknown=unknown)

            ask_symbols((await self._the()).name, add, self._owner.load)

    async def _import(self) -> None:
        with reporting():
            imports, by = self._desk.platform.instruments.imports, self._desk.trader

            def read(text: str, unknown: bool, preview: bool) -> Report:
                return imports.watchlists(text, by=by, into=self._id, unknown=unknown, preview=preview)

            ask_file(f"Import into {(await self._the()).name}", FILE_HINT, read, self._owner.load, lists=True)

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
