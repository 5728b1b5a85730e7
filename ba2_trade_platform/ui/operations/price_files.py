"""Price file panel: checks the folder of price files, and lists the files that are not simply used."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.contracts.price_files import FileState, FolderCheck, PriceFileReport
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, chip, quiet, show_if, small_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH
from ba2_trade_platform.ui.kit.words import Look

HEADERS = ("File", "State", "Form", "First bar", "Last bar", "Missing", "In words")
LOOKS = {
    FileState.REFUSED: Look("refused", "error", "bad"),
    FileState.WARNED: Look("warned", "warning", "warn"),
    FileState.REPAIRED: Look("repaired", "build", "quiet"),
    FileState.USED: Look("used", "check_circle", "good"),
}
SHOWN = 100
WORST_FIRST = tuple(LOOKS)


class PriceFilePanel:
    """Begins a check and gives it up; the worst files come first. Not there where prices come from elsewhere."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._checks = desk.platform.operations.price_checks
        self._panel = Panel("Price files", anchor="price-files")
        with self._panel.head:
            ui.space()
            self._start = small_button("Check the files", "fact_check", self._begin).mark("check-price-files")
            self._cancel = small_button("Give up", "close", self._give_up).mark("cancel-price-files")
        show_if(self._panel.element, self._checks.possible)

    async def refresh(self) -> None:
        """Show how the newest check stands."""
        if not self._checks.possible or self._panel.element.is_deleted:
            return
        newest = self._checks.newest
        show_if(self._start, newest is None or not newest.under_way)
        show_if(self._cancel, newest is not None and newest.under_way)
        self._panel.show(newest, self._show)

    def _show(self, newest: FolderCheck | None) -> None:
        if newest is None:
            quiet("Not checked in this life of the console. Check the files reads those that are new or changed.")
            return
        quiet(newest.sentence).mark("price-files-state")
        for problem in newest.problems:
            ui.label(problem).classes("tone-bad")
        worst = sorted(newest.files, key=lambda file: WORST_FIRST.index(file.state))
        shown = [file for file in worst if file.state is not FileState.USED or file.missing or file.behind][:SHOWN]
        if not shown:
            return
        with plain_table("Price files", HEADERS, frozenset({"Missing"})), ui.element("tbody"):
            for file in shown:
                with ui.element("tr"):
                    _line(file)
        if len(newest.files) > len(shown):
            quiet(f"{len(newest.files) - len(shown):,} more: `ba2 prices check` and GET /price-files list all.")

    async def _begin(self) -> None:
        with reporting():
            await off_loop(self._checks.start, by=self._desk.trader)
            notify("The price files are being checked")
        await self.refresh()

    async def _give_up(self) -> None:
        with reporting():
            await off_loop(self._checks.cancel, by=self._desk.trader)
            notify("The check is given up; what it has read is kept")
        await self.refresh()


def _line(file: PriceFileReport) -> None:
    text_cell(file.file)
    with cell():
        chip(LOOKS[file.state])
    text_cell(file.form or DASH, classes="ba2-wrap")
    text_cell(str(file.first_session or DASH))
    text_cell(str(file.last_session or DASH))
    text_cell(f"{file.missing + file.behind:,}", classes="ba2-right")
    text_cell(file.problem or "; ".join([*file.warnings, *file.repaired]) or DASH, classes="ba2-wrap")
