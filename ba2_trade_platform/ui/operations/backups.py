"""Backup panel: the daily plan, the list of backups, and a button that makes one now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from nicegui import ui

from ba2_trade_platform.core.operations.backups import Backup
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, chip, copy, empty_state, icon_button, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, ago, duration, exact, moment
from ba2_trade_platform.ui.kit.words import Look

HEADERS = ("Made", "Age", "State", "Size", "Took", "File or failure", "Path")
GOOD = Look("verified", "verified", "good")
FAILED = Look("failed", "error", "bad")
DELETED = Look("deleted", "delete", "quiet")


class BackupPanel:
    """Lists the backups, and makes one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._panel = Panel("Backups", anchor="backups")
        with self._panel.head:
            ui.space()
            self._button = ui.button("Back up now", icon="backup", color=None, on_click=self._make)
            self._button.props("outline dense no-caps size=sm").mark("back-up")

    async def refresh(self) -> None:
        """Show what there is."""
        backups = self._desk.platform.operations.backups
        found = await off_loop(backups.list)
        if not self._panel.element.is_deleted:
            self._button.set_enabled(not backups.under_way)
            self._panel.show([(backup, ago(backup.started_at)) for backup in found], self._show)

    def _show(self, backups: Sequence[tuple[Backup, str]]) -> None:
        plan = self._desk.platform.operations.backups.plan
        coming = plan.next(self._desk.platform.store.clock.now())
        quiet(f"{plan.sentence}{f'; the next on {exact(coming, self._desk.zone)}' if coming else ''}.")
        if not backups:
            sentence = "Back up now makes the first one; analyses go on meanwhile."
            empty_state("backup", "There is no backup yet", sentence)
            return
        with plain_table("Backups", HEADERS, frozenset({"Size", "Took"})), ui.element("tbody"):
            for backup, age in backups:
                with ui.element("tr"):
                    self._line(backup, age)
        quiet(
            "To go back to one: stop the console, then `python -m ba2_trade_platform backup restore FILE`. "
            "Stored keys can be read only with secret.key of the data folder, which no backup holds: keep it elsewhere."
        ).classes("ba2-small")

    def _line(self, backup: Backup, age: str) -> None:
        zone = self._desk.zone
        with cell():
            ui.label(moment(backup.started_at, zone)).props["title"] = exact(backup.started_at, zone)
        text_cell(age)
        with cell():
            chip(FAILED if backup.error else DELETED if backup.deleted_at else GOOD)
        text_cell(f"{backup.bytes / 1e6:,.1f} MB" if backup.bytes else DASH, classes="ba2-right")
        took = (backup.finished_at - backup.started_at).total_seconds() * 1000 if backup.finished_at else None
        text_cell(duration(took), classes="ba2-right")
        if backup.error or not backup.file:
            text_cell(backup.error or DASH, classes="ba2-wrap")
            text_cell(DASH)
            return
        file = str(Path(backup.file).resolve())
        with cell():
            ui.label(Path(file).name).props["title"] = file
        with cell():
            if backup.good:
                icon_button("content_copy", f"Copy the path {file}", partial(copy, file, f"Copied: {file}"))

    async def _make(self) -> None:
        self._button.disable()
        try:
            with reporting():
                made = await off_loop(self._desk.platform.operations.backups.make, by=self._desk.trader)
                notify(made.sentence)
        finally:
            self._button.enable()
        await self.refresh()
