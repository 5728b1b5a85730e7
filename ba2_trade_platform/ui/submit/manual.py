"""Manual Analysis tab: chooses experts and symbols, previews the batch, and submits exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from nicegui import ui

from ba2_trade_platform.core.analyses.queue_service import Submitted
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.batches.requests import BatchPreview, BatchRequest
from ba2_trade_platform.core.batches.service import AcceptedBatch
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.experts.instances import Instance
from ba2_trade_platform.core.instruments.watchlists import WatchlistInfo
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Panel, quiet
from ba2_trade_platform.ui.kit.words import SUBTYPE
from ba2_trade_platform.ui.submit.expert_choice import ExpertChoice
from ba2_trade_platform.ui.submit.input import as_of_in, symbols_in, with_symbols, without_symbol
from ba2_trade_platform.ui.submit.preview import analyses, show_preview
from ba2_trade_platform.vocabulary import Source, Subtype

CHIPS = 60
UNKNOWN_NAMED = 8


@dataclass(frozen=True)
class ManualRequest:
    """What is chosen at the moment."""

    experts: tuple[int, ...]
    symbols: tuple[str, ...]
    subtype: Subtype
    as_of: date | datetime | None

    def batch_request(self) -> BatchRequest:
        """Return this as the service's order."""
        return BatchRequest(self.experts, self.symbols, subtype=self.subtype, as_of=self.as_of)


@dataclass(frozen=True)
class Foreseen:
    """What running a request would do, or the sentence that says why it cannot be run."""

    preview: BatchPreview | None = None
    unknown: tuple[str, ...] = ()
    sentence: str | None = None


async def manual_tab(desk: Desk) -> None:
    """Build the tab into the present slot."""
    await ManualAnalysis(desk).build()


_EXPERTS = {Topic.EXPERTS, Topic.MODELS}  # what an expert needs may be a model


