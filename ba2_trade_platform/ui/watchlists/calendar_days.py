"""Calendar days panel: how far calendars reach, and a desk's extra sessions and closed days."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, time
from functools import partial

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import Invalid, PlatformError
from ba2_trade_platform.core.contracts.exchanges import CalendarReach, OwnDays
from ba2_trade_platform.core.instruments.calendar_days import LONGEST_REASON
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import ask_reason, carry_out, off_loop, reporting
from ba2_trade_platform.ui.kit.form_dialog import form_control
from ba2_trade_platform.ui.kit.panels import Panel, icon_button, quiet, small_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH
from ba2_trade_platform.ui.kit.typed_choice import typed_choice
from ba2_trade_platform.ui.watchlists.dialogs import list_dialog
from ba2_trade_platform.vocabulary import OwnDaysKind

HEADERS = ("Calendar", "", "What", "Days", "Hours", "Reason")
KINDS = {OwnDaysKind.EXTRA_SESSION: "extra session", OwnDaysKind.CLOSED_DAY: "closed"}
Shown = tuple[Sequence[OwnDays], Sequence[str], Sequence[CalendarReach]]


class CalendarDaysPanel:
    """The desk's corrections of calendars, kept true by the feed."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._days = desk, desk.platform.instruments.calendar_days

    async def build(self) -> None:
        """Build the panel."""
        self._panel = Panel("Calendar days", anchor="calendar-days")
        with self._panel.head:
            ui.space()
            small_button("Add days", "event", self._add).mark("add-days")
        self._look = await self._desk.live.follow(self._read, self._show, Topic.INSTRUMENTS, Topic.SCHEDULES)

    def _read(self) -> Shown:
        own = self._days.list()
        kept = {schedule.calendar for schedule in self._desk.platform.schedules.service.list()}
        reaches = {}
        for name in sorted({days.calendar for days in own} | {name for name in kept if name}):
            try:
                reaches[name] = self._days.reach(name)
            except PlatformError:  # the file's problems, or the schedule's words, say that there is none
                continue
        return own, self._days.problems(), tuple(reaches.values())

    def _show(self, shown: Shown) -> None:
        self._panel.show(shown, self._show_all)

    def _show_all(self, shown: Shown) -> None:
        own, problems, reaches = shown
        for problem in problems:
            ui.label(problem).classes("tone-warn").mark("calendar-problem")
        today = self._desk.platform.store.clock.now().date()
        for reach in reaches:
            words = f"{reach.name} is known from {reach.first} to {reach.last}"
            ui.label(reach.sentence if reach.ends_soon(today) else words).classes(
                "tone-warn" if reach.ends_soon(today) else "ba2-muted"
            ).mark(f"reach-{reach.name}")
        if not own:
            quiet(
                "Every calendar is as it is recorded. Add a special session that it does not know, an unexpected "
                "closure, or the days after its end."
            )
            return
        with plain_table("Calendar days", HEADERS), ui.element("tbody"):
            for days in own:
                with ui.element("tr"):
                    self._cells(days)

    def _cells(self, days: OwnDays) -> None:
        text_cell(days.calendar)
        with cell():
            name = f"{days.calendar}-{days.first}"
            icon_button("delete", f"Remove {days.calendar} {days.words}", partial(self._remove, days)).mark(
                f"remove-days-{name}"
            )
        text_cell(KINDS[days.kind])
        text_cell(f"{days.first}" if days.first == days.last else f"{days.first} to {days.last}")
        text_cell(f"{days.opens:%H:%M} to {days.closes:%H:%M}" if days.opens and days.closes else DASH)
        text_cell(days.reason or DASH, classes="ba2-wrap")

    async def _add(self) -> None:
        with self._panel.element, reporting():
            names = await off_loop(self._days.names)
            DaysDialog(self._desk, names, self._look_again)

    async def _look_again(self) -> None:
        await self._look()

    async def _remove(self, days: OwnDays) -> None:
        with self._panel.element:
            question = f"Remove the {days.words} of {days.calendar}?"
            reason = await ask_reason(question, "The calendar is as it is recorded again.", "Remove")
            if reason is not None:
                remove = partial(self._days.remove, days.calendar, days.first, days.last, by=self._desk.trader)
                await carry_out(partial(remove, reason=reason), lambda done: done.sentence, self._look_again)


class DaysDialog:
    """Asks for extra sessions or closed days of one calendar."""

    def __init__(self, desk: Desk, names: Sequence[str], saved: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._saved = desk, saved
        self._dialog = list_dialog("Add calendar days", "Add", self._save)
        with self._dialog.body:
            self._calendar = typed_choice(names, "Calendar", None, self._show_reach)
            self._calendar.props("outlined dense options-dense").mark("days-calendar")
            self._reach = quiet("").mark("days-reach")
            kinds = {kind.value: words for kind, words in KINDS.items()}
            self._kind = ui.select(kinds, label="What", value=OwnDaysKind.EXTRA_SESSION.value)
            self._kind.props("outlined dense options-dense").mark("days-kind")
            self._first = _field("First day", "days-first", "The day, or the first of several", "type=date")
            self._last = _field(
                "Last day", "days-last", "Empty: one day. Of several, those that usually trade", "type=date"
            )
            self._opens = _field("Opens", "days-opens", "Local time of the exchange; empty: as usual", "type=time")
            self._closes = _field("Closes", "days-closes", "Local time of the exchange; empty: as usual", "type=time")
            self._reason = _field("Reason", "days-reason", "As: Budget Sunday", f"maxlength={LONGEST_REASON}")

    async def _show_reach(self) -> None:
        with reporting():
            name = self._calendar.value
            reach = await off_loop(self._desk.platform.instruments.calendar_days.reach, name) if name else None
            if not self._dialog.is_gone:
                self._reach.set_text(f"{reach.name} is known from {reach.first} to {reach.last}" if reach else "")

    async def _save(self) -> None:
        first = _day(self._first.value)
        if not self._calendar.value or first is None:
            raise Invalid("Choose a calendar and a day")
        last, hours = _day(self._last.value) or first, (_time(self._opens.value), _time(self._closes.value))
        kind, reason = OwnDaysKind(self._kind.value), self._reason.value or ""
        days = OwnDays(self._calendar.value, kind, first, last, *hours, reason)
        done = await off_loop(self._desk.platform.instruments.calendar_days.add, days, by=self._desk.trader)
        self._dialog.close(done.sentence)
        await self._saved()


def _field(label: str, marker: str, hint: str, props: str) -> ui.input:
    return form_control(ui.input(label), hint, marker, f"stack-label {props}")


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text and re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None


def _time(text: str | None) -> time | None:
    return time.fromisoformat(text[:5]) if text and re.match(r"\d\d:\d\d", text) else None
