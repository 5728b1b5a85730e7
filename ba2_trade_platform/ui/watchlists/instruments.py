"""Instruments tab: searches, adds, changes, deletes, imports and exports instruments."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.instruments.csv_files import INSTRUMENT_COLUMNS
from ba2_trade_platform.core.instruments.instruments import BOUND, Instrument, InstrumentFields
from ba2_trade_platform.core.instruments.symbol_parsing import Report
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, empty_state, icon_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH
from ba2_trade_platform.ui.kit.urls import symbol_url
from ba2_trade_platform.ui.watchlists.dialogs import ListDialog, ask_file
from ba2_trade_platform.ui.watchlists.view import PAGE, WatchView

HEADERS = ("Symbol", "Actions", "Name", "Type", "Exchange", "Currency", "Calendar", "Labels", "Watchlists")
HINTS = {
    "name": "Its full name",
    "type": "stock, fund, crypto ...",
    "exchange": "Where it is traded",
    "currency": "Three letters",
    "calendar": "Whose sessions it keeps, such as XNYS",
}
SMALL = "outline dense no-caps size=sm"
FILE_HINT = f"The first line names the columns: symbol, and any of {', '.join(INSTRUMENT_COLUMNS[1:])} (parted by |)."


class InstrumentList:
    """The table of instruments and its buttons."""

    def __init__(self, desk: Desk, view: WatchView) -> None:
        self._desk, self._view = desk, view
        self._lists: dict[str, str] = {}

    async def build(self) -> None:
        """Build the bar and the table."""
        view, instruments = self._view, self._desk.platform.instruments.catalog
        with reporting():
            labels: list[str] = await off_loop(instruments.labels)
            with ui.element("div").classes("ba2-bar"):
                self._search = ui.input("Symbol or name", value=view.q or "").mark("find")
                self._search.props("outlined dense clearable maxlength=200").style("width: 200px")
                self._search.on("keydown.enter", self._find).on("clear", self._find)
                names: dict[str | None, str] = {None: "All labels", **{label: label for label in labels}}
                chosen = ui.select(
                    names,
                    value=view.label if view.label in names else None,
                    on_change=lambda event: self._go(label=event.value),
                )
                chosen.props('dense outlined options-dense aria-label="Label"').classes("ba2-bare-select")
                ui.button("Add", icon="add", color=None, on_click=partial(self._edit, None)).props(SMALL).mark("add")
                ui.space()
                ui.button("Import", icon="upload", color=None, on_click=self._import).props(SMALL).mark("import")
                ui.button("Export", icon="download", color=None, on_click=self._export).props(SMALL).mark("export")
            with ui.element("div").classes("ba2-scroll ba2-stack"):
                self._panel = Panel("Instruments")
            ui.keyboard(on_key=self._key, ignore=["input", "select", "textarea"])
            await self.load()

    async def load(self) -> None:
        """Read the page that the view asks for and show it."""
        view = self._view
        with reporting():
            page: Page[Instrument] = await off_loop(
                self._desk.platform.instruments.catalog.page, view.q, view.label, view.after, PAGE
            )
            lists = await off_loop(self._desk.platform.instruments.watchlists.list)
            self._lists = {one.name: WatchView(list=one.id).url() for one in lists}
            if not self._panel.body.is_deleted:
                self._panel.show(page, self._show)

    def _show(self, page: Page[Instrument]) -> None:
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
        for text in (one.name, one.type, one.exchange, one.currency, one.calendar):
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

    def _find(self) -> None:
        self._go(q=(self._search.value or "").strip() or None)

    def _go(self, **changed: str | None) -> None:
        ui.navigate.to(self._view.url(**changed))

    async def _key(self, event: object) -> None:
        if getattr(event, "action").keydown and str(getattr(event, "key")) == "/":  # noqa: B009
            self._search.run_method("focus")

    def _edit(self, one: Instrument | None) -> None:
        dialog = ListDialog(f"Change {one.symbol}" if one else "Add an instrument", "Save")
        with dialog.body:
            symbol = ui.input("Symbol", value=one.symbol if one else "").props("outlined dense maxlength=40 autofocus")
            symbol.mark("symbol").set_enabled(one is None)
            fields = {}
            for name, hint in HINTS.items():
                field = ui.input(name.capitalize(), value=getattr(one or InstrumentFields(), name))
                fields[name] = field.props("outlined dense maxlength=200").mark(f"field-{name}")
                field.props["hint"] = hint
            labels = ui.input("Labels", value=", ".join(one.labels if one else ())).props("outlined dense")
            labels.mark("field-labels").props["hint"] = "Words of your own, parted by commas"

        async def save() -> None:
            said = {name: field.value or "" for name, field in fields.items()}
            given = InstrumentFields(**said, labels=tuple((labels.value or "").split(",")))
            instruments, by = self._desk.platform.instruments.catalog, self._desk.trader
            if one is None:
                made = await off_loop(instruments.add, symbol.value or "", given, by=by)
            else:
                made = await off_loop(instruments.change, one.symbol, by=by, **said, labels=given.labels)
            notify(f"{made.symbol} saved")
            dialog.dialog.close()
            await self.load()

        dialog.does(save)

    async def _ask_delete(self, one: Instrument) -> None:
        async def delete() -> None:
            with reporting():
                await off_loop(self._desk.platform.instruments.catalog.delete, one.symbol, by=self._desk.trader)
                notify(f"{one.symbol} deleted")
            await self.load()

        await confirm(f"Delete {one.symbol}?", "Its analyses stay, under their symbol.", "Delete", delete)

    def _import(self) -> None:
        imports, by = self._desk.platform.instruments.imports, self._desk.trader

        def read(text: str, unknown: bool, preview: bool) -> Report:  # noqa: ARG001 - a file of lists asks for it
            return imports.instruments(text, by=by, preview=preview)

        ask_file("Import instruments", FILE_HINT, read, self.load, lists=False)

    async def _export(self) -> None:
        with reporting():
            text = await off_loop(self._desk.platform.instruments.imports.instruments_file)
            ui.download.content(text, "instruments.csv", "text/csv")
