"""Schedule table: next and last run of each schedule, and every verb on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nicegui import ui

from ba2_trade_platform.core.schedules.schedule_records import ScheduleInfo
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, confirm, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, chip, due_in, empty_state, icon_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, switch_cell, text_cell
from ba2_trade_platform.ui.kit.times import DASH, exact
from ba2_trade_platform.ui.kit.urls import symbol_url
from ba2_trade_platform.ui.schedules.editor import edit_schedule
from ba2_trade_platform.ui.schedules.runs import TOPICS
from ba2_trade_platform.vocabulary import ScheduleClock

HEADERS = ("Name", "", "On", "Next run", "Last run", "To look at", "Expert", "For", "What", "When")
SYMBOLS_SHOWN = 4


class ScheduleList:
    """Every schedule of the desk, kept true by the feed."""

    def __init__(self, desk: Desk, asked: str | None) -> None:
        self._desk, self._asked = desk, asked
        self._schedules = desk.platform.schedules.service

    async def build(self) -> None:
        """Build everything and show it."""
        panel = Panel("Schedules")
        self._root = panel.element
        with panel.head:
            ui.space()
            add = ui.button("New schedule", icon="add", color=None, on_click=partial(self._edit, None))
            add.props("outline dense no-caps").mark("new-schedule")
        with panel.element:
            with (
                ui.element("div").classes("ba2-schedules") as self._table,
                plain_table("Schedules", HEADERS, right=frozenset({"To look at"})),
            ):
                self._rows: KeyedList[int, ScheduleInfo] = KeyedList(self._line, tag="tbody", entry_tag="tr")
            with ui.element("div") as self._empty:
                empty_state(
                    "event_repeat",
                    "No schedules yet",
                    "A schedule has an expert analyse symbols or watchlists at set times: every morning at 09:30, "
                    "15 minutes after the New York open, or by a cron line. Every planned time leaves a row that says "
                    "what became of it.",
                    "Press New schedule to make the first.",
                    links=(("Experts", "/experts"), ("Watchlists", "/watchlists")),
                )
        self._look = await self._desk.live.follow(self._schedules.list, self._show, *TOPICS)

    def _show(self, schedules: Sequence[ScheduleInfo]) -> None:
        self._rows.show({schedule.id: schedule for schedule in schedules})
        self._table.set_visibility(bool(schedules))
        self._empty.set_visibility(not schedules)

    def _line(self, schedule: ScheduleInfo) -> None:
        one = schedule.id
        with cell("ba2-wrap"):
            link = ui.link(schedule.name, f"/schedules?tab=runs&schedule={one}").classes("ba2-link")
            if self._asked == str(one):
                link.classes("ba2-asked")
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            for icon, verb, act in (
                ("play_arrow", "Run now", self._run_now),
                ("edit", "Change", self._edit),
                ("content_copy", "Duplicate", self._duplicate),
                ("archive", "Archive", self._ask_archive),
            ):
                marker = f"{verb.lower().replace(' ', '-')}-{one}"
                icon_button(icon, f"{verb}: {schedule.name}", partial(act, schedule)).mark(marker)
        switch_cell(f"{schedule.name} is enabled", schedule.enabled, f"enabled-{one}", partial(self._switch, schedule))
        with cell():
            self._next(schedule)
        with cell():
            self._last(schedule)
        unseen = f"/schedules?tab=runs&schedule={one}&unseen=1" if schedule.unseen else None
        text_cell(f"{schedule.unseen:,}", url=unseen, classes="ba2-right")
        text_cell(schedule.expert, url=f"/marketanalysis?expert={schedule.expert_instance_id}")
        text_cell(words.SUBTYPE[schedule.subtype.value])
        with cell("ba2-wrap"):
            _what(schedule)
        text_cell(schedule.words, classes="ba2-wrap ba2-rule")

    def _next(self, schedule: ScheduleInfo) -> None:
        self._next_time(schedule)
        if schedule.enabled and schedule.warning:
            ended = ui.label(f"the {schedule.calendar} calendar ends").classes("tone-warn").mark(f"ends-{schedule.id}")
            ended.props["title"] = schedule.warning

    def _next_time(self, schedule: ScheduleInfo) -> None:
        if schedule.next_at is None:
            why = "it is switched off" if not schedule.enabled else "not known" if schedule.warning else "it has ended"
            ui.label(f"none: {why}").classes("ba2-muted")
            return
        zone = self._desk.zone
        with ui.element("span").classes("ba2-cell-line"):
            replayed = schedule.clock is ScheduleClock.REPLAY
            year = " %Y" if replayed else ""
            label = ui.label(schedule.next_at.astimezone(zone).strftime(f"%a %d %b{year} %H:%M"))
            label.props["title"] = exact(schedule.next_at, zone)
            if replayed:
                ui.label("by the replay").classes("ba2-muted")
            else:
                due_in(schedule.next_at)

    def _last(self, schedule: ScheduleInfo) -> None:
        last = schedule.last_run
        if last is None:
            ui.label(DASH)
            return
        with ui.element("span").classes("ba2-cell-line"):
            with ui.link(target=f"/runs/{last.id}").classes("ba2-chip-link").mark(f"last-run-{schedule.id}") as link:
                chip(words.RUN_STATE[last.state.value])
            link.props["title"] = last.reason or exact(last.planned_at, self._desk.zone)
            ui.label(f"{last.planned_at.astimezone(self._desk.zone):%a %d %b %H:%M}").classes("ba2-muted")

    async def _edit(self, schedule: ScheduleInfo | None) -> None:
        with self._root, reporting():
            fresh = None if schedule is None else await off_loop(self._schedules.get, schedule.id)
            await edit_schedule(self._desk, fresh, self._look)

    async def _run_now(self, schedule: ScheduleInfo) -> None:
        run_now = partial(self._schedules.run_now, schedule.id, by=self._desk.trader)
        with self._root:
            await carry_out(run_now, lambda started: started.sentence, self._look)

    async def _duplicate(self, schedule: ScheduleInfo) -> None:
        duplicate = partial(self._schedules.duplicate, schedule.id, by=self._desk.trader)
        with self._root:
            await carry_out(
                duplicate, lambda made: f"{made.name} made, switched off; change it and switch it on", self._look
            )

    async def _switch(self, schedule: ScheduleInfo, wanted: bool) -> None:
        verb = self._schedules.enable if wanted else self._schedules.disable
        with self._root:
            await carry_out(
                partial(verb, schedule.id, by=self._desk.trader),
                lambda now: (
                    f"{now.name} is {'enabled' if now.enabled else 'disabled: its times from now on are no runs'}"
                ),
            )
            self._rows.forget(schedule.id)
            await self._look()

    async def _ask_archive(self, schedule: ScheduleInfo) -> None:
        archive = partial(self._schedules.archive, schedule.id, by=self._desk.trader)
        with self._root:
            await confirm(
                f"Archive {schedule.name}?",
                "It never runs again and leaves this list. Its runs and their analyses stay. To let it rest, "
                "switch it off instead.",
                "Archive it",
                partial(carry_out, archive, f"{schedule.name} archived", self._look),
            )


def _what(schedule: ScheduleInfo) -> None:
    with ui.element("span").classes("ba2-cell-line"):
        for one, name in zip(schedule.watchlist_ids, schedule.watchlists, strict=True):
            ui.link(name, f"/watchlists?list={one}").classes("ba2-link")
        for symbol in schedule.symbols[:SYMBOLS_SHOWN]:
            ui.link(symbol, symbol_url(symbol)).classes("ba2-link")
        more = len(schedule.symbols) - SYMBOLS_SHOWN
        if more > 0:
            ui.label(f"and {more:,} more").props["title"] = ", ".join(schedule.symbols)
