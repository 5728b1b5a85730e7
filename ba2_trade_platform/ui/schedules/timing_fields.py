"""Timing fields: input of a recurrence rule as times of day, session offsets or cron."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.recurrence.timings import DAY_NAMES

KINDS = {
    "times": "At times of day",
    "session": "Around the exchange's open and close",
    "cron": "By a cron line",
}
ANCHORS = {
    "open+1": "min after the open",
    "open-1": "min before the open",
    "close-1": "min before the close",
    "close+1": "min after the close",
}
Changed = Callable[[], Awaitable[None]]


class TimingFields:
    """Shows one timing and tells `changed` of every key; `value` is what it says now, valid or not."""

    def __init__(self, timing: Mapping[str, Any], changed: Changed) -> None:
        self._changed = changed
        self._offsets: list[tuple[ui.number, ui.select]] = []
        kind = str(timing.get("kind", "times"))
        self._kind = ui.select(KINDS, label="When", value=kind, on_change=self._switch)
        self._kind.props("outlined dense options-dense").classes("ba2-wide").mark("timing-kind")
        self._build_days(timing.get("days", (0, 1, 2, 3, 4)))
        self._times = ui.input_chips("Times of day", value=list(timing.get("times", ())), new_value_mode="add-unique")
        self._times.props('outlined dense hint="As 09:30, Enter after each"').classes("ba2-wide").mark("times")
        self._times.on_value_change(changed)
        self._build_offsets(timing.get("offsets", ({"anchor": "open", "minutes": 15},)))
        self._cron = ui.input("Cron line", value=timing.get("expression", ""), on_change=changed)
        self._cron.props('outlined dense debounce=300 hint="minute hour day month weekday, as 30 9,15 * * mon-fri"')
        self._cron.classes("ba2-wide").mark("cron")
        self._show()

    def value(self) -> dict[str, Any]:
        """Return the timing as it would be stored."""
        days = [day for day, box in enumerate(self._days) if box.value]
        if self._kind.value == "cron":
            return {"kind": "cron", "expression": self._cron.value or ""}
        if self._kind.value == "times":
            return {"kind": "times", "days": days, "times": [str(text).strip() for text in self._times.value or ()]}
        return {"kind": "session", "days": days, "offsets": [_offset(*fields) for fields in self._offsets]}

    def _build_days(self, days: Any) -> None:
        with ui.element("div").classes("ba2-days ba2-wide").props('role=group aria-label="Days"') as self._day_line:
            self._days = [
                ui.checkbox(name, value=day in days, on_change=self._changed).props("dense").mark(f"day-{day}")
                for day, name in enumerate(DAY_NAMES)
            ]

    def _build_offsets(self, offsets: Any) -> None:
        with ui.element("div").classes("ba2-offsets ba2-wide") as self._offset_lines:
            self._lines = ui.element("div").classes("ba2-offset-lines")
            for offset in offsets:
                self._add_offset(offset["anchor"], int(offset["minutes"]))
            add = ui.button("Another time", icon="add", color=None, on_click=self._another)
            add.props("flat dense no-caps size=sm").mark("add-offset")

    def _add_offset(self, anchor: str, minutes: int) -> None:
        with self._lines, ui.element("div").classes("ba2-offset") as line:
            sign = -1 if minutes < 0 else 1
            number = ui.number("Minutes", value=abs(minutes), min=0, max=720, precision=0, on_change=self._changed)
            number.props("outlined dense debounce=300").mark(f"offset-{len(self._offsets)}")
            side = ui.select(ANCHORS, value=f"{anchor}{sign:+d}", on_change=self._changed)
            side.props('outlined dense options-dense aria-label="Of the session"')
            fields = (number, side)
            remove = ui.button(icon="close", color=None, on_click=partial(self._remove, line, fields))
            remove.props('flat dense round size=sm aria-label="Remove this time"')
        self._offsets.append(fields)

    async def _another(self) -> None:
        self._add_offset("close", -10)
        await self._changed()

    async def _remove(self, line: ui.element, fields: tuple[ui.number, ui.select]) -> None:
        self._offsets.remove(fields)
        line.delete()
        await self._changed()

    async def _switch(self) -> None:
        self._show()
        await self._changed()

    def _show(self) -> None:
        kind = self._kind.value
        self._day_line.set_visibility(kind != "cron")
        self._times.set_visibility(kind == "times")
        self._offset_lines.set_visibility(kind == "session")
        self._cron.set_visibility(kind == "cron")


def _offset(number: ui.number, side: ui.select) -> dict[str, Any]:
    anchor, sign = str(side.value)[:-2], int(str(side.value)[-2:])
    return {"anchor": anchor, "minutes": sign * int(number.value or 0)}
