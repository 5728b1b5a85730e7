"""Market Analysis page: the tabs Job Monitoring, Failures and Manual Analysis."""

from __future__ import annotations

from functools import partial

from nicegui import ui
from starlette.requests import Request

from ba2_trade_platform.ui.failures.inbox import FailureTab
from ba2_trade_platform.ui.jobs.monitor import JobMonitor
from ba2_trade_platform.ui.jobs.view import View
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.ui.submit.dialog import analyse_dialog
from ba2_trade_platform.ui.submit.manual import ManualAnalysis

TABS = (
    ("jobs", "Job Monitoring", "/marketanalysis"),
    ("failures", "Failures", "/marketanalysis?tab=failures"),
    ("manual", "Manual Analysis", "/marketanalysis?tab=manual"),
)


async def market_analysis_page(desk: Desk, request: Request) -> None:
    """Build the page for the view that its address asks for."""
    view = View.of(request.query_params)
    async with frame(desk, "Market Analysis", "failures" if view.tab == "failures" else "marketanalysis"):
        with ui.element("nav").classes("ba2-tabs").props('aria-label="Views"'):
            for name, label, url in TABS:
                ui.link(label, url).classes("active" if name == view.tab else "")
            ui.space()
            bulk = ui.button("Bulk analysis", icon="playlist_add", color=None, on_click=partial(analyse_dialog, desk))
            bulk.props("flat dense no-caps size=sm").mark("bulk-analysis")
        if view.tab == "manual":
            await ManualAnalysis(desk).build()
        elif view.tab == "failures":
            await FailureTab(desk, request.query_params).build()
        else:
            await JobMonitor(desk, view).build()
