"""Re-run menu: offers the modes an analysis can have, and says why the others are off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from ba2_trade_platform.core.analyses.rerun_plans import ModeChoice
from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.vocabulary import Mode

Choose = Callable[[str], Awaitable[None]]


def rerun_menu(desk: Desk, analysis_id: int, choose: Choose) -> ui.button:
    """Return the button that offers the modes which this analysis can have; it asks for them when it is opened."""
    platform = desk.platform

    async def fill(opened: ValueChangeEventArguments[bool]) -> None:
        if not opened.value:
            return
        try:
            plan = await off_loop(platform.analyses.rerun_plan, analysis_id)
            last = await off_loop(platform.preferences.get, desk.trader, "rerun_mode")
        except PlatformError as error:
            menu.clear()
            with menu:
                ui.label(str(error)).classes("ba2-menu-note")
            return
        menu.clear()
        with menu, ui.list().props("dense padding"):
            for choice in plan.modes:
                _item(choice, choose, is_last=last == choice.mode.value)
            if plan.settings_changed:
                ui.label(plan.settings_changed.capitalize()).classes("ba2-menu-note tone-warn")

    button = ui.button(icon="arrow_drop_down", color=None).props("flat dense").classes("ba2-rerun ba2-split")
    button.mark("rerun-menu").props["aria-label"] = "Re-run a part"
    with button:
        menu = ui.menu().props("auto-close").mark("rerun-modes").on_value_change(fill)
    return button


def _item(choice: ModeChoice, choose: Choose, *, is_last: bool) -> None:
    word, hint = words.RERUN_MODE[choice.mode]
    dots = "..." if choice.mode in (Mode.FROM_STEP, Mode.ONLY) else ""
    chosen = partial(choose, choice.mode.value) if choice.possible else None
    item = ui.item(on_click=chosen).mark(f"rerun-{choice.mode.value}")
    if not choice.possible:
        item.props("disable")
    with item, ui.item_section():
        ui.item_label(f"{word}{dots}" + (" (last used)" if is_last else ""))
        ui.item_label(choice.reason or hint).props("caption")
