"""Analysis page: one analysis at an address of its own, so that it can be linked."""

from __future__ import annotations

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.ui.analysis.detail import BACK, AnalysisDetail
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.panels import empty_state, follow_anchor
from ba2_trade_platform.ui.kit.urls import whole_number
from ba2_trade_platform.ui.shell.layout import frame


async def analysis_page(desk: Desk, analysis_id: str) -> None:
    """Build the page of the analysis that its address names; anything but a known number is not found."""
    number = whole_number(analysis_id)
    title = "Analysis not found" if number is None else f"Analysis {analysis_id}"
    async with frame(desk, title, "marketanalysis", "ba2-scroll"):
        if number is None:
            empty_state("search_off", "Analysis not found", "The address names no analysis.", links=(BACK,))
            return
        detail = AnalysisDetail(desk, number)
        # Before it is read, so that no change falls between the two.
        desk.live.watch(detail.refresh, Topic.ANALYSES, Topic.BREAKERS, Topic.EXPERTS, Topic.FAILURES)
        await detail.build()
        follow_anchor()
