"""Failures tab: the failure groups that need a person, each verb with an undo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from nicegui import ui

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.clocks import day_start
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.failures.group_states import LIVE, GroupState
from ba2_trade_platform.core.monitoring.failure_inbox import Group, Summary
from ba2_trade_platform.core.monitoring.failure_triage import TriageChange
from ba2_trade_platform.core.monitoring.rerun_outlook import KindOverride
from ba2_trade_platform.ui.analysis.rerun_outlook import show_outlook
from ba2_trade_platform.ui.failures.rows import HEADERS, IGNORES, NUMBERS, FailureLine, Verb, failure_cell, time_cell
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, chip, empty_state
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.rerun.bulk_dialog import ask_bulk_rerun
from ba2_trade_platform.vocabulary import Status

LOOK_AGAIN_SECONDS = 30  # for what ends by the clock alone
CALM_SECONDS = 0.75  # between two looks while much changes
VIEWS: dict[str, tuple[str, tuple[GroupState, ...]]] = {
    "attention": ("Needs attention", LIVE),
    "ignored": ("Ignored", (GroupState.IGNORED, GroupState.WONT_FIX)),
    "resolved": ("Resolved", (GroupState.RESOLVED,)),
    "recovered": ("Recovered", (GroupState.RECOVERED,)),
    "all": ("All", tuple(GroupState)),
}


class FailureTab:
    """A page of groups for the view that its address asks for, kept true by the feed."""

    def __init__(self, desk: Desk, query: Mapping[str, str]) -> None:
        view = query.get("state", "")
        self._desk = desk
        self._monitoring = desk.platform.monitoring
        self._view = view if view in VIEWS else "attention"
        self._cursor = query.get("after") or None
        self._lock = asyncio.Lock()
        self._undoable: TriageChange | None = None

    async def build(self) -> None:
        """Build everything and show the first page."""
        with ui.element("nav").classes("ba2-bar").props('aria-label="States"'):
            for name, (label, _) in VIEWS.items():
                ui.link(label, _address(name)).classes("ba2-view active" if name == self._view else "ba2-view")
            ui.space()
            self._sum = ui.label().classes("ba2-muted ba2-hide-narrow").mark("failures-sum")
        with ui.element("div").classes("ba2-banner").props("role=status") as self._undo_bar:
            self._undo_text = ui.label()
            undo = ui.button("Undo", icon="undo", color=None, on_click=self._undo)
            undo.props("flat dense no-caps size=sm").classes("ba2-link").mark("undo")
        self._undo_bar.set_visibility(False)
        with ui.element("div").classes("ba2-scroll ba2-failures"):
            with (
                ui.element("div").classes("ba2-groups") as self._table,
                plain_table("Groups of failures", HEADERS, NUMBERS),
            ):
                rerun_enabled = self._desk.platform.analyses.rerun_enabled
                line = FailureLine(self._verbs(), self._desk.zone, rerun_enabled=rerun_enabled)
                self._rows: KeyedList[str, Group] = KeyedList(line, tag="tbody", entry_tag="tr")
            self._empty = ui.element("div")
            self._overrides = Panel("Kind overrides")
        with ui.element("div").classes("ba2-pager") as self._pager:
            self._first = ui.link("First page", _address(self._view)).classes("ba2-link")
            ui.space()
            self._next = ui.link("Next page", "").classes("ba2-link")
        # Before the first look, so that no change falls between the two.
        self._desk.live.watch(self._on_change, Topic.FAILURES, Topic.ANALYSES, Topic.BREAKERS, Topic.EXPERTS)
        await self._look()
        ui.timer(LOOK_AGAIN_SECONDS, self._look, immediate=False)

    def _verbs(self) -> dict[str, Verb]:
        triage = self._monitoring.triage
        return {
            "verdict": lambda group: show_outlook(self._desk, group.fingerprint),
            "rerun": self._ask_rerun,
            "resolve": partial(self._mark, triage.resolve),
            "reopen": partial(self._mark, triage.reopen),
            **{
                f"ignore-{name}": partial(self._mark, partial(triage.ignore, **options))
                for name, (_, options) in IGNORES.items()
            },
        }

    # --- showing -------------------------------------------------------------------------------------------------

    async def _on_change(self, _: Change) -> None:
        await self._look()
        await asyncio.sleep(CALM_SECONDS)

    async def _look(self) -> None:
        monitoring, states = self._monitoring, VIEWS[self._view][1]
        today = day_start(datetime.now(UTC), self._desk.platform.settings.zone)

        def read() -> tuple[Page[Group], Summary, list[KindOverride]]:
            try:
                page = monitoring.failures.groups(states, cursor=self._cursor)
            except Invalid:  # an address that somebody changed by hand
                self._cursor = None
                page = monitoring.failures.groups(states)
            return page, monitoring.failures.summary(today), monitoring.outlook.overrides()

        with reporting():
            async with self._lock:
                page, summary, overrides = await off_loop(read)
                if not self._table.is_deleted:
                    self._show(page, summary, overrides)

    def _show(self, page: Page[Group], summary: Summary, overrides: list[KindOverride]) -> None:
        self._rows.show({group.fingerprint: group for group in page.items})
        self._sum.set_text(summary.sentence)
        self._table.set_visibility(bool(page.items))
        self._empty.clear()
        if not page.items:
            with self._empty:
                self._show_empty(summary)
        self._overrides.show_if(bool(overrides))
        self._overrides.show(tuple(overrides), self._show_overrides)
        self._pager.set_visibility(bool(page.next_cursor or self._cursor))
        self._first.set_visibility(self._cursor is not None)
        self._next.set_visibility(page.next_cursor is not None)
        if page.next_cursor:
            self._next.props["href"] = _address(self._view, after=page.next_cursor)

    def _show_empty(self, summary: Summary) -> None:
        if self._view == "attention":
            empty_state("task_alt", summary.sentence, "A group appears here when an analysis fails.")
            return
        title = "No failure was seen yet" if self._view == "all" else f"No group is {VIEWS[self._view][0].lower()}"
        empty_state("filter_alt_off", title, links=(("What needs attention", _address("attention")),))

    def _show_overrides(self, overrides: tuple[KindOverride, ...]) -> None:
        headers = ("Failure", "Held to be", "Its code says", "By", "Since", "Why", "")
        with plain_table("Kind overrides", headers), ui.element("tbody"):
            for one in overrides:
                with ui.element("tr"):
                    failure_cell(one.code, f"/marketanalysis?fingerprint={one.fingerprint}", one.message)
                    with cell():
                        chip(words.OUTLOOK[one.kind])
                    text_cell(one.own_kind.value)
                    text_cell(one.by)
                    time_cell(one.at, self._desk.zone)
                    text_cell(one.reason or "", classes="ba2-wrap")
                    with cell():
                        remove = ui.button(icon="delete", color=None, on_click=partial(self._clear_kind, one))
                        remove.props("flat dense round size=sm").mark(f"clear-kind-{one.fingerprint}")
                        remove.props["aria-label"] = f"Remove the override of {one.code}"

    # --- verbs ---------------------------------------------------------------------------------------------------

    async def _mark(self, verb: Callable[..., TriageChange], group: Group) -> None:
        with reporting():
            change = await off_loop(verb, group.fingerprint, by=self._desk.trader)
            self._undoable = change
            self._undo_text.set_text(f"{group.code}: {change.sentence}")
            self._undo_bar.set_visibility(True)
        await self._look()

    async def _undo(self) -> None:
        change, self._undoable = self._undoable, None
        self._undo_bar.set_visibility(False)
        if change is not None:
            with reporting():
                undone = await off_loop(self._monitoring.triage.restore, change, by=self._desk.trader)
                notify(undone.sentence)
            await self._look()

    async def _clear_kind(self, override: KindOverride) -> None:
        with reporting():
            clear = self._monitoring.outlook.clear_kind
            said = await off_loop(clear, override.fingerprint, by=self._desk.trader)
            notify(f"{override.code}: held to be {said.kind.value} again, as its code says")
        await self._look()

    async def _ask_rerun(self, group: Group) -> None:
        selection = Selection(Filter(status=(Status.FAILED,), fingerprint=group.fingerprint))
        await ask_bulk_rerun(self._desk, selection, name=f"{group.code} {group.fingerprint}")


def _address(view: str, **parts: str) -> str:
    return "/marketanalysis?" + urlencode(
        {"tab": "failures"} | ({} if view == "attention" else {"state": view}) | parts
    )