class ManualAnalysis:
    """The form, its preview and its button."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._request: ManualRequest | None = None
        self._asked = 0
        self._instances: list[Instance] = []

    async def build(self) -> None:
        """Build the form and show what there is to choose from."""
        self._root = ui.element("div").classes("ba2-scroll")
        with self._root, ui.element("div").classes("ba2-manual"), ui.element("div").classes("ba2-detail-columns"):
            with ui.element("div").classes("ba2-detail-column"):
                self._build_form()
            with ui.element("div").classes("ba2-detail-column"):
                self._preview = Panel("Preview")
                with self._preview.head:
                    ui.space()
                    self._run = ui.button("Run", icon="play_arrow", on_click=self._submit)
                    self._run.props("unelevated no-caps").mark("run").disable()
                self._result = ui.element("div")
        # Before the first look, so that no change falls between the two.
        self._desk.live.watch(
            self._on_change, Topic.ANALYSES, Topic.EXPERTS, Topic.MODELS, Topic.WATCHLISTS, Topic.INSTRUMENTS
        )
        with reporting():
            await self._load()
            self._preview.show(Foreseen(sentence="Choose at least one expert"), _show_foreseen)

    def _build_form(self) -> None:
        with Panel("Type").body:
            self._subtype = (
                ui.toggle(
                    {member.value: SUBTYPE[member.value] for member in Subtype},
                    value=Subtype.ENTER_MARKET.value,
                    on_change=self._changed_subtype,
                )
                .props("dense no-caps unelevated")
                .classes("ba2-toggle")
            )
        with Panel("Experts").body:
            self._experts = ExpertChoice(self._changed)
        with Panel("Symbols").body:
            self._symbols = ui.textarea(placeholder="AAPL, MSFT", on_change=self._changed)
            self._symbols.props('outlined dense autogrow debounce=300 aria-label="Symbols"').classes("w-full")
            quiet("Parted by commas, spaces or lines.").classes("ba2-small")
            self._lists = ui.element("div")
        with Panel("As of").body:
            now = self._desk.platform.prices.clock.now().astimezone(self._desk.zone)
            self._as_of = ui.input(placeholder="2014-06-30 or 2014-06-30 15:30", on_change=self._changed)
            self._as_of.props('outlined dense clearable debounce=300 aria-label="As of"').classes("w-full")
            quiet(
                f"Empty: the market's present when it starts, now {now:%Y-%m-%d %H:%M %Z}. A date alone means the "
                f"close of that session; times are in {self._desk.zone.key}. Nothing dated later is used."
            ).classes("ba2-small")

    async def _load(self) -> None:
        platform = self._desk.platform
        self._instances = await off_loop(platform.experts.list)
        self._experts.show(self._instances, Subtype(self._subtype.value))
        watchlists = await off_loop(platform.instruments.watchlists.list)
        self._lists.clear()
        with self._lists:
            self._build_watchlists(watchlists)

    def _build_watchlists(self, watchlists: Sequence[WatchlistInfo]) -> None:
        for watchlist in watchlists:
            with ui.element("div").classes("ba2-picks"):
                ui.label(watchlist.name).classes("ba2-muted")
                for symbol in watchlist.symbols[:CHIPS]:
                    ui.button(symbol, on_click=lambda symbol=symbol: self._toggle(symbol), color=None).props(
                        "outline dense no-caps"
                    ).mark(f"pick-{symbol}")
                count = len(watchlist.symbols)
                add_all = ui.button(
                    f"Add all {count}", on_click=lambda symbols=watchlist.symbols: self._add(symbols), color=None
                )
                add_all.props("flat dense no-caps").mark(f"all-{watchlist.id}")
        if not watchlists:
            quiet("There is no watchlist yet: type or paste the symbols.").classes("ba2-small")

    def _toggle(self, symbol: str) -> None:
        text = self._symbols.value or ""
        there = symbol in symbols_in(text)
        self._symbols.set_value(without_symbol(text, symbol) if there else with_symbols(text, [symbol]))

    def _add(self, symbols: Sequence[str]) -> None:
        self._symbols.set_value(with_symbols(self._symbols.value or "", list(symbols)))

    # --- preview -------------------------------------------------------------------------------------------------

    async def _changed_subtype(self) -> None:
        self._experts.show(self._instances, Subtype(self._subtype.value))
        await self._changed()

    async def _on_change(self, change: Change) -> None:
        anew = change.of(_EXPERTS)
        if anew:
            with reporting():
                self._instances = await off_loop(self._desk.platform.experts.list)
                self._experts.show(self._instances, Subtype(self._subtype.value))
        if self._request is not None or anew:
            await self._changed()

    async def _changed(self) -> None:
        """Look anew at what Run would do; only the answer to the newest question is shown."""
        self._asked += 1
        asked = self._asked
        with reporting():
            request, foreseen = await self._foresee()
            if asked != self._asked or self._root.is_deleted:
                return
            self._request = request if foreseen.sentence is None else None
            self._preview.show(foreseen, _show_foreseen)
            count = foreseen.preview.queued if foreseen.preview else 0
            self._run.set_text(f"Run {count:,} {analyses(count)}" if count else "Run")
            self._run.set_enabled(bool(count))

    async def _foresee(self) -> tuple[ManualRequest | None, Foreseen]:
        try:
            request = ManualRequest(
                tuple(self._experts.chosen),
                tuple(symbols_in(self._symbols.value or "")),
                Subtype(self._subtype.value),
                as_of_in(self._as_of.value or "", self._desk.zone),
            )
            return request, await off_loop(self._look, request)
        except (PlatformError, ExpertError) as error:
            return None, Foreseen(sentence=str(error))

    def _look(self, request: ManualRequest) -> Foreseen:
        platform = self._desk.platform
        preview = platform.batches.preview(request.batch_request())
        return Foreseen(preview, tuple(symbol for symbol in request.symbols if not self._knows(symbol)))

    def _knows(self, symbol: str) -> bool:
        try:
            self._desk.platform.prices.instrument(symbol)
        except ExpertError:
            return False
        return True

    # --- run -----------------------------------------------------------------------------------------------------

    async def _submit(self) -> None:
        request = self._request
        if request is None:
            return
        self._run.disable()
        with reporting():
            done = await off_loop(self._run_request, request)
            duplicate = isinstance(done, Submitted) and done.is_duplicate
            notify(done.sentence, "warning" if duplicate else "positive")
            self._show_result(done)
        await self._changed()

    def _run_request(self, request: ManualRequest) -> Submitted | AcceptedBatch:
        platform, by = self._desk.platform, self._desk.trader
        if len(request.experts) == len(request.symbols) == 1:
            return platform.queue.submit_analysis_task(
                request.experts[0], request.symbols[0], request.subtype, by=by, as_of=request.as_of
            )
        return platform.batches.submit(request.batch_request(), by=by, source=Source.MANUAL)

    def _show_result(self, done: Submitted | AcceptedBatch) -> None:
        self._result.clear()
        with self._result, ui.element("div").classes("ba2-panel ba2-note").props("role=status"):
            ui.label(done.sentence)
            if isinstance(done, Submitted):
                ui.link(f"Analysis {done.analysis_id}", f"/market_analysis/{done.analysis_id}").classes("ba2-link")
            else:
                ui.link("Watch this batch", f"/batches/{done.id}").classes("ba2-link")


def _show_foreseen(foreseen: Foreseen) -> None:
    if foreseen.sentence is not None:
        quiet(foreseen.sentence)
        return
    if foreseen.unknown:
        named = ", ".join(foreseen.unknown[:UNKNOWN_NAMED])
        more = f" and {len(foreseen.unknown) - UNKNOWN_NAMED} more" if len(foreseen.unknown) > UNKNOWN_NAMED else ""
        with ui.element("div").classes("ba2-chip tone-warn ba2-wrap").props("role=status"):
            ui.icon("warning").props("aria-hidden=true")
            ui.label(f"The price provider does not know {named}{more}; such analyses are likely to fail.")
    if foreseen.preview is not None:
        show_preview(foreseen.preview)
