"""Schedule editor: makes or changes a schedule, and previews its next times at every key."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import available_timezones

from nicegui import ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.base.symbols import typed_symbols
from ba2_trade_platform.core.contracts.exchanges import ExchangeSession
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.core.schedules.schedule_records import ScheduleInfo
from ba2_trade_platform.core.schedules.service import Preview
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.ui.kit.form_dialog import FormDialog, form_control
from ba2_trade_platform.ui.kit.panels import due_in
from ba2_trade_platform.ui.kit.times import zone_named
from ba2_trade_platform.ui.kit.typed_choice import typed_choice
from ba2_trade_platform.ui.schedules.timing_fields import TimingFields
from ba2_trade_platform.vocabulary import Misfire, ScheduleClock, Subtype

TIMES_SHOWN = 5
FIELD = "outlined dense options-dense"
NUMBERS = {
    "jitter_seconds": ("Jitter, seconds", "Begins up to this much later, so that not all begin at once", 0),
    "deadline_minutes": (
        "Deadline, minutes",
        "What has not begun this long after its time is not done; empty: none",
        1,
    ),
    "grace_seconds": ("Grace, seconds", "A run that begins later than this counts as late", 0),
    "priority": ("Priority", "Lower is sooner; from 50 on one slot stays free for Analyse now", 0),
}
NEW_TIMING: Mapping[str, Any] = {"kind": "times", "days": [0, 1, 2, 3, 4], "times": ["09:30"]}
Foreseen = tuple[Preview, Mapping[datetime, ExchangeSession]]  # and which of its times fall on half days


@dataclass(frozen=True)
class Choices:
    """What can be chosen: experts and watchlists by id, and the exchanges' calendars."""

    experts: Mapping[int, str]
    watchlists: Mapping[int, str]
    calendars: Sequence[str]


async def edit_schedule(desk: Desk, schedule: ScheduleInfo | None, saved: Callable[[], Awaitable[None]]) -> None:
    """Open the editor for a schedule, or for a new one."""
    choices = await off_loop(_choices, desk, schedule)
    await ScheduleDialog(desk, schedule, choices, saved).look()


def _choices(desk: Desk, schedule: ScheduleInfo | None) -> Choices:
    platform = desk.platform
    experts = {expert.id: expert.alias for expert in platform.experts.list()}
    if schedule is not None and schedule.expert_instance_id not in experts:
        experts[schedule.expert_instance_id] = f"{schedule.expert} (removed)"
    watchlists = {each.id: f"{each.name} ({len(each.symbols)})" for each in platform.instruments.watchlists.list()}
    return Choices(experts, watchlists, platform.schedules.service.calendars())


