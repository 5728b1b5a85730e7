"""Manual Analysis tab: chooses experts and symbols, previews the batch, and submits exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from nicegui import ui

from ba2_trade_platform.core.analyses.queue_service import Submitted
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.batches.requests import BatchPreview, BatchRequest
from ba2_trade_platform.core.batches.service import AcceptedBatch
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.instruments.watchlists import WatchlistInfo
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.formats import analyses
from ba2_trade_platform.ui.kit.panels import Panel, quiet
from ba2_trade_platform.ui.submit.expert_choice import ExpertChoice, subtype_toggle
from ba2_trade_platform.ui.submit.input import as_of_in, symbols_in, with_symbols, without_symbol
from ba2_trade_platform.ui.submit.preview import show_items, show_summary
from ba2_trade_platform.vocabulary import Source

CHIPS = 60
UNKNOWN_NAMED = 8
_EXPERTS = {Topic.EXPERTS, Topic.MODELS}  # what an expert needs may be a model


@dataclass(frozen=True)
class Foreseen:
    """What running a request would do, or the sentence that says why it cannot be run."""

    preview: BatchPreview | None = None
    unknown: tuple[str, ...] = ()
    sentence: str | None = None


class ManualAnalysis:
    """The form, its preview and its button."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._request: BatchRequest | None = None
        self._asked = 0

    async def build(self) -> None:
        """Build the form into the present slot and show what there is to choose from."""
        self._root = ui.element("div").classes("ba2-scroll")
        with self._root, ui.element("div").classes("ba2-manual"), ui.element("div").classes("ba2-detail-columns"):
            with ui.element("div").classes("ba2-detail-column") as form:
                self._build_form()
                self._draft = Draft(form, "Manual Analysis")
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
            await self._experts.load()
            watchlists = await off_loop(self._desk.platform.instruments.watchlists.list)
            with self._lists:
                self._build_watchlists(watchlists)
            self._preview.show(Foreseen(sentence="Choose at least one expert"), _show_foreseen)

    def _build_form(self) -> None:
        with Panel("Type").body:
            subtype = subtype_toggle()
        with Panel("Experts").body:
            self._experts = ExpertChoice(self._desk, subtype, self._changed)
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

    def _build_watchlists(self, watchlists: Sequence[WatchlistInfo]) -> None:
        for watchlist in watchlists:
            with ui.element("div").classes("ba2-picks"):
                ui.label(watchlist.name).classes("ba2-muted")
                for symbol in watchlist.symbols[:CHIPS]:
                    pick = ui.button(symbol, on_click=partial(self._toggle, symbol), color=None)
                    pick.props("outline dense no-caps").mark(f"pick-{symbol}")
                symbols = watchlist.symbols
                add_all = ui.button(f"Add all {len(symbols)}", on_click=partial(self._add, symbols), color=None)
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

    async def _on_change(self, change: Change) -> None:
        anew = change.of(_EXPERTS)
        if anew:
            with reporting():
                await self._experts.load()
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
            self._run.set_text(f"Run {analyses(count)}" if count else "Run")
            self._run.set_enabled(bool(count))

    async def _foresee(self) -> tuple[BatchRequest | None, Foreseen]:
        try:
            request = BatchRequest(
                self._experts.chosen,
                tuple(symbols_in(self._symbols.value or "")),
                subtype=self._experts.subtype,
                as_of=as_of_in(self._as_of.value or "", self._desk.zone),
            )
            return request, await off_loop(self._look, request)
        except (PlatformError, ExpertError) as error:
            return None, Foreseen(sentence=str(error))

    def _look(self, request: BatchRequest) -> Foreseen:
        preview = self._desk.platform.batches.preview(request)
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
            self._draft.forget()
            self._show_result(done)
        await self._changed()

    def _run_request(self, request: BatchRequest) -> Submitted | AcceptedBatch:
        platform, by = self._desk.platform, self._desk.trader
        experts, symbols = request.expert_instance_ids, request.symbols
        if len(experts) == len(symbols) == 1:
            submit = platform.queue.submit_analysis_task
            return submit(experts[0], symbols[0], request.subtype, by=by, as_of=request.as_of)
        return platform.batches.submit(request, by=by, source=Source.MANUAL)

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
        show_summary(foreseen.preview)
        show_items(foreseen.preview)
