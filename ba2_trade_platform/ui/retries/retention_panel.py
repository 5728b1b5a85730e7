"""Retention panel: counts old archives, and packs them away after a confirmation."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.attempts.retention import Packing
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Fact, Panel, facts, quiet
from ba2_trade_platform.ui.kit.times import exact


class RetentionPanel:
    """Shows what `Retention` would do, and has it done."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._panel = Panel("Old archives", anchor="archives")

    async def refresh(self) -> None:
        """Look again."""
        found = await off_loop(self._desk.platform.retention.preview)
        if not self._panel.element.is_deleted:
            self._panel.show(found, self._build)

    def _build(self, found: Packing) -> None:
        quiet(found.sentence)
        if not found.attempts:
            return
        facts(
            (
                Fact("Archives", f"{found.attempts:,}{'+' if found.more else ''}"),
                Fact("Size", f"{found.bytes / 1e6:,.1f} MB"),
                Fact("Oldest", exact(found.oldest, self._desk.zone)),
            )
        )
        quiet("The newest attempt of an analysis always stays. What is packed away can still be read here.")
        with ui.element("div").classes("ba2-inline"):
            ui.button("Pack away", icon="inventory_2", color=None, on_click=lambda: self._ask(found)).props(
                "outline no-caps"
            ).mark("pack-archives")

    async def _ask(self, found: Packing) -> None:
        with self._panel.element:
            await confirm(
                f"Pack {found.attempts:,} archives away?",
                f"They move out of the database into a zip file in {found.folder}. Keep that folder with your backups: "
                "the console reads them from there.",
                f"Pack {found.attempts:,} away",
                self._pack,
            )

    async def _pack(self) -> None:
        with reporting():
            done = await off_loop(self._desk.platform.retention.pack_away, by=self._desk.trader)
            notify(done.sentence)
            await self.refresh()
