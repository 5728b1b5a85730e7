"""Failure row: one group of the inbox with its counts, outlook and buttons."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.core.failures.group_states import GroupState
from ba2_trade_platform.core.monitoring.failure_inbox import Group
from ba2_trade_platform.ui.analysis.rerun_outlook import outlook_look
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.panels import chip
from ba2_trade_platform.ui.kit.plain_table import cell
from ba2_trade_platform.ui.kit.sparkline import sparkline
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
        with cell("ba2-failure-text"):
            self._failure(group)
        with cell():
            self._state(group)
        with cell("ba2-right"):
            _number(group.failed_now, _url(group, "&status=failed"))
        with cell("tone-bad"):
            sparkline(group.hours)
        with cell("ba2-right"):
            _number(group.seen, _url(group))
        with cell():
            self._experts(group)
        with cell():
            self._symbols(group)
        for instant in (group.first_seen, group.last_seen):
            with cell():
                ui.label(moment(instant, self._zone)).props["title"] = exact(instant, self._zone)

    def _outlook(self, group: Group) -> None:
        button = ui.button(color=None, on_click=lambda: self._verbs["verdict"](group)).props("flat dense no-caps")
        button.mark(f"verdict-{group.fingerprint}").classes("ba2-chip-button")
        button.props["aria-label"] = group.assessment.headline
        with button:
            chip(outlook_look(group.assessment))
            ui.tooltip(group.assessment.headline)

    def _failure(self, group: Group) -> None:
        with ui.element("span").classes("ba2-cut") as text:
            ui.link(group.code, f"/marketanalysis?code={group.code}&status=failed").classes("ba2-link")
            ui.label(group.message).classes("ba2-inline-text")
            text.props["title"] = group.message

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
            hint = self._hint(group)
            if hint:
                state.props["title"] = hint

    def _hint(self, group: Group) -> str:
        if group.state is GroupState.REGRESSED:
            return f"It came back {exact(group.regressed_at, self._zone)}"
        if group.marked_by and group.state in _MARKED:
            why = f": {group.mark_reason}" if group.mark_reason else ""
            return f"Said by {group.marked_by} {exact(group.marked_at, self._zone)}{why}"
        return ""

    def _experts(self, group: Group) -> None:
        for expert in group.experts[:EXPERTS_NAMED]:
            ui.link(expert.alias, _url(group, f"&expert={expert.id}")).classes("ba2-link ba2-spaced")
        _rest(len(group.experts) - EXPERTS_NAMED, _url(group), ", ".join(expert.alias for expert in group.experts))

    def _symbols(self, group: Group) -> None:
        for symbol in group.symbols[:SYMBOLS_NAMED]:
            ui.link(symbol, _url(group, f"&symbol={quote(symbol)}")).classes("ba2-link ba2-spaced")
        _rest(group.symbol_count - SYMBOLS_NAMED, _url(group), ", ".join(group.symbols))

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
            ignore.classes("" if group.state is not GroupState.RECOVERED else "ba2-away")
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


def _url(group: Group, more: str = "") -> str:
    return f"/marketanalysis?fingerprint={group.fingerprint}{more}"


def _number(number: int, url: str) -> None:
    ui.link(f"{number:,}", url).classes("ba2-link")


def _rest(number: int, url: str, hint: str) -> None:
    if number > 0:
        ui.link(f"+{number:,}", url).classes("ba2-link ba2-muted").props["title"] = hint
