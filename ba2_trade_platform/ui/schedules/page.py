"""Schedules page: the tabs for schedules, week and runs, at addresses that can be linked."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.schedules.day_summary import DayPanel
from ba2_trade_platform.ui.schedules.list import ScheduleList
from ba2_trade_platform.ui.schedules.runs import RunView, ScheduleRunList
from ba2_trade_platform.ui.schedules.week import ScheduleWeek
from ba2_trade_platform.ui.shell.layout import frame

TABS = (
    ("schedules", "Schedules", "/schedules"),
    ("week", "Week", "/schedules?tab=week"),
    ("runs", "Expected against done", "/schedules?tab=runs"),
)


async def schedules_page(desk: Desk, request: Request) -> None:
    """Build the page for the view that its address asks for."""
    query = dict(request.query_params)
    tab = query.get("tab") if query.get("tab") in ("week", "runs") else "schedules"
    async with frame(desk, "Schedules", "schedules"):
        with ui.element("nav").classes("ba2-tabs").props('aria-label="Views"'):
            for name, label, url in TABS:
                ui.link(label, url).classes("active" if name == tab else "")
        with ui.element("div").classes("ba2-scroll ba2-stack"):
            if tab == "week":
                await ScheduleWeek(desk, query).build()
            elif tab == "runs":
                await ScheduleRunList(desk, RunView.of(query)).build()
            else:
                await DayPanel(desk).build()
                await ScheduleList(desk, query.get("schedule")).build()
