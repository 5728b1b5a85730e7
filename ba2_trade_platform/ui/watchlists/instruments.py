"""Instruments tab: searches, adds, changes, deletes, imports and exports instruments."""

from __future__ import annotations

from functools import partial

from nicegui import ui
from nicegui.events import KeyEventArguments

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.instruments.csv_files import INSTRUMENT_COLUMNS
from ba2_trade_platform.core.instruments.instruments import BOUND, Instrument, InstrumentFields
from ba2_trade_platform.core.instruments.list_files import ListFile
from ba2_trade_platform.core.instruments.symbol_parsing import Report
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, confirm, off_loop, reporting
from ba2_trade_platform.ui.kit.form_dialog import form_control
from ba2_trade_platform.ui.kit.panels import Panel, empty_state, icon_button, small_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH
from ba2_trade_platform.ui.kit.urls import symbol_url
from ba2_trade_platform.ui.watchlists.calendar_days import CalendarDaysPanel
from ba2_trade_platform.ui.watchlists.dialogs import list_dialog
from ba2_trade_platform.ui.watchlists.file_dialog import ask_file
from ba2_trade_platform.ui.watchlists.toolbar import search_field
from ba2_trade_platform.ui.watchlists.view import PAGE, WatchView

HEADERS = ("Symbol", "Actions", "Name", "Type", "Exchange", "Currency", "Calendar", "Labels", "Watchlists")
HINTS = {
    "name": "Its full name",
    "type": "stock, fund, crypto ...",
    "exchange": "Where it is traded",
    "currency": "Three letters",
    "calendar": "Whose sessions it keeps, such as XNYS",
}
FILE_HINT = f"An export of a broker, or columns: symbol, and any of {', '.join(INSTRUMENT_COLUMNS[1:])} (parted by |)."


