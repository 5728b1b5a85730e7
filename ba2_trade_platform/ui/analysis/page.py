"""Analysis page: one analysis at an address of its own, so that it can be linked."""

from __future__ import annotations

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.ui.analysis.detail import BACK, AnalysisDetail
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.panels import empty_state, follow_anchor
from ba2_trade_platform.ui.shell.layout import frame

LONGEST_ID = 15


async def analysis_page(desk: Desk, analysis_id: str) -> None:
    """Build the page of the analysis that its address names; anything but a known number is not found."""
    known = analysis_id.isascii() and analysis_id.isdigit() and len(analysis_id) <= LONGEST_ID
    title = f"Analysis {analysis_id}" if known else "Analysis not found"
    async with frame(desk, title, "marketanalysis", "ba2-scroll"):
        if not known:
            empty_state("search_off", "Analysis not found", "The address names no analysis.", links=(BACK,))
            return
        detail = AnalysisDetail(desk, int(analysis_id), in_drawer=False)
        # Before it is read, so that no change falls between the two.
        desk.live.watch(detail.refresh, Topic.ANALYSES, Topic.BREAKERS, Topic.EXPERTS, Topic.FAILURES)
        await detail.build()
        follow_anchor()
