"""Run list: every planned time with its outcome, and the bad ones to acknowledge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import partial
from urllib.parse import urlencode

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.schedules.run_records import RunFilter, RunInfo
from ba2_trade_platform.core.schedules.schedule_records import ScheduleInfo
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import ask_reason, carry_out, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, chip, empty_state, icon_button, small_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, duration, exact
from ba2_trade_platform.ui.kit.urls import whole_number
from ba2_trade_platform.vocabulary import RunState

HEADERS = ("", "State", "Schedule", "Planned", "Began", "Late by", "Done", "Failed", "Not done", "Why", "Acknowledged")
RIGHT = frozenset({"Late by", "Done", "Failed", "Not done"})
PAGE = 100
TOPICS = (Topic.SCHEDULES, Topic.ANALYSES, Topic.BATCHES, Topic.EXPERTS, Topic.WATCHLISTS)
EARLIEST, LATEST = date(1990, 1, 1), date(2100, 1, 1)


@dataclass(frozen=True)
class RunView:
    """Which runs the address asks for."""

    states: tuple[RunState, ...] = ()
    schedule: int | None = None
    day: date | None = None
    unacknowledged: bool = False
    after: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> RunView:
        """Return the view of a query string; what makes no sense is left out."""
        asked = (query.get("state") or "").split(",")
        return cls(
            tuple(state for state in RunState if state.value in asked),
            whole_number(query.get("schedule")),
            read_day(query.get("day")),
            query.get("unseen") == "1",
            query.get("after"),
        )

    @property
    def url(self) -> str:
        """The address of this view."""
        said = {
            "tab": "runs",
            "state": ",".join(state.value for state in self.states),
            "schedule": self.schedule,
            "day": self.day,
            "unseen": 1 if self.unacknowledged else None,
            "after": self.after,
        }
        return f"/schedules?{urlencode({name: value for name, value in said.items() if value})}"

    def wanted(self, desk: Desk) -> RunFilter:
        """Return the filter; its day is one of the desk's zone."""
        zone = desk.platform.settings.zone
        first = None if self.day is None else datetime.combine(self.day, time(), zone)
        until = None if self.day is None else datetime.combine(self.day + timedelta(days=1), time(), zone)
        return RunFilter(self.states, self.schedule, first, until, self.unacknowledged)


