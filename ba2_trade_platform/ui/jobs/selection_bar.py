"""Selection bar: counts the ticked rows, offers all matches, re-runs or clears them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from nicegui import ui

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.monitoring.job_list import bounded_words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.selection import Picked
from ba2_trade_platform.ui.rerun.bulk_dialog import BulkDialog, ask_bulk_rerun
from ba2_trade_platform.vocabulary import Status


class SelectBar:
    """Shows what is ticked; `apply` has the table catch up with the changes that waited."""

    def __init__(self, desk: Desk, filter_now: Callable[[], Filter], apply: Callable[[], Awaitable[None]]) -> None:
        self.picked = Picked()
        self._desk = desk
        self._filter_now = filter_now
        self._apply = apply
        self._waiting: set[int] = set()
        self._dialog: BulkDialog | None = None
        with ui.element("div").classes("ba2-bar ba2-picked").props("role=region aria-live=polite") as self._element:
            self._element.props("aria-label=Selection").set_visibility(False)
            self._count = ui.label().classes("ba2-pick-name").mark("picked")
            rerun = ui.button("Re-run selected", icon="refresh", color=None, on_click=self.ask)
            rerun.props("outline dense no-caps size=sm").classes("ba2-rerun").mark("rerun-selected")
            self._all = ui.button("", color=None, on_click=self._everything).props("flat dense no-caps size=sm")
            self._all.classes("ba2-link").mark("select-matching")
            clear = ui.button("Clear", icon="close", color=None, on_click=self.clear)
            clear.props("flat dense no-caps size=sm").mark("clear-selection")
            ui.space()
            self._changes = ui.button("", icon="sync", color=None, on_click=self._catch_up)
            self._changes.props("flat dense no-caps size=sm").classes("ba2-link").mark("waiting-changes")

    def hold(self, analysis_ids: set[int]) -> None:
        """Note changes that are shown later."""
        self._waiting |= analysis_ids
        self._show_waiting()

    async def show(self) -> None:
        """Show what is ticked now; when nothing is any more, the table catches up."""
        chosen = bool(self.picked)
        self._element.set_visibility(chosen)
        self._show_waiting()
        if not chosen:
            if self._waiting:
                await self._catch_up()
            return
        with reporting():
            failed = replace(self._filter_now(), status=(Status.FAILED,))
            matching = await off_loop(self._desk.platform.monitoring.jobs.count, failed)
            number = bounded_words(matching)
            everything = self.picked.everything is not None
            self._count.set_text(
                f"All {number} failed matching selected" if everything else f"{len(self.picked.versions):,} selected"
            )
            self._all.set_text(f"Select all {number} failed matching")
            self._all.set_visibility(matching > 0 and not everything)

    async def ask(self) -> None:
        """Open the dialog that re-runs what is ticked."""
        if self.picked:
            versions = {} if self.picked.everything else dict(self.picked.versions)
            self._dialog = await ask_bulk_rerun(self._desk, self.picked.selection(), versions=versions)

    async def escape(self) -> None:
        """Untick everything, unless it is the dialog that Escape closes."""
        if self.picked and (self._dialog is None or self._dialog.closed):
            await self.clear()

    async def clear(self) -> None:
        """Untick everything."""
        self.picked.clear()
        await self._catch_up()

    async def _everything(self) -> None:
        self.picked.all_of(self._filter_now())
        await self._catch_up()

    async def _catch_up(self) -> None:
        self._waiting.clear()
        await self._apply()
        await self.show()

    def _show_waiting(self) -> None:
        count = len(self._waiting)
        self._changes.set_visibility(count > 0)
        self._changes.set_text(f"{count} {'change' if count == 1 else 'changes'} waiting")
