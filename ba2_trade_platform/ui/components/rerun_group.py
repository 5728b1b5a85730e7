"""Asks before a whole group of failures is re-run, with the exact number, and makes it one bulk re-run."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.bulk_reruns import BulkPreview, Selection
from ba2_trade_platform.core.failure_inbox import Group
from ba2_trade_platform.core.monitor import Filter, Status
from ba2_trade_platform.ui.components.panels import quiet
from ba2_trade_platform.ui.desk import Desk
from ba2_trade_platform.ui.feedback import notify, off_loop, reporting


async def ask_rerun_group(desk: Desk, group: Group) -> None:
    """Ask, and re-run what stands failed in the group."""
    selection = Selection(Filter(status=(Status.FAILED,), fingerprint=group.fingerprint))
    with reporting():
        preview = await off_loop(desk.platform.bulk_reruns.preview, selection)
        _Question(desk, group, selection, preview).open()


class _Question:
    def __init__(self, desk: Desk, group: Group, selection: Selection, preview: BulkPreview) -> None:
        self._desk = desk
        self._group = group
        self._selection = selection
        self._preview = preview

    def open(self) -> None:
        """Show what would be done, and the button that does it."""
        number = f"{self._preview.will_run:,} {'analysis' if self._preview.will_run == 1 else 'analyses'}"
        self._dialog = dialog = ui.dialog(value=True)
        dialog.on("hide", dialog.delete).props["aria-label"] = "Re-run group"
        with dialog, ui.card().classes("ba2-dialog"):
            ui.label(f"Re-run {number}?").classes("ba2-dialog-title")
            ui.label(self._group.assessment.headline)
            if self._group.assessment.warns:
                ui.label(self._group.assessment.hint).classes("tone-warn").props("role=alert")
            for word, reasons in (("skipped", self._preview.skip), ("blocked", self._preview.blocked)):
                for one in reasons:
                    quiet(f"{one.count:,} {word}: {one.reason}")
            quiet("Previous outputs will be archived and cleared.")
            self._reason = ui.input("Reason", value=f"re-run of the group {self._group.code}")
            self._reason.props("dense outlined maxlength=500").classes("w-full").mark("rerun-group-reason")
            with ui.row().classes("w-full justify-end"):
                ui.button("Cancel", color=None, on_click=dialog.close).props("flat no-caps autofocus")
                go = ui.button(f"Re-run {number}", icon="refresh", color=None, on_click=self._go).props("flat no-caps")
                go.classes("ba2-rerun").mark("rerun-group-confirm").set_enabled(self._preview.will_run > 0)

    async def _go(self) -> None:
        with reporting():
            bulk = await off_loop(
                self._desk.platform.bulk_reruns.create,
                self._selection,
                reason=(self._reason.value or "").strip() or "re-run of a group",
                plan_hash=self._preview.plan_hash,
                by=self._desk.trader,
                name=f"{self._group.code} {self._group.fingerprint}",
            )
            notify(bulk.sentence)
            self._dialog.close()
