"""Watchlist dialogs: ask for a name, symbols or a CSV file, and answer line by line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import events, ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.instruments.csv_files import MOST_BYTES, decoded
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult, Line, Report
from ba2_trade_platform.ui.kit.feedback import notify, off_loop
from ba2_trade_platform.ui.kit.panels import chip
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.words import Look

LINES = 200
IMPORT_RESULT: dict[ImportResult, Look] = {
    ImportResult.ADDED: Look("added", "add_circle", "good"),
    ImportResult.CHANGED: Look("changed", "edit", "running"),
    ImportResult.DUPLICATE: Look("there already", "content_copy", "quiet"),
    ImportResult.UNKNOWN: Look("unknown", "help", "warn"),
    ImportResult.INVALID: Look("not usable", "error", "bad"),
}
Read = Callable[[str, bool, bool], Report]


class ListDialog:
    """A dialog that stays open, with the reason, until what is in it is valid."""

    def __init__(self, title: str, action: str) -> None:
        with ui.dialog().props("no-refocus") as self.dialog, ui.card().classes("ba2-dialog ba2-list-dialog"):
            ui.label(title).classes("ba2-dialog-title").props("role=heading aria-level=2")
            self.body = ui.element("div").classes("ba2-form-scroll")
            self._error = ui.label().classes("ba2-form-error").props("role=alert")
            with ui.row().classes("w-full justify-end"):
                self.close_button = ui.button("Close", on_click=self.dialog.close, color=None).props("flat no-caps")
                self.act_button = ui.button(action, on_click=self._act).props("unelevated no-caps color=primary")
                self.act_button.mark(f"act-{action.lower()}")
        self.dialog.on("hide", self.dialog.delete)
        self._work: Callable[[], Awaitable[None]] | None = None
        self.dialog.open()

    def does(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have the button do this."""
        self._work = work

    async def attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something, and show why where it is refused."""
        self._error.set_text("")
        self.act_button.disable()
        try:
            await work()
        except PlatformError as error:
            self._error.set_text(str(error))
        if not self.dialog.is_deleted:
            self.act_button.enable()

    async def _act(self) -> None:
        if self._work is not None:
            await self.attempt(self._work)


def ask_name(title: str, name: str, save: Callable[[str], Awaitable[None]]) -> None:
    """Ask for a watchlist's name."""
    dialog = ListDialog(title, "Save")
    with dialog.body:
        field = ui.input("Name", value=name).props("outlined dense autofocus maxlength=80").mark("list-name")

    async def work() -> None:
        await save(field.value or "")
        dialog.dialog.close()

    dialog.does(work)
    field.on("keydown.enter", lambda: dialog.attempt(work))


def ask_symbols(name: str, add: Callable[[str, bool], Report], done: Callable[[], Awaitable[None]]) -> None:
    """Ask for symbols, typed or pasted; stays open to answer each when not all could be added."""
    dialog = ListDialog(f"Add symbols to {name}", "Add")
    with dialog.body:
        text = ui.textarea("Symbols", placeholder="AAPL, MSFT; IBM").props("outlined dense autogrow autofocus")
        text.classes("w-full").mark("paste").props["hint"] = "Parted by commas, semicolons, spaces or lines"
        unknown = ui.checkbox("Also symbols that the price provider does not know").props("dense").mark("unknown")
        answer = ui.element("div").classes("w-full").props("role=status")

    async def work() -> None:
        report: Report = await off_loop(add, text.value or "", bool(unknown.value))
        await done()
        left = report.count(ImportResult.UNKNOWN) + report.count(ImportResult.INVALID)
        if report.lines and not left:
            notify(report.sentence)
            dialog.dialog.close()
            return
        answer.clear()
        with answer:
            show_report(report)
        kept = [line.text for line in report.lines if line.fate in (ImportResult.UNKNOWN, ImportResult.INVALID)]
        text.set_value("\n".join(kept))

    dialog.does(work)


def ask_file(
    title: str,
    hint: str,
    read: Callable[[str, bool, bool], Report],
    done: Callable[[], Awaitable[None]],
    *,
    lists: bool,
) -> None:
    """Ask for a CSV file: first shown what would become of each line, then written by the button.

    `read` is given the text, whether unknown symbols are taken too, and whether it is only to look.
    """
    dialog = ListDialog(title, "Import")
    dialog.act_button.disable()
    file: dict[str, str] = {}
    with dialog.body:
        ui.label(hint).classes("ba2-muted")
        upload = ui.upload(auto_upload=True, max_file_size=MOST_BYTES, label="Choose a CSV file")
        upload.props('accept=".csv,.txt,text/csv" flat bordered').classes("w-full").mark("file")
        unknown = ui.checkbox("Also symbols that the price provider does not know").props("dense").mark("unknown")
        unknown.set_visibility(lists)
        answer = ui.element("div").classes("w-full").props("role=status")

    async def look() -> None:
        if "text" not in file:
            return
        answer.clear()
        report: Report = await off_loop(read, file["text"], bool(unknown.value), True)
        with answer:
            show_report(report)

    async def given(event: events.UploadEventArguments) -> None:
        data = await event.file.read()
        upload.reset()

        async def take() -> None:
            file.pop("text", None)
            file["text"] = await off_loop(decoded, data)
            await look()

        await dialog.attempt(take)
        dialog.act_button.set_enabled("text" in file)

    async def work() -> None:
        report: Report = await off_loop(read, file["text"], bool(unknown.value), False)
        notify(report.sentence)
        dialog.dialog.close()
        await done()

    upload.on_upload(given)
    upload.on("rejected", lambda: notify(f"A file has {MOST_BYTES // 1_000_000} MB at most: part it", "warning"))
    unknown.on_value_change(lambda: dialog.attempt(look))
    dialog.does(work)


def show_report(report: Report) -> None:
    """Show what became of each thing: what went wrong first, 200 lines at most."""
    ui.label(report.sentence).classes("ba2-pick-name")
    order = {
        ImportResult.INVALID: 0,
        ImportResult.UNKNOWN: 1,
        ImportResult.CHANGED: 2,
        ImportResult.ADDED: 3,
        ImportResult.DUPLICATE: 4,
    }
    lines = sorted(report.lines, key=lambda line: (order[line.fate], line.number))
    if not lines:
        return
    headers = ("Line", "What", "Outcome", "Why")
    with plain_table("What became of each line", headers, frozenset({"Line"})), ui.element("tbody"):
        for line in lines[:LINES]:
            _show_line(line)
    if len(lines) > LINES:
        ui.label(f"and {len(lines) - LINES:,} more").classes("ba2-muted")


def _show_line(line: Line) -> None:
    with ui.element("tr"):
        text_cell(f"{line.number:,}", classes="ba2-right")
        text_cell(f"{line.text} on {line.watchlist}" if line.watchlist else line.text or "(empty)")
        with cell():
            chip(IMPORT_RESULT[line.fate])
        text_cell(line.reason, classes="ba2-wrap")