class InstrumentList:
    """The table of instruments and its buttons, kept true by the feed."""

    def __init__(self, desk: Desk, view: WatchView) -> None:
        self._desk, self._view = desk, view

    async def build(self) -> None:
        """Build the bar and the table."""
        view = self._view
        with reporting():
            labels = await off_loop(self._desk.platform.instruments.catalog.labels)
            names: dict[str | None, str] = {None: "All labels", **{label: label for label in labels}}
            with ui.element("div").classes("ba2-bar"):
                self._search = search_field(view, 200)
                label = ui.select(names, value=view.label if view.label in names else None)
                label.on_value_change(lambda event: ui.navigate.to(view.url(label=event.value)))
                label.props('dense outlined options-dense aria-label="Label"').classes("ba2-bare-select")
                small_button("Add", "add", partial(self._edit, None)).mark("add")
                ui.space()
                small_button("Import", "upload", self._import).mark("import")
                small_button("Export", "download", self._export).mark("export")
            with ui.element("div").classes("ba2-scroll ba2-stack"):
                self._panel = Panel("Instruments")
                await CalendarDaysPanel(self._desk).build()
            ui.keyboard(on_key=self._key, ignore=["input", "select", "textarea"])
            self._look = await self._desk.live.follow(self._read, self._show, Topic.INSTRUMENTS, Topic.WATCHLISTS)

    def _read(self) -> tuple[Page[Instrument], dict[str, str]]:
        view, instruments = self._view, self._desk.platform.instruments
        urls = {one.name: WatchView(list=one.id).url() for one in instruments.watchlists.list()}
        return instruments.catalog.page(view.q, view.label, view.after, PAGE), urls

    def _show(self, found: tuple[Page[Instrument], dict[str, str]]) -> None:
        page, self._lists = found
        self._panel.show(page, self._show_page)

    def _show_page(self, page: Page[Instrument]) -> None:
        if not page.items:
            self._show_none()
            return
        with plain_table("Instruments", HEADERS), ui.element("tbody"):
            for one in page.items:
                with ui.element("tr"):
                    self._cells(one)
        with ui.row().classes("items-center"):
            total = f"{BOUND:,}+" if page.total > BOUND else f"{page.total:,}"
            ui.label(f"{len(page.items):,} of {total}").classes("ba2-muted")
            if self._view.after:
                ui.link("First page", self._view.url()).classes("ba2-link")
            if page.next_cursor is not None:
                ui.link("Next", self._view.url(after=page.next_cursor)).classes("ba2-link")

    def _cells(self, one: Instrument) -> None:
        text_cell(one.symbol, url=symbol_url(one.symbol))
        with cell():
            icon_button("edit", f"Change {one.symbol}", partial(self._edit, one)).mark(f"edit-{one.symbol}")
            icon_button("delete", f"Delete {one.symbol}", partial(self._ask_delete, one)).mark(f"delete-{one.symbol}")
        with cell(), ui.element("span").classes("ba2-chip"):
            ui.label(one.name or DASH)
            if one.name_hint:
                warning = ui.icon("warning").classes("tone-warn").mark(f"name-hint-{one.symbol}")
                warning.props("role=img aria-hidden=false").tooltip(one.name_hint)
                warning.props["aria-label"] = one.name_hint
        for text in (one.type, one.exchange, one.currency, one.calendar):
            text_cell(text or DASH)
        with cell(), ui.element("span").classes("ba2-chip"):
            for label in one.labels:
                ui.link(label, self._view.url(label=label)).classes("ba2-link")
        with cell("ba2-wrap"), ui.element("span").classes("ba2-chip"):
            for name in one.watchlists:
                ui.link(name, self._lists.get(name, "/watchlists")).classes("ba2-link")
            if not one.watchlists:
                ui.label(DASH)

    def _show_none(self) -> None:
        if self._view.q or self._view.label:
            links = (("All instruments", "/watchlists?tab=instruments"),)
            empty_state("search_off", "No instrument matches", links=links)
            return
        empty_state(
            "candlestick_chart",
            "No instruments yet",
            "An instrument appears here with the first watchlist that holds it.",
            "Or press Add, or Import a CSV file.",
            links=(("Watchlists", "/watchlists"),),
        )

    def _key(self, event: KeyEventArguments) -> None:
        if event.action.keydown and str(event.key) == "/":
            self._search.run_method("focus")

    def _edit(self, one: Instrument | None) -> None:
        async def save() -> None:
            said = {name: field.value or "" for name, field in fields.items()}
            given = InstrumentFields(**said, labels=tuple((labels.value or "").split(",")))
            instruments, by = self._desk.platform.instruments.catalog, self._desk.trader
            if one is None:
                made = await off_loop(instruments.add, symbol.value or "", given, by=by)
            else:
                made = await off_loop(instruments.change, one.symbol, by=by, **said, labels=given.labels)
            dialog.close(f"{made.symbol} saved")
            await self._look()

        dialog = list_dialog(f"Change {one.symbol}" if one else "Add an instrument", "Save", save)
        with dialog.body:
            symbol = ui.input("Symbol", value=one.symbol if one else "").props("outlined dense maxlength=40 autofocus")
            symbol.mark("symbol").set_enabled(one is None)
            fields = {}
            for name, hint in HINTS.items():
                field = ui.input(name.capitalize(), value=getattr(one or InstrumentFields(), name))
                fields[name] = form_control(field, hint, f"field-{name}", "maxlength=200")
            labels = ui.input("Labels", value=", ".join(one.labels if one else ()))
            form_control(labels, "Words of your own, parted by commas", "field-labels")

    async def _ask_delete(self, one: Instrument) -> None:
        delete = partial(self._desk.platform.instruments.catalog.delete, one.symbol, by=self._desk.trader)
        then = partial(carry_out, delete, f"{one.symbol} deleted", self._look)
        await confirm(f"Delete {one.symbol}?", "Its analyses stay, under their symbol.", "Delete", then)

    def _import(self) -> None:
        imports, by = self._desk.platform.instruments.imports, self._desk.trader

        def read(file: ListFile, unknown: bool, preview: bool) -> Report:  # noqa: ARG001 - a file of lists asks for it
            return imports.instruments(file, by=by, preview=preview)

        ask_file("Import instruments", FILE_HINT, read, self._look, lists=False)

    async def _export(self) -> None:
        with reporting():
            text = await off_loop(self._desk.platform.instruments.imports.instruments_file)
            ui.download.content(text, "instruments.csv", "text/csv")
