"""Watchlist view: joins toolbar, selection, table, pager and keys, and follows the change feed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

from nicegui import ui
from nicegui.events import KeyEventArguments

from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.instruments.quotes import Quote
from ba2_trade_platform.core.instruments.watchlist_rows import WatchlistRow
from ba2_trade_platform.core.instruments.watchlists import Removed
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import empty_state, small_button
from ba2_trade_platform.ui.kit.urls import symbol_url
from ba2_trade_platform.ui.submit.dialog import analyse_dialog
from ba2_trade_platform.ui.watchlists.table import WatchTable
from ba2_trade_platform.ui.watchlists.toolbar import WatchBar
from ba2_trade_platform.ui.watchlists.view import PAGE, WatchView, line

AT_ONCE = 25
AGE_SECONDS = 30
MOVES = (("Up", "arrow_upward", -1), ("Down", "arrow_downward", 1), ("Top", "vertical_align_top", 0))


class WatchList:
    """The symbols of one watchlist."""

    def __init__(self, desk: Desk, view: WatchView, watchlist_id: int, changed: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._view, self._id, self._changed = desk, view, watchlist_id, changed
        self._instruments = desk.platform.instruments
        self._items: list[WatchlistRow] = []
        self._total = 0
        self._quotes: dict[str, Quote] = {}
        self._splits: dict[tuple[str, datetime], float | None] = {}
        self._picked: dict[str, None] = {}  # in the order in which they were ticked
        self._anchor: str | None = None
        self._at: str | None = None
        self._lock = asyncio.Lock()

    async def build(self) -> None:
        """Build everything and show the first page; the prices come once it stands."""
        self._bar = WatchBar(self._desk, self._view, self._id, self.load)
        self._build_selection()
        self._undo = ui.element("div").classes("ba2-bar ba2-gone").props("role=status").mark("undo")
        self._table = WatchTable(self._pick, self._pick_page)
        self._empty = ui.element("div").classes("ba2-empty ba2-gone")
        with ui.element("div").classes("ba2-pager"):
            self._range = ui.label().classes("ba2-muted")
            ui.space()
            self._back = ui.link("Previous", "#").classes("ba2-link")
            self._on = ui.link("Next", "#").classes("ba2-link")
        # Keys work while a button has the focus too, except Enter and space, which then belong to the button.
        ui.keyboard(on_key=self._key, ignore=["input", "select", "textarea"])
        ui.keyboard(on_key=self._press, repeating=False, ignore=["input", "select", "button", "textarea"])
        await self.load()
        ui.timer(AGE_SECONDS, self._show, immediate=False)  # `2 hours ago` grows old

    def _build_selection(self) -> None:
        self._selection = ui.element("div").classes("ba2-bar ba2-picked ba2-gone")
        with self._selection.props('role=region aria-live="polite" aria-label="Selection"'):
            self._count = ui.label().classes("ba2-pick-name").mark("picked")
            small_button("Analyse", "play_arrow", self._analyse, "flat").mark("picked-analyse")
            small_button("Take off the list", "playlist_remove", self._remove, "flat").mark("picked-take")
            for word, icon, to in MOVES:
                button = small_button(word, icon, partial(self._move, to), "flat").mark(f"picked-{word.lower()}")
                button.set_visibility(self._view.sort == "order")
            small_button("Clear", "close", self._clear, "flat").mark("picked-clear")

    # --- showing -------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Read the page that the view asks for and show it."""
        view = self._view
        with reporting():
            async with self._lock:
                page = await off_loop(self._instruments.rows.page, self._id, view.q, view.sort, view.skip, PAGE)
                if self._range.is_deleted:
                    return
                self._items, self._total = list(page.items), page.total
                self._show()
            ui.timer(0, self._price, once=True)

    async def refresh(self, change: Change) -> None:
        """Patch the visible rows that changed."""
        if change.of({Topic.WATCHLISTS, Topic.INSTRUMENTS}):
            await self.load()
            return
        with reporting():
            async with self._lock:
                symbols = [item.symbol for item in self._items]
                fresh = await off_loop(self._instruments.rows.items, self._id, symbols) if symbols else {}
                if fresh and not self._range.is_deleted:
                    self._items = [fresh.get(item.symbol, item) for item in self._items]
                    self._show()
                    await self._read_splits(self._items)

    async def _price(self) -> None:
        """Ask for the prices of the visible page, some at a time, off the loop."""
        symbols = [item.symbol for item in self._items]
        with reporting():
            for start in range(0, len(symbols), AT_ONCE):
                found = await off_loop(self._instruments.quotes.of, symbols[start : start + AT_ONCE])
                if self._range.is_deleted or [item.symbol for item in self._items] != symbols:
                    return
                self._quotes |= found
                await self._read_splits([item for item in self._items if item.symbol in found])
                self._show()

    async def _read_splits(self, items: Sequence[WatchlistRow]) -> None:
        """Ask by what the prices of these recommendations are to be compared with those of now, each once."""
        wanted = [(item.symbol, item.then_at) for item in items if item.then_at is not None]
        missing = [(symbol, at) for symbol, at in wanted if (symbol, at) not in self._splits]
        if not missing:
            return
        split_since = self._instruments.quotes.split_since
        found = await off_loop(lambda: {(symbol, at): split_since(symbol, at) for symbol, at in missing})
        if not self._range.is_deleted:
            self._splits |= found
            self._show()

    def _show(self) -> None:
        zone = self._desk.zone
        lines = []
        for item in self._items:
            split = None if item.then_at is None else self._splits.get((item.symbol, item.then_at))
            shown = line(item, zone, self._quotes.get(item.symbol), split=split)
            shown |= {"picked": item.symbol in self._picked, "cls": "at" if item.symbol == self._at else ""}
            lines.append(shown)
        self._table.show(lines)
        self._selection.classes(add="" if self._picked else "ba2-gone", remove="ba2-gone" if self._picked else "")
        self._count.set_text(f"{len(self._picked):,} selected")
        skip = self._view.skip
        self._range.set_text(f"{skip + 1:,}-{skip + len(lines):,} of {self._total:,}" if lines else "No symbols")
        self._back.set_visibility(skip > 0)
        self._back.props["href"] = self._view.url(skip=max(0, skip - PAGE))
        self._on.set_visibility(skip + len(lines) < self._total)
        self._on.props["href"] = self._view.url(skip=skip + PAGE)
        self._show_empty(not lines)

    def _show_empty(self, empty: bool) -> None:
        self._table.table.classes(add="ba2-gone" if empty else "", remove="" if empty else "ba2-gone")
        self._empty.classes(add="" if empty else "ba2-gone", remove="ba2-gone" if empty else "")
        self._empty.clear()
        with self._empty:
            if empty and (self._view.q or self._view.skip):
                links = (("The whole list", self._view.url(q=None)),)
                empty_state("search_off", "No symbol of this list matches", links=links)
            elif empty:
                sentence = "Press Add symbols and type or paste them, or Import a CSV file."
                empty_state("playlist_add", "This list is empty", sentence)

    # --- verbs ---------------------------------------------------------------------------------------------------

    async def _analyse(self) -> None:
        await analyse_dialog(self._desk, symbols=list(self._picked))

    async def _remove(self) -> None:
        remove = self._instruments.watchlists.remove
        with reporting():
            removed = await off_loop(remove, self._id, list(self._picked), by=self._desk.trader)
            self._picked.clear()
            notify(removed.sentence)
            self._show_undo(removed)
        await self.load()
        await self._changed()

    async def _move(self, to: int) -> None:
        """Move the ticked symbols by one place up (-1) or down (1), or to the top (0)."""
        watchlists = self._instruments.watchlists
        with reporting():
            order = await off_loop(watchlists.symbols, self._id)
            moved = [symbol for symbol in order if symbol in self._picked]
            if not moved:
                return
            place = order.index(moved[0]) + 1
            target = max(1, place + to) if to else 1
            await off_loop(watchlists.reorder, self._id, moved, target, by=self._desk.trader)
        await self.load()

    def _clear(self) -> None:
        self._picked.clear()
        self._show()

    async def _put_back(self, removed: Removed) -> None:
        await carry_out(partial(self._instruments.watchlists.put_back, removed, by=self._desk.trader), "Put back")
        self._show_undo(None)
        await self.load()
        await self._changed()

    def _show_undo(self, removed: Removed | None) -> None:
        self._undo.clear()
        if removed is not None and removed.places:
            self._undo.classes(remove="ba2-gone")
            with self._undo:
                ui.label(f"{removed.sentence}.")
                small_button("Undo", "undo", partial(self._put_back, removed)).mark("undo-remove")
        else:
            self._undo.classes(add="ba2-gone")

    # --- picking and keys ----------------------------------------------------------------------------------------

    async def _pick(self, symbol: str, span: bool) -> None:
        shown = self._table.symbols
        if symbol not in shown:
            return
        among = [symbol]
        if span and self._anchor in shown:
            first, last = sorted((shown.index(self._anchor), shown.index(symbol)))
            among = shown[first : last + 1]
        self._tick(among, ticked=symbol not in self._picked)
        self._anchor = self._at = symbol
        self._show()

    async def _pick_page(self) -> None:
        shown = self._table.symbols
        self._tick(shown, ticked=not all(symbol in self._picked for symbol in shown))
        self._show()

    def _tick(self, symbols: list[str], *, ticked: bool) -> None:
        if ticked:
            self._picked |= dict.fromkeys(symbols)
        else:
            self._picked = {symbol: None for symbol in self._picked if symbol not in symbols}

    async def _key(self, event: KeyEventArguments) -> None:
        key = str(event.key)
        if not event.action.keydown or event.modifiers.ctrl or event.modifiers.meta or event.modifiers.alt:
            return
        if key in ("j", "k"):
            self._step(1 if key == "j" else -1)
        elif key == "x" and self._at is not None and not event.action.repeat:
            await self._pick(self._at, False)
        elif key == "Escape":
            self._clear()
        elif key == "/":
            self._bar.search.run_method("focus")

    async def _press(self, event: KeyEventArguments) -> None:
        if not event.action.keydown or self._at is None:
            return
        if str(event.key) == "Enter":
            ui.navigate.to(symbol_url(self._at))
        elif str(event.key) == " ":
            await self._pick(self._at, bool(event.modifiers.shift))

    def _step(self, by: int) -> None:
        shown = self._table.symbols
        if shown:
            place = shown.index(self._at) + by if self._at in shown else 0
            self._at = shown[max(0, min(len(shown) - 1, place))]
            self._show()
            ui.run_javascript(
                "requestAnimationFrame(() => document.querySelector('.ba2-table tr.at')"
                "?.scrollIntoView({block: 'nearest'}))"
            )
