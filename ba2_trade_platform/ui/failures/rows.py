"""Failure row: one group of the inbox with its counts, outlook and buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.core.failures.group_states import GroupState
from ba2_trade_platform.core.monitoring.failure_inbox import Group
from ba2_trade_platform.ui.analysis.rerun_outlook import outlook_look
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.bar_chart import sparkline
from ba2_trade_platform.ui.kit.panels import chip
from ba2_trade_platform.ui.kit.plain_table import cell, text_cell
from ba2_trade_platform.ui.kit.times import exact, moment

Verb = Callable[[Group], Awaitable[None]]
HEADERS = (
    "Verdict", "Actions", "Failure", "State", "Failed now", "24 hours", "Seen", "Experts", "Symbols", "First seen",
    "Last seen",
)  # fmt: skip
NUMBERS = frozenset({"Failed now", "Seen"})
EXPERTS_NAMED, SYMBOLS_NAMED = 2, 3
# Each with the words of the menu, and what the service is told.
IGNORES: dict[str, tuple[str, dict[str, Any]]] = {
    "hour": ("For 1 hour", {"seconds": 3_600}),
    "day": ("For 24 hours", {"seconds": 86_400}),
    "ten": ("Until 10 more", {"more": 10}),
    "hundred": ("Until 100 more", {"more": 100}),
    "ever": ("For ever: won't fix", {}),
}
_MARKED = (GroupState.IGNORED, GroupState.RESOLVED, GroupState.WONT_FIX)


class FailureLine:
    """Builds the cells of one group; its verbs are the inbox's."""

    def __init__(self, verbs: Mapping[str, Verb], zone: ZoneInfo, *, rerun_enabled: bool) -> None:
        self._verbs = verbs
        self._zone = zone
        self._rerun_enabled = rerun_enabled

    def __call__(self, group: Group) -> None:
        """Build one line."""
        with cell():
            self._outlook(group)
        with cell():
            self._actions(group)
        failure_cell(group.code, f"/marketanalysis?code={group.code}&status=failed", group.message)
        with cell():
            self._state(group)
        text_cell(f"{group.failed_now:,}", url=_url(group, "&status=failed"), classes="ba2-right")
        with cell("tone-bad"):
            sparkline(group.hours)
        text_cell(f"{group.seen:,}", url=_url(group), classes="ba2-right")
        experts = [(expert.alias, f"&expert={expert.id}") for expert in group.experts]
        _names_cell(group, experts, len(experts), EXPERTS_NAMED)
        symbols = [(symbol, f"&symbol={quote(symbol)}") for symbol in group.symbols]
        _names_cell(group, symbols, group.symbol_count, SYMBOLS_NAMED)
        time_cell(group.first_seen, self._zone)
        time_cell(group.last_seen, self._zone)

    def _outlook(self, group: Group) -> None:
        button = ui.button(color=None, on_click=lambda: self._verbs["verdict"](group)).props("flat dense no-caps")
        button.mark(f"verdict-{group.fingerprint}").classes("ba2-chip-button")
        button.props["aria-label"] = group.assessment.headline
        with button:
            chip(outlook_look(group.assessment))
            ui.tooltip(group.assessment.headline)

    def _state(self, group: Group) -> None:
        with ui.element("span") as state:
            look = words.GROUP[group.state]
            if group.state is GroupState.SCHEDULED:
                look = look._replace(word=f"{group.scheduled:,} scheduled")
            elif group.ignore_more is not None:
                look = look._replace(word=f"ignored until {group.ignore_more:,} more")
            elif group.ignore_until is not None:
                look = look._replace(word=f"ignored until {moment(group.ignore_until, self._zone)}")
            chip(look).mark(f"state-{group.fingerprint}")
            if hint := self._hint(group):
                state.props["title"] = hint

    def _hint(self, group: Group) -> str:
        if group.state is GroupState.REGRESSED:
            return f"It came back {exact(group.regressed_at, self._zone)}"
        if group.marked_by and group.state in _MARKED:
            why = f": {group.mark_reason}" if group.mark_reason else ""
            return f"Said by {group.marked_by} {exact(group.marked_at, self._zone)}{why}"
        return ""

    def _actions(self, group: Group) -> None:
        # Each button keeps its place, so that a second click never hits another one.
        with ui.element("div").classes("ba2-actions"):
            rerun = self._button(group, "rerun", "refresh", f"Re-run group: {group.failed_now:,} failed analyses")
            rerun.classes("ba2-rerun" if group.failed_now and self._rerun_enabled else "ba2-away")
            rerun.classes("ba2-outlined" if group.assessment.warns else "")
            if group.state in _MARKED:
                self._button(group, "reopen", "undo", "Reopen")
            else:
                self._button(group, "resolve", "task_alt", "Resolve: it leaves the inbox until it comes back")
            ignore = ui.button(icon="notifications_paused", color=None).props("flat dense round size=sm")
            ignore.props["aria-label"] = f"Ignore {group.code}"
            ignore.classes("ba2-away" if group.state is GroupState.RECOVERED else "")
            with ignore:
                ui.tooltip("Ignore")
                with ui.menu().props("auto-close"):
                    for name, (word, _) in IGNORES.items():
                        item = ui.menu_item(word, lambda name=name: self._verbs[f"ignore-{name}"](group))
                        item.mark(f"ignore-{name}-{group.fingerprint}")

    def _button(self, group: Group, verb: str, icon: str, hint: str) -> ui.button:
        button = ui.button(icon=icon, color=None, on_click=lambda: self._verbs[verb](group))
        button.props("flat dense round size=sm").mark(f"{verb}-{group.fingerprint}")
        button.props["aria-label"] = f"{hint} ({group.code})"
        with button:
            ui.tooltip(hint)
        return button


def failure_cell(code: str, url: str, message: str) -> None:
    """Build a cell with an error's code as a link and as much of its message as fits."""
    with cell("ba2-failure-text"), ui.element("span").classes("ba2-cut") as text:
        ui.link(code, url).classes("ba2-link")
        ui.label(message).classes("ba2-inline-text")
        text.props["title"] = message


def time_cell(instant: datetime, zone: ZoneInfo) -> None:
    """Build a cell with an instant, in full when it is pointed at."""
    with cell():
        ui.label(moment(instant, zone)).props["title"] = exact(instant, zone)


def _url(group: Group, more: str = "") -> str:
    return f"/marketanalysis?fingerprint={group.fingerprint}{more}"


def _names_cell(group: Group, names: Sequence[tuple[str, str]], count: int, shown: int) -> None:
    """Build a cell with the first of `count` names, each with what its address adds, and a link to the rest."""
    with cell():
        for name, more in names[:shown]:
            ui.link(name, _url(group, more)).classes("ba2-link ba2-spaced")
        if count > shown:
            rest = ui.link(f"+{count - shown:,}", _url(group)).classes("ba2-link ba2-muted")
            rest.props["title"] = ", ".join(name for name, _ in names)
