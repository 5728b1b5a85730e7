"""Demo research: the dividends and splits of the bundled market as reported figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import ReportedFigure
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.research.sources import ResearchSource


class DemoResearch(ResearchSource):
    """What the bundled market itself knows of its companies: dividends and splits. It has no news and no posts."""

    def __init__(self, market: DemoMarket) -> None:
        self._market = market

    def describe(self) -> str:
        """Say where this research comes from."""
        return "Reported figures are the demo market's dividends and splits; BA2_RESEARCH_DIR brings news and posts"

    def figures(self, symbol: str, as_of: datetime) -> Sequence[ReportedFigure]:
        """Return each dividend and split since the open of its first session; nothing for an unknown symbol."""
        try:
            info = self._market.instrument(symbol)
        except ExpertError:
            return ()
        known_since = session_calendar(info.calendar).open_on_or_after
        unit = f"{info.currency} per share"
        paid = [
            ReportedFigure(known_since(event.day), "cash dividend", round(event.amount, 6), unit, f"ex {event.day}")
            for event in self._market.dividends(symbol, as_of)
        ]
        made = [
            ReportedFigure(known_since(event.day), "stock split", round(1 / event.ratio, 6), "new shares for one old")
            for event in self._market.splits(symbol, as_of)
        ]
        return sorted([*paid, *made], key=lambda figure: figure.published_at, reverse=True)
