"""Job drawer: one analysis beside the table, so that the list stays in sight."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.ui.analysis.detail import AnalysisDetail
from ba2_trade_platform.ui.kit.desk import Desk

CHART_SECONDS = 5.0


class JobDrawer:
    """Opens, changes and closes; what it shows is kept true by its owner's feed."""

    def __init__(self, desk: Desk, on_close: Callable[[], Awaitable[None]]) -> None:
        self._desk = desk
        self._on_close = on_close
        self._detail: AnalysisDetail | None = None
        self._holder: ui.element | None = None
        self.analysis_id: int | None = None
        self._panel = ui.element("aside").classes("ba2-drawer ba2-gone").props('aria-label="Details"')

    async def show(self, analysis_id: int) -> None:
        """Show this analysis."""
        if analysis_id == self.analysis_id:
            return
        self._put_away()
        self.analysis_id = analysis_id
        self._panel.classes(remove="ba2-gone")
        with self._panel:
            self._holder = ui.element("div")
        self._detail = AnalysisDetail(self._desk, analysis_id, self._on_close)
        with self._holder:
            await self._detail.build()

    def hide(self) -> None:
        """Close the panel."""
        self.analysis_id, self._detail = None, None
        self._panel.classes(add="ba2-gone")
        self._put_away()

    def _put_away(self) -> None:
        """Hide what is shown, and delete it later: a chart that goes before its library has come is a browser error."""
        holder, self._holder = self._holder, None
        if holder is not None:
            holder.classes(add="ba2-gone")
            with self._panel:
                ui.timer(CHART_SECONDS, holder.delete, once=True)

    async def refresh(self, change: Change) -> None:
        """Show what changed; another analysis' end may have superseded this one's recommendation."""
        if self._detail is not None:
            await self._detail.refresh(change)