class ScheduleRunList:
    """The runs of one view, kept true by the feed."""

    def __init__(self, desk: Desk, view: RunView) -> None:
        self._desk, self._view = desk, view

    async def build(self) -> None:
        """Build the filters and the list."""
        self._panel = Panel("Expected against done")
        self._root = self._panel.element
        with self._panel.head:
            ui.space()
            self._all = small_button("Acknowledge all", "done_all", self._ask_all).mark("acknowledge-runs")
            self._all.set_visibility(False)
        with reporting():
            schedules = await off_loop(self._desk.platform.schedules.service.list)
            with self._root:
                self._filters(schedules)
        self._panel.body.move(self._root)  # below the filters
        self._look = await self._desk.live.follow(self._read, self._show, *TOPICS)

    def _filters(self, schedules: Sequence[ScheduleInfo]) -> None:
        view = replace(self._view, after=None)
        states = {"": "All states", **{each.value: words.RUN_STATE[each.value].word for each in RunState}}
        names = {0: "All schedules", **{schedule.id: schedule.name for schedule in schedules}}

        def go(wanted: RunView) -> None:
            if wanted != self._view:
                ui.navigate.to(wanted.url)

        with ui.element("div").classes("ba2-run-filters"):
            state = ui.select(states, value=view.states[0].value if len(view.states) == 1 else "")
            state.props('dense outlined options-dense aria-label="State"').classes("ba2-bare-select")
            state.on_value_change(
                lambda event: go(replace(view, states=(RunState(event.value),) if event.value else ()))
            )
            one = ui.select(names, value=view.schedule if view.schedule in names else 0)
            one.props('dense outlined options-dense aria-label="Schedule"').classes("ba2-bare-select")
            one.on_value_change(lambda event: go(replace(view, schedule=event.value or None)))
            day = ui.input("Day", value=view.day.isoformat() if view.day else "")
            day.props("dense outlined type=date stack-label clearable")
            day.on_value_change(lambda event: go(replace(view, day=read_day(event.value))))
            left = ui.checkbox("Only what nobody has acknowledged", value=view.unacknowledged).props("dense")
            left.on_value_change(lambda event: go(replace(view, unacknowledged=event.value)))

    def _read(self) -> Page[RunInfo]:
        return self._desk.platform.schedules.runs.list(self._view.wanted(self._desk), self._view.after, PAGE)

    def _show(self, page: Page[RunInfo]) -> None:
        self._unacknowledged = tuple(run for run in page.items if run.needs_ack)
        self._all.set_visibility(bool(self._unacknowledged))
        self._panel.show(page, self._show_page)

    def _show_page(self, page: Page[RunInfo]) -> None:
        if not page.items:
            anything = self._view != RunView()
            empty_state(
                "task_alt" if self._view.unacknowledged else "event_available",
                "Nothing left to look at"
                if self._view.unacknowledged
                else "No runs" + (" like these" if anything else " yet"),
                "Every planned time of a schedule leaves a row here: done, late, partly failed or missed, with the "
                "reason.",
                links=(("All runs", "/schedules?tab=runs"),) if anything else (("Schedules", "/schedules"),),
            )
            return
        with plain_table("Runs", HEADERS, right=RIGHT), ui.element("tbody"):
            for run in page.items:
                with ui.element("tr"):
                    self._cells(run)
        if page.next_cursor:
            ui.link("Older ones", replace(self._view, after=page.next_cursor).url).classes("ba2-link")

    def _cells(self, run: RunInfo) -> None:
        zone = self._desk.zone
        with cell():
            if run.needs_ack:
                icon_button("done", "Acknowledge", partial(self._ask, (run,))).mark(f"acknowledge-run-{run.id}")
        with cell(), ui.link(target=f"/runs/{run.id}").classes("ba2-chip-link"):
            chip(words.RUN_STATE[run.state.value])
        text_cell(run.schedule, url=f"/schedules?tab=runs&schedule={run.schedule_id}", classes="ba2-wrap")
        with cell():
            planned = ui.label(f"{run.planned_at.astimezone(zone):%a %d %b %Y %H:%M}")
            planned.props["title"] = exact(run.planned_at, zone)
        text_cell(DASH if run.started_at is None else f"{run.started_at.astimezone(zone):%d %b %H:%M:%S}")
        text_cell(lateness(run), classes="ba2-right")
        items = run.items
        for number, outcome in (
            (items.succeeded, "succeeded"),
            (items.failed, "failed"),
            (items.skipped + items.blocked + items.duplicate, None),
        ):
            url = items_url(run, outcome) if number else None
            text_cell(f"{number:,}" if items.total else DASH, url=url, classes="ba2-right")
        text_cell(run.reason or "", classes="ba2-wrap ba2-sentences")
        text_cell(acknowledged(run), classes="ba2-wrap")

    async def _ask_all(self) -> None:
        if self._unacknowledged:  # somebody else may have been quicker
            await self._ask(self._unacknowledged)

    async def _ask(self, runs: tuple[RunInfo, ...]) -> None:
        with self._root:
            await acknowledge(self._desk, runs)
        await self._look()


async def acknowledge(desk: Desk, runs: tuple[RunInfo, ...]) -> None:
    """Ask for a reason, and take these runs off the banner and the rail's count."""
    one = runs[0]
    planned = f"{one.planned_at.astimezone(desk.zone):%a %d %b %H:%M}"
    what = f"{one.schedule}, {planned}" if len(runs) == 1 else f"{len(runs)} runs"
    reason = await ask_reason("Acknowledge?", f"{what}: no longer counted as unseen; the row stays.")
    if reason is not None:
        ids, service = [run.id for run in runs], desk.platform.schedules.runs
        verb = partial(service.acknowledge, ids, by=desk.trader, reason=reason or None)
        await carry_out(verb, lambda seen: "1 run acknowledged" if seen == 1 else f"{seen} runs acknowledged")


def lateness(run: RunInfo) -> str:
    """Say how long after its time a run began; a run that a person asked for has no such time."""
    if run.started_at is None or run.trigger.value == "manual" or run.clock.value == "replay":
        return DASH
    return duration(max(0.0, (run.started_at - run.planned_at).total_seconds() * 1000))


def items_url(run: RunInfo, outcome: str | None = None) -> str | None:
    """Return where the analyses of a run are listed."""
    if run.batch_id is None:
        return None
    return f"/marketanalysis?bulk={run.batch_id}" + (f"&outcome={outcome}" if outcome else "")


def acknowledged(run: RunInfo) -> str:
    """Say who has acknowledged a run, and why."""
    if run.acknowledged_at is None:
        return ""
    return f"{run.acknowledged_by}: {run.acknowledge_reason}" if run.acknowledge_reason else str(run.acknowledged_by)


def read_day(text: str | None) -> date | None:
    """Return the day that an address names, None for what is none or lies too far away for calendars."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if EARLIEST <= day <= LATEST else None
