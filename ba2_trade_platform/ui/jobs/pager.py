"""Job pager: which rows of how many are shown, how many a page holds, and the way to the other pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.monitoring.job_list import BOUND, AnalysisRow
from ba2_trade_platform.ui.jobs.view import SIZES

Turn = Callable[[], Awaitable[None]]


class JobPager:
    """The line below the table."""

    def __init__(self, size: int, on_size: Callable[[int], Any], first: Turn, previous: Turn, following: Turn) -> None:
        with ui.element("div").classes("ba2-pager"):
            self._range = ui.label().classes("ba2-muted")
            self._bounded = ui.label("Sorted among the newest 10,000 matches").classes("tone-warn ba2-hide-narrow")
            ui.space()
            ui.label("Rows").classes("ba2-muted ba2-hide-narrow")
            sizes = ui.select(list(SIZES), value=size).props("dense borderless options-dense")
            sizes.on_value_change(lambda event: on_size(event.value))
            self._first = _button("first_page", "First page", first)
            self._previous = _button("chevron_left", "Previous page", previous)
            self._next = _button("chevron_right", "Next page", following)

    def show(self, shown: int, total: int, before: int | None, *, first: bool, page: Page[AnalysisRow]) -> None:
        """Show that `shown` rows of `total` are there, after `before` others; None where nobody counted those."""
        of = f"{BOUND:,}+" if total > BOUND else f"{total:,}"
        place = f"{shown} of {of}" if before is None else f"{before + 1:,}-{before + shown:,} of {of}"
        self._range.set_text(place if shown else f"0 of {of}")
        self._bounded.set_visibility(page.bounded)
        self._first.set_enabled(not first)
        self._previous.set_enabled(not first)
        self._next.set_enabled(page.next_cursor is not None)


def _button(icon: str, label: str, handler: Turn) -> ui.button:
    button = ui.button(icon=icon, color=None, on_click=handler).props(f'flat dense round size=sm aria-label="{label}"')
    with button:
        ui.tooltip(label)
    return button
