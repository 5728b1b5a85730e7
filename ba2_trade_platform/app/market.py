"""Market services: opens the prices and the research that the settings name."""

from __future__ import annotations

from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.instruments.symbol_maps import SymbolMaps
from ba2_trade_platform.demo.market import DemoMarket, DemoResearch
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.prices.registry import open_prices
from ba2_trade_platform.market.research.folder import ResearchFolder
from ba2_trade_platform.market.research.sources import ResearchSource
from ba2_trade_platform.settings import Settings


def open_market(
    settings: Settings, maps: SymbolMaps, prices: Prices | None, calendars: DeskCalendars | None = None
) -> tuple[Prices, ResearchSource]:
    """Return the market, `prices` where they are given, and the source of research; nobody is asked yet.

    Raises StartRefused with the setting that is wrong.
    """
    try:
        market = prices or _prices(settings, maps, calendars)
        if settings.research_dir is not None:
            return market, ResearchFolder(settings.research_dir)
        return market, DemoResearch(market) if isinstance(market, DemoMarket) else ResearchSource()
    except ValueError as error:
        raise StartRefused(str(error)) from error


def _prices(settings: Settings, maps: SymbolMaps, calendars: DeskCalendars | None) -> Prices:
    if settings.prices == "demo":
        return DemoMarket(calendars=calendars)
    keys = (settings.alpaca_key.get_secret_value(), settings.alpaca_secret.get_secret_value())
    return open_prices(
        settings.prices, settings.prices_dir, settings.data_dir / "prices", keys, maps.renamed, calendars
    )
