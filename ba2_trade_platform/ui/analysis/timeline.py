"""Timeline panel: states of an analysis, newest first, with start and duration."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.core.monitoring.timelines import Moment
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.panels import chip
from ba2_trade_platform.ui.kit.times import duration, exact, moment

SHOWN = 12
DEED = words.Look("note", "edit_note", "quiet")


def timeline(moments: Sequence[Moment], zone: ZoneInfo) -> None:
    """Show the newest moments, and all of them on request."""
    newest_first = list(reversed(moments))

    def show_all() -> None:
        with shown:
            _lines(newest_first[SHOWN:], zone)
        more.delete()

    with ui.element("div").classes("ba2-timeline") as shown:
        _lines(newest_first[:SHOWN], zone)
    if len(newest_first) > SHOWN:
        more = ui.button(f"Show all {len(newest_first)}", icon="expand_more", color=None, on_click=show_all)
        more.props("flat dense no-caps")


def _lines(moments: Sequence[Moment], zone: ZoneInfo) -> None:
    for one in moments:
        ui.label(moment(one.at, zone)).classes("ba2-muted").props["title"] = exact(one.at, zone)
        chip(words.OUTCOME.get(one.state or "", DEED))
        ui.label(said(one)).classes("ba2-timeline-what")
        ui.label("" if one.seconds is None else duration(one.seconds * 1000)).classes("ba2-muted ba2-right")


def said(one: Moment) -> str:
    """Say what happened, in which attempt, by whom and why."""
    attempt = f"attempt {one.attempt}: " if one.attempt else ""
    by = f" by {one.actor}" if one.actor else ""
    reason = f" ({one.reason})" if one.reason else ""
    return f"{attempt}{one.what}{by}{reason}"
