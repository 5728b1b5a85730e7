"""Watchlists and instruments, as plain lists."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from nicegui import ui

from ba2_trade_platform.core.changes import Change
from ba2_trade_platform.core.instruments import Instrument
from ba2_trade_platform.core.watchlists import WatchlistInfo
from ba2_trade_platform.ui.components.panels import Panel, empty_state
from ba2_trade_platform.ui.components.plain_table import plain_table, text_cell
from ba2_trade_platform.ui.desk import Desk
from ba2_trade_platform.ui.feedback import off_loop, reporting
from ba2_trade_platform.ui.layout import frame

INSTRUMENT_ROWS = 1_000


async def lists_page(desk: Desk) -> None:
    """Build the page; it follows changes of the lists."""
    with frame(desk, "Watchlists", "watchlists"), ui.element("div").classes("ba2-scroll ba2-stack"):
        watchlists, instruments = Panel("Watchlists"), Panel("Instruments")

    one_at_a_time = asyncio.Lock()

    async def refresh(change: Change) -> None:
        if change.ids is not None:
            return
        async with one_at_a_time:
            await look()

    async def look() -> None:
        with reporting():
            watchlists.show(tuple(await off_loop(desk.platform.watchlists.list)), _show_watchlists)
            instruments.show((await off_loop(desk.platform.lists.instruments.page)).items, _show_instruments)

    desk.live.watch(refresh)  # before the first look, so that no change falls between the two
    await refresh(Change(None))


def _show_watchlists(watchlists: Sequence[WatchlistInfo]) -> None:
    for watchlist in watchlists:
        with ui.element("div").classes("ba2-picks"):
            ui.label(watchlist.name).classes("ba2-pick-name")
            for symbol in watchlist.symbols:
                ui.link(symbol, f"/marketanalysis?symbol={symbol}").classes("ba2-link")
            if not watchlist.symbols:
                ui.label("no symbols").classes("ba2-muted")
    if not watchlists:
        empty_state(
            "list_alt",
            "No watchlists yet",
            "A watchlist is a named list of symbols.",
            "Symbols can be analysed without one: type them in Manual Analysis.",
            links=(("Manual Analysis", "/marketanalysis?tab=manual"),),
        )


def _show_instruments(instruments: Sequence[Instrument]) -> None:
    if not instruments:
        ui.label("None yet: an instrument appears here with the first watchlist that holds it.").classes("ba2-muted")
        return
    headers = ("Symbol", "Name", "Type", "Exchange", "Currency", "Calendar")
    with plain_table("Instruments", headers), ui.element("tbody"):
        for instrument in instruments[:INSTRUMENT_ROWS]:
            with ui.element("tr"):
                text_cell(instrument.symbol, url=f"/marketanalysis?symbol={instrument.symbol}")
                for text in (instrument.name, instrument.type, instrument.exchange):
                    text_cell(text)
                text_cell(instrument.currency)
                text_cell(instrument.calendar)
    if len(instruments) > INSTRUMENT_ROWS:
        ui.label(f"and {len(instruments) - INSTRUMENT_ROWS:,} more").classes("ba2-muted")
