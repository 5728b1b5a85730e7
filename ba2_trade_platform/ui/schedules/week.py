"""Week view: past and planned runs in seven columns, closed days shaded and named."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from nicegui import ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.contracts.exchanges import ExchangeSession
from ba2_trade_platform.core.schedules.run_records import RunInfo, Week, WeekDay, WeekRow
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.panels import Panel, empty_state, quiet
from ba2_trade_platform.ui.kit.plain_table import cell
from ba2_trade_platform.ui.kit.words import Look
from ba2_trade_platform.ui.schedules.runs import TOPICS, read_day
from ba2_trade_platform.vocabulary import ScheduleClock

CELL_SHOWN = 6
ShownWeek = tuple[Week, Mapping[int, Mapping[date, ExchangeSession]]]  # and by schedule which of its days are half ones


class ScheduleWeek:
    """The week that holds the day `week` of the address, by default today's."""

    def __init__(self, desk: Desk, query: Mapping[str, str]) -> None:
        self._desk = desk
        self._today = datetime.now(UTC).astimezone(desk.platform.settings.zone).date()
        day = read_day(query.get("week")) or self._today
        self._monday = day - timedelta(days=day.weekday())

    async def build(self) -> None:
        """Build the bar and the week."""
        panel = Panel("Week")
        with panel.head:
            ui.space()
            for label, days in (("Previous week", -7), ("This week", None), ("Next week", 7)):
                monday = self._today if days is None else self._monday + timedelta(days=days)
                ui.link(label, week_url(monday)).classes("ba2-link").mark(label.lower().replace(" ", "-"))
        await self._desk.live.follow(self._read, lambda shown: panel.show(shown, self._show), *TOPICS)

    def _read(self) -> ShownWeek:
        week = self._desk.platform.schedules.runs.week(self._monday)
        return week, {row.schedule_id: self._early_closes(row) for row in week.rows}

    def _early_closes(self, row: WeekRow) -> dict[date, ExchangeSession]:
        last = {max(run.planned_at for run in day.runs): day.day for day in row.days if day.runs}
        last |= {max(day.planned): day.day for day in row.days if day.planned}
        with suppress(PlatformError):  # a calendar of another version: the schedule's own alert says so
            found = self._desk.platform.schedules.early_closes.among(row.calendar, tuple(last))
            return {last[instant]: session for instant, session in found.items()}
        return {}

    def _show(self, shown: ShownWeek) -> None:
        week, self._short = shown
        if not week.rows:
            empty_state(
                "calendar_month",
                "Nothing is planned",
                "Once there is a schedule, this shows a week of its runs: those that were and those to come.",
                links=(("Schedules", "/schedules"),),
            )
            return
        with ui.element("div").classes("ba2-plain-box"), ui.element("table").classes("ba2-plain ba2-week") as table:
            table.props["aria-label"] = f"Week of {week.first_day}"
            with ui.element("thead"), ui.element("tr"):
                with ui.element("th").props("scope=col"):
                    ui.label("Schedule")
                for number in range(7):
                    self._head(week.first_day + timedelta(days=number))
            with ui.element("tbody"):
                for row in week.rows:
                    with ui.element("tr"):
                        self._row(row)
        quiet(f"Days and times in {week.zone}, the desk's zone.").classes("ba2-small")

    def _head(self, day: date) -> None:
        with ui.element("th").props("scope=col").classes("ba2-today" if day == self._today else "") as head:
            url = f"/schedules?tab=runs&day={day}"
            ui.link(f"{day:%a %d %b}", url).classes("ba2-link")
            if day == self._today:
                head.props("aria-current=date")
                ui.label("today").classes("ba2-small")

    def _row(self, row: WeekRow) -> None:
        with cell("ba2-wrap"):
            ui.link(row.schedule, f"/schedules?tab=runs&schedule={row.schedule_id}").classes("ba2-link")
            if not row.enabled:
                quiet("switched off").classes("ba2-small")
            elif row.clock is ScheduleClock.REPLAY:
                quiet("by the replay, when it is played").classes("ba2-small")
        for day in row.days:
            today = " ba2-today" if day.day == self._today else ""
            with cell(f"ba2-week-day{' ba2-closed' if day.closed else ''}{today}"):
                self._day(row, day)

    def _day(self, row: WeekRow, day: WeekDay) -> None:
        if day.closed:
            ui.label(f"{row.calendar or 'Exchange'} closed: no session").classes("ba2-small ba2-muted")
        short = self._short[row.schedule_id].get(day.day)
        if short is not None:
            closes = f"{self._local(short.closes_at):%H:%M}"
            ui.label(f"half day: {row.calendar} closes {closes}").classes("ba2-small tone-warn")
        for run in day.runs[:CELL_SHOWN]:
            self._run(run)
        room = max(0, CELL_SHOWN - len(day.runs))
        for planned in day.planned[:room]:
            self._line(planned, words.RUN_PLANNED)
        more = len(day.runs) + len(day.planned) - min(len(day.runs), CELL_SHOWN) - min(len(day.planned), room)
        if more and not day.runs:  # nothing of it can be listed before it has come
            rest = ", ".join(f"{self._local(planned):%H:%M}" for planned in day.planned[room:])
            quiet(f"and {more:,} more").classes("ba2-small").props["title"] = rest
        elif more:
            url = f"/schedules?tab=runs&schedule={row.schedule_id}&day={day.day}"
            ui.link(f"and {more:,} more", url).classes("ba2-link ba2-small")

    def _run(self, run: RunInfo) -> None:
        with ui.link(target=f"/runs/{run.id}").classes("ba2-chip-link") as link:
            self._line(run.planned_at, words.RUN_STATE[run.state.value])
        link.props["title"] = run.reason or words.RUN_STATE[run.state.value].word

    def _line(self, instant: datetime, look: Look) -> None:
        with ui.element("span").classes(f"ba2-chip ba2-week-run tone-{look.tone}"):
            ui.icon(look.icon).props("aria-hidden=true")
            ui.label(f"{self._local(instant):%H:%M}").classes("ba2-number")
            ui.label(look.word)

    def _local(self, instant: datetime) -> datetime:
        return instant.astimezone(self._desk.platform.settings.zone)


def week_url(day: date) -> str:
    """Return the address of the week that holds this day."""
    return f"/schedules?tab=week&week={day - timedelta(days=day.weekday())}"
