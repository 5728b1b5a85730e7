"""Watchlist dialogs: ask for a name or symbols, and answer line by line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult, Report
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.ui.kit.form_dialog import FormDialog, form_control
from ba2_trade_platform.ui.kit.panels import chip
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.words import Look

LINES = 200
IMPORT_RESULT: dict[ImportResult, Look] = {  # in the order of a report: what went wrong comes first
    ImportResult.INVALID: Look("not usable", "error", "bad"),
    ImportResult.ASKED: Look("your decision", "contact_support", "warn"),
    ImportResult.UNKNOWN: Look("unknown", "help", "warn"),
    ImportResult.CHANGED: Look("changed", "edit", "running"),
    ImportResult.ADDED: Look("added", "add_circle", "good"),
    ImportResult.DUPLICATE: Look("there already", "content_copy", "quiet"),
    ImportResult.PASSED: Look("passed over", "skip_next", "quiet"),
}
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
        unknown = unknown_too()
        answer = ui.element("div").classes("w-full").props("role=status")


def unknown_too() -> ui.checkbox:
    """Build the box by which symbols are taken that nobody knows."""
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