class ScheduleDialog:
    """Makes a schedule, or changes `schedule`; Save waits until all of it is valid."""

    def __init__(
        self, desk: Desk, schedule: ScheduleInfo | None, choices: Choices, saved: Callable[[], Awaitable[None]]
    ) -> None:
        self._desk, self._schedule, self._choices, self._saved = desk, schedule, choices, saved
        self._draft = schedule.draft() if schedule else Draft("", 0, NEW_TIMING, desk.platform.settings.zone.key)
        self._asked = 0
        self._numbers: dict[str, ui.number] = {}
        title = f"Change {schedule.name}" if schedule else "New schedule"
        self._dialog = FormDialog(title, self._save, "save-schedule")
        self._dialog.button.disable()
        with self._dialog.body:
            self._build_what()
            self._build_when()
            self._build_rest()
        with self._dialog.foot.classes("ba2-foreseen").props("aria-live=polite"):
            self._foreseen = ui.element("div")

    def _build_what(self) -> None:
        draft = self._draft
        with _section("What"):
            self._name = ui.input("Name", value=draft.name, on_change=self.look)
            self._name.props("outlined dense debounce=300 maxlength=80 autofocus").mark("schedule-name")
            known = draft.expert_instance_id if draft.expert_instance_id in self._choices.experts else None
            self._expert = ui.select(dict(self._choices.experts), label="Expert", value=known, on_change=self.look)
            self._expert.props(FIELD).mark("schedule-expert")
            subtypes = {each.value: words.SUBTYPE[each.value] for each in Subtype}
            self._subtype = ui.select(subtypes, label="For", value=draft.subtype.value, on_change=self.look)
            self._subtype.props(FIELD)
            lists = dict(self._choices.watchlists)
            self._lists = ui.select(
                lists, label="Watchlists", multiple=True, on_change=self.look,
                value=[each for each in draft.watchlist_ids if each in lists],
            )  # fmt: skip
            self._lists.props(f'{FIELD} use-chips hint="As they are when it runs"').mark("schedule-watchlists")
            self._symbols = ui.input("Symbols", value=", ".join(draft.symbols), on_change=self.look)
            self._symbols.props('outlined dense debounce=300 hint="As AAPL, MSFT"').mark("schedule-symbols")

    def _build_when(self) -> None:
        draft = self._draft
        with _section("When"):
            self._timing = TimingFields(draft.timing, self.look)
            zones = sorted(available_timezones() | {draft.zone})
            self._zone = typed_choice(zones, "Time zone", draft.zone, self.look).props(FIELD)
            names = sorted({*self._choices.calendars, *([draft.calendar] if draft.calendar else [])})
            label = "Only on days with a session of"
            self._calendar = typed_choice(names, label, draft.calendar, self.look, clearable=True)
            self._calendar.props(f'{FIELD} hint="An exchange, as XNYS; empty: every day counts"').mark("calendar")
            self._starts = _day("First day", draft.starts_on, self.look)
            self._ends = _day("Last day", draft.ends_on, self.look)

    def _build_rest(self) -> None:
        draft = self._draft
        with _section("When things go wrong"):
            policies = {each.value: f"After an outage: {words.MISFIRE[each.value]}" for each in Misfire}
            self._misfire = ui.select(policies, label="Missed times", value=draft.misfire.value, on_change=self.look)
            self._misfire.props(FIELD).classes("ba2-wide").mark("misfire")
            for name, (label, hint, least) in NUMBERS.items():
                number = ui.number(label, value=getattr(draft, name), min=least, precision=0, on_change=self.look)
                self._numbers[name] = form_control(number, hint, name, "debounce=300")

    async def look(self) -> None:
        """Show what is written down now: its next times, or what is wrong with it."""
        self._asked += 1
        mine = self._asked
        try:
            foreseen = await off_loop(self._foresee, self._now())
        except PlatformError as error:
            foreseen = Preview(None, (), (str(error),)), {}
        if mine == self._asked and not self._dialog.is_gone:  # what was written since then is looked at by itself
            self._dialog.button.set_enabled(not foreseen[0].problems)
            self._dialog.forget_error()
            self._foreseen.clear()
            with self._foreseen:
                self._show(*foreseen)

    def _foresee(self, draft: Draft) -> Foreseen:
        schedules = self._desk.platform.schedules
        own_id = self._schedule.id if self._schedule else None
        preview = schedules.service.preview(draft, TIMES_SHOWN, schedule_id=own_id)
        return preview, schedules.early_closes.among(draft.calendar, preview.times) if preview.times else {}

    def _show(self, preview: Preview, early_closes: Mapping[datetime, ExchangeSession]) -> None:
        zone = zone_named(self._zone.value)
        for problem in preview.problems:
            ui.label(problem).classes("ba2-form-error")
        if preview.words:
            ui.label(preview.words).classes("ba2-muted")
        with ui.element("ol").classes("ba2-times"):
            for instant in preview.times:
                with ui.element("li").mark("next-time"):
                    local = instant.astimezone(zone)
                    ui.label(f"{local:%a %d %b %Y %H:%M}").classes("ba2-number")
                    ui.label(f"{instant:%H:%M} UTC")
                    if self._draft.clock is ScheduleClock.REAL:
                        due_in(instant)
                    if session := early_closes.get(instant):
                        closes = f"{session.closes_at.astimezone(zone):%H:%M}"
                        ui.label(f"half day: {self._calendar.value} closes {closes}").classes("tone-warn")
        if preview.ends and preview.times:
            ui.label(preview.ends).classes("tone-warn").mark("calendar-ends")

    async def _save(self) -> None:
        self._foreseen.clear()  # a refusal stands alone
        schedules, draft, by = self._desk.platform.schedules.service, self._now(), self._desk.trader
        if self._schedule is None:
            schedule = await off_loop(schedules.create, draft, by=by)
        else:
            version = self._schedule.version
            schedule = await off_loop(schedules.update, self._schedule.id, draft, version=version, by=by)
        self._dialog.close(f"{schedule.name} saved")
        await self._saved()

    def _now(self) -> Draft:
        numbers = {name: None if number.value is None else int(number.value) for name, number in self._numbers.items()}
        return replace(
            self._draft,
            name=self._name.value or "",
            expert_instance_id=self._expert.value or 0,
            timing=self._timing.value(),
            zone=self._zone.value or "",
            subtype=Subtype(self._subtype.value),
            symbols=tuple(typed_symbols(self._symbols.value or "")),
            watchlist_ids=tuple(self._lists.value or ()),
            calendar=self._calendar.value or None,
            starts_on=_read_day(self._starts.value),
            ends_on=_read_day(self._ends.value),
            jitter_seconds=numbers["jitter_seconds"] or 0,
            deadline_minutes=numbers["deadline_minutes"],
            misfire=Misfire(self._misfire.value),
            grace_seconds=numbers["grace_seconds"] or 0,
            priority=50 if numbers["priority"] is None else numbers["priority"],
        )


def _section(title: str) -> ui.element:
    ui.label(title).classes("ba2-form-section").props("role=heading aria-level=3")
    return ui.element("div").classes("ba2-form")


def _day(label: str, value: date | None, changed: Callable[[], Awaitable[None]]) -> ui.input:
    field = ui.input(label, value=value.isoformat() if value else "", on_change=changed)
    return field.props("outlined dense type=date stack-label clearable")


def _read_day(text: str | None) -> date | None:
    """Return the day of a date field, which a browser leaves empty while it is not a whole day."""
    return date.fromisoformat(text) if text and re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
