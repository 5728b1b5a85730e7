"""Watchlist dialogs: ask for a name, symbols or a CSV file, and answer line by line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import events, ui

from ba2_trade_platform.core.instruments.csv_files import MOST_BYTES, decoded
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult, Report
from ba2_trade_platform.ui.kit.feedback import notify, off_loop
from ba2_trade_platform.ui.kit.form_dialog import FormDialog, form_control
from ba2_trade_platform.ui.kit.panels import chip
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.words import Look

LINES = 200
IMPORT_RESULT: dict[ImportResult, Look] = {  # in the order of a report: what went wrong comes first
    ImportResult.INVALID: Look("not usable", "error", "bad"),
    ImportResult.UNKNOWN: Look("unknown", "help", "warn"),
    ImportResult.CHANGED: Look("changed", "edit", "running"),
    ImportResult.ADDED: Look("added", "add_circle", "good"),
    ImportResult.DUPLICATE: Look("there already", "content_copy", "quiet"),
}
Read = Callable[[str, bool, bool], Report]
Work = Callable[[], Awaitable[None]]


def list_dialog(title: str, action: str, work: Work) -> FormDialog:
    """Open a dialog of lists or instruments, whose button is called `action`."""
    return FormDialog(title, work, f"act-{action.lower()}", action=action, classes="ba2-list-dialog")


def ask_name(title: str, name: str, save: Callable[[str], Awaitable[None]]) -> None:
    """Ask for a watchlist's name."""

    async def work() -> None:
        await save(field.value or "")
        dialog.close()

    dialog = list_dialog(title, "Save", work)
    with dialog.body:
        field = ui.input("Name", value=name).props("outlined dense autofocus maxlength=80").mark("list-name")


def ask_symbols(name: str, add: Callable[[str, bool], Report], done: Work) -> None:
    """Ask for symbols, typed or pasted; stays open to answer each when not all could be added."""

    async def work() -> None:
        report = await off_loop(add, text.value or "", bool(unknown.value))
        await done()
        kept = [line.text for line in report.lines if line.fate in (ImportResult.UNKNOWN, ImportResult.INVALID)]
        if report.lines and not kept:
            dialog.close(report.sentence)
            return
        answer.clear()
        with answer:
            show_report(report)
        text.set_value("\n".join(kept))

    dialog = list_dialog(f"Add symbols to {name}", "Add", work)
    with dialog.body:
        text = ui.textarea("Symbols", placeholder="AAPL, MSFT; IBM").classes("w-full")
        form_control(text, "Parted by commas, semicolons, spaces or lines", "paste", "autogrow autofocus")
        unknown = _unknown_too()
        answer = ui.element("div").classes("w-full").props("role=status")


def ask_file(title: str, hint: str, read: Read, done: Work, *, lists: bool) -> None:
    """Ask for a CSV file: first shown what would become of each line, then written by the button.

    `read` is given the text, whether unknown symbols are taken too, and whether it is only to look.
    """
    file: dict[str, str] = {}

    async def look() -> None:
        if "text" in file:
            answer.clear()
            report = await off_loop(read, file["text"], bool(unknown.value), True)
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
        dialog.button.set_enabled("text" in file)

    async def work() -> None:
        report = await off_loop(read, file["text"], bool(unknown.value), False)
        dialog.close(report.sentence)
        await done()

    dialog = list_dialog(title, "Import", work)
    dialog.button.disable()
    with dialog.body:
        ui.label(hint).classes("ba2-muted")
        upload = ui.upload(auto_upload=True, max_file_size=MOST_BYTES, label="Choose a CSV file", on_upload=given)
        upload.props('accept=".csv,.txt,text/csv" flat bordered').classes("w-full").mark("file")
        upload.on("rejected", lambda: notify(f"A file has {MOST_BYTES // 1_000_000} MB at most: part it", "warning"))
        unknown = _unknown_too()
        unknown.on_value_change(lambda: dialog.attempt(look)).set_visibility(lists)
        answer = ui.element("div").classes("w-full").props("role=status")


def _unknown_too() -> ui.checkbox:
    return ui.checkbox("Also symbols that the price provider does not know").props("dense").mark("unknown")


def show_report(report: Report) -> None:
    """Show what became of each thing: what went wrong first, 200 lines at most."""
    ui.label(report.sentence).classes("ba2-pick-name")
    order = list(IMPORT_RESULT)
    lines = sorted(report.lines, key=lambda line: (order.index(line.fate), line.number))
    if not lines:
        return
    headers = ("Line", "What", "Outcome", "Why")
    with plain_table("What became of each line", headers, frozenset({"Line"})), ui.element("tbody"):
        for line in lines[:LINES]:
            with ui.element("tr"):
                text_cell(f"{line.number:,}", classes="ba2-right")
                text_cell(f"{line.text} on {line.watchlist}" if line.watchlist else line.text or "(empty)")
                with cell():
                    chip(IMPORT_RESULT[line.fate])
                text_cell(line.reason, classes="ba2-wrap")
    if len(lines) > LINES:
        ui.label(f"and {len(lines) - LINES:,} more").classes("ba2-muted")
