"""Re-run menu: offers the modes an analysis can have, and says why the others are off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from ba2_trade_platform.core.analyses.rerun_plans import ModeChoice
from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.vocabulary import Mode


class RerunMenu:
    """Offers the modes that this analysis can have, and says why it cannot have the others; asks when it is opened."""

    def __init__(self, desk: Desk, analysis_id: int, choose: Callable[[str], Awaitable[None]]) -> None:
        self._desk, self._id, self._choose = desk, analysis_id, choose
        self.button = ui.button(icon="arrow_drop_down", color=None).props("flat dense").classes("ba2-rerun ba2-split")
        self.button.props["aria-label"] = "Re-run a part"
        self.button.mark("rerun-menu")
        with self.button:
            self._menu = ui.menu().props("auto-close").mark("rerun-modes")
        self._menu.on_value_change(self._fill)

    async def _fill(self, opened: ValueChangeEventArguments[bool]) -> None:
        if not opened.value:
            return
        platform = self._desk.platform
        try:
            plan = await off_loop(platform.analyses.rerun_plan, self._id)
            last = await off_loop(platform.preferences.get, self._desk.trader, "rerun_mode")
        except PlatformError as error:
            self._menu.clear()
            with self._menu:
                ui.label(str(error)).classes("ba2-menu-note")
            return
        self._menu.clear()
        with self._menu, ui.list().props("dense padding"):
            for choice in plan.modes:
                self._item(choice, last == choice.mode.value)
            if plan.settings_changed:
                ui.label(plan.settings_changed.capitalize()).classes("ba2-menu-note tone-warn")

    def _item(self, choice: ModeChoice, is_last: bool) -> None:
        word, hint = words.RERUN_MODE[choice.mode]
        dots = "..." if choice.mode in (Mode.FROM_STEP, Mode.ONLY) else ""

        async def chosen() -> None:
            await self._choose(choice.mode.value)

        item = ui.item(on_click=chosen if choice.possible else None).mark(f"rerun-{choice.mode.value}")
        if not choice.possible:
            item.props("disable")
        with item, ui.item_section():
            ui.item_label(f"{word}{dots}" + (" (last used)" if is_last else ""))
            ui.item_label(choice.reason or hint).props("caption")
