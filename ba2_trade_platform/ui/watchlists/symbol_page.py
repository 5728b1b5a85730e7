"""Symbol page: price, chart, analyses, watchlists and next runs of one symbol."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from nicegui import ui
from nicegui.events import EChartPointClickEventArguments

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.symbols import symbol_of
from ba2_trade_platform.core.contracts.experts import Bars, ExpertError
from ba2_trade_platform.core.instruments.instruments import Instrument
from ba2_trade_platform.core.instruments.quotes import Quote
from ba2_trade_platform.core.instruments.symbol_pages import SymbolReading
from ba2_trade_platform.core.instruments.symbol_parsing import ImportResult
from ba2_trade_platform.core.instruments.watchlists import WatchlistSummary
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.ui.analysis.price_chart import caption
from ba2_trade_platform.ui.kit.bar_chart import chart_room
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, empty_state, quiet, small_button
from ba2_trade_platform.ui.kit.times import exact
from ba2_trade_platform.ui.kit.urls import analyses_url
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.ui.submit.dialog import analyse_dialog
from ba2_trade_platform.ui.watchlists.symbol_chart import RANGES, STYLES, Marked, symbol_chart
from ba2_trade_platform.ui.watchlists.symbol_panels import show_analyses, show_current, show_lists, show_runs

NEWEST = 50
Reading = tuple[SymbolReading, tuple[AnalysisRow, ...], Instrument | None, Sequence[WatchlistSummary]]


async def symbol_page(desk: Desk, symbol: str) -> None:
    """Build the page of a symbol; it follows changes."""
    try:
        name = symbol_of(symbol)
    except Invalid as error:
        async with frame(desk, "Symbol", "watchlists", "ba2-scroll"):
            links = (("Instruments", "/watchlists?tab=instruments"),)
            empty_state("search_off", "Not a symbol", f"{error}.", links=links)
        return
    async with frame(desk, name, "watchlists"):
        await SymbolPage(desk, name).build()


class SymbolPage:
    """Everything about one symbol, repainting only what changed."""

    def __init__(self, desk: Desk, symbol: str) -> None:
        self._desk, self._symbol = desk, symbol
        self._sessions, self._style = 120, "candles"
        self._bars: Bars | str | None = None
        self._quote = Quote(symbol)
        self._splits: dict[datetime, float | None] = {}
        self._reading = SymbolReading(symbol, (), (), ())
        self._offered: dict[int, str] | None = None

    async def build(self) -> None:
        """Build the page; prices come once it stands."""
        with ui.element("div").classes("ba2-symbol-head"):
            ui.label(self._symbol).classes("ba2-symbol-name").props("role=heading aria-level=1")
            self._name = ui.label().classes("ba2-muted")
            self._price = ui.label("\N{HORIZONTAL ELLIPSIS}").classes("ba2-symbol-price").mark("price")
            self._price_date = ui.label().classes("ba2-muted").mark("price-date")
            ui.space()
            small_button("Analyse now", "play_arrow", self._analyse).mark("analyse-now")
            with ui.button("Add to watchlist", icon="playlist_add", color=None).mark("add-to-list") as add:
                add.props("outline dense no-caps size=sm")
                self._menu = ui.menu()
        with ui.element("div").classes("ba2-scroll ba2-stack"):
            self._chart = Panel("Prices and recommendations")
            with self._chart.body:
                chart_room("ba2-symbol-chart")
            self._build_choices()
            self._current = Panel("Current recommendations")
            self._analyses = Panel(f"Newest {NEWEST} analyses")
            with self._analyses.head:
                ui.space()
                ui.link("All of them", analyses_url(self._symbol)).classes("ba2-link")
            with ui.element("div").classes("ba2-grid"):
                self._lists, self._runs = Panel("Watchlists"), Panel("Next runs")
        topics = (Topic.ANALYSES, Topic.EXPERTS, Topic.INSTRUMENTS, Topic.SCHEDULES, Topic.WATCHLISTS)
        self._look = await self._desk.live.follow(self._read, self._show, *topics)
        ui.timer(0, self._read_prices, once=True)

    def _build_choices(self) -> None:
        with self._chart.head, ui.element("div").classes("ba2-inline ba2-symbol-choices"):
            for toggle in (
                ui.toggle(RANGES, value=self._sessions, on_change=lambda event: self._choose_range(event.value)),
                ui.toggle(STYLES, value=self._style, on_change=lambda event: self._choose_style(event.value)),
            ):
                toggle.props("dense no-caps unelevated size=sm").classes("ba2-toggle")

    def _read(self) -> Reading:
        platform = self._desk.platform
        return (
            platform.instruments.symbols.read(self._symbol),
            platform.monitoring.jobs.page(Filter(symbol=self._symbol), limit=NEWEST).items,
            platform.instruments.catalog.find(self._symbol),
            platform.instruments.watchlists.summaries(),
        )

    def _show(self, found: Reading) -> None:
        """Show what is known now; the prices stay."""
        reading, rows, instrument, lists = found
        zone, redraw = self._desk.zone, reading.answers != self._reading.answers
        self._reading = reading
        self._show_name(instrument)
        self._analyses.show(rows, lambda data: show_analyses(self._symbol, data, zone))
        self._lists.show(reading.lists, show_lists)
        self._runs.show(reading.runs, lambda data: show_runs(data, zone))
        self._show_current()
        self._fill_menu({one.id: one.name for one in lists if one.id not in dict(reading.lists)})
        if redraw:
            self._draw()
            if self._bars is not None:  # another recommendation: of a time before a split, perhaps
                ui.timer(0, self._read_prices, once=True)

    def _show_name(self, instrument: Instrument | None) -> None:
        if instrument is None:
            self._name.set_text("not an instrument of this desk")
            return
        parts = [instrument.name, instrument.exchange, instrument.type, *instrument.labels]
        self._name.set_text(" \N{MIDDLE DOT} ".join(part for part in parts if part))

    def _show_current(self) -> None:
        shown = (self._reading.current, self._quote.price, dict(self._splits))
        self._current.show(shown, lambda data: show_current(*data, self._desk.zone))

    # --- prices --------------------------------------------------------------------------------------------------

    async def _read_prices(self) -> None:
        with reporting():
            quote, bars, splits = await off_loop(self._ask_prices, self._sessions)
            if self._chart.element.is_deleted:
                return
            self._quote, self._bars, self._splits = quote, bars, splits
            self._show_price()
            self._show_current()
            self._draw()

    def _ask_prices(self, sessions: int) -> tuple[Quote, Bars | str, dict[datetime, float | None]]:
        platform = self._desk.platform
        quotes = platform.instruments.quotes
        quote = quotes.one(self._symbol)
        moments = {one.as_of for one in self._reading.current}
        splits = {moment: quotes.split_since(self._symbol, moment) for moment in moments}
        try:
            bars = platform.prices.bars(self._symbol, platform.prices.clock.now(), sessions)
        except ExpertError as error:
            return quote, f"No chart: {error}", splits
        return quote, bars if len(bars) else f"No chart: {self._symbol} has no prices yet.", splits

    def _show_price(self) -> None:
        quote = self._quote
        if quote.price is None:
            self._price.set_text("no price")
            self._price_date.set_text(quote.problem or "")
            return
        self._price.set_text(f"{quote.price:,.2f} {quote.currency}")
        stale = f"; stale: {quote.staleness}" if quote.is_stale else ""
        self._price_date.set_text(f"close of {exact(quote.at, self._desk.zone)}{stale}")
        self._price_date.classes(
            add="tone-warn" if quote.is_stale else "", remove="" if quote.is_stale else "tone-warn"
        )

    def _draw(self) -> None:
        if self._bars is None:
            return
        self._chart.body.clear()
        with self._chart.body:
            if isinstance(self._bars, str):
                quiet(self._bars)
                return
            marked = symbol_chart(self._bars, self._reading.answers, self._style)
            chart = ui.echart(marked.options, renderer="svg", on_point_click=partial(self._follow, marked))
            chart.classes("ba2-symbol-chart").props("role=img")
            words = caption(self._bars)
            chart.props["aria-label"] = f"Chart of {self._symbol}: {words}, {len(marked.analyses)} recommendations"
            older = f"; {marked.older} older recommendations are not in sight" if marked.older else ""
            hint = "; a marker opens its analysis" if marked.analyses else "; no recommendation in sight"
            quiet(f"{words}{hint}{older}").classes("ba2-small")

    @staticmethod
    def _follow(marked: Marked, event: EChartPointClickEventArguments) -> None:
        analysis_id = marked.analyses.get((event.series_index, event.data_index))
        if analysis_id is not None:
            ui.navigate.to(f"/market_analysis/{analysis_id}")

    async def _choose_range(self, sessions: int) -> None:
        self._sessions = sessions
        await self._read_prices()

    def _choose_style(self, style: str) -> None:
        self._style = style
        self._draw()

    # --- verbs ---------------------------------------------------------------------------------------------------

    async def _analyse(self) -> None:
        await analyse_dialog(self._desk, symbols=[self._symbol])

    def _fill_menu(self, lists: dict[int, str]) -> None:
        if lists != self._offered:  # the menu may stand open
            self._offered = lists
            self._menu.clear()
            with self._menu:
                for list_id, name in lists.items():
                    ui.menu_item(name, partial(self._add, list_id, name)).mark(f"add-to-{list_id}")
                ui.menu_item("Watchlists...", lambda: ui.navigate.to("/watchlists"))

    async def _add(self, list_id: int, name: str) -> None:
        with reporting():
            watchlists, by = self._desk.platform.instruments.watchlists, self._desk.trader
            report = await off_loop(watchlists.add_symbols, list_id, [self._symbol], by=by)
            (line,) = report.lines
            if line.fate is ImportResult.ADDED:
                notify(f"{self._symbol} added to {name}")
            else:
                notify(f"{line.reason or line.fate.value}; Watchlists adds it all the same", "warning")
        await self._look()
