"""Analyse dialog: chooses symbols and experts, previews the batch, and submits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nicegui import ui

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.batches.requests import BatchPreview, BatchRequest
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.formats import analyses
from ba2_trade_platform.ui.kit.panels import quiet
from ba2_trade_platform.ui.submit.expert_choice import ExpertChoice, subtype_toggle
from ba2_trade_platform.ui.submit.input import symbols_in
from ba2_trade_platform.ui.submit.preview import show_summary

TYPED, EVERYTHING = "typed", "everything"


async def analyse_dialog(desk: Desk, *, symbols: Sequence[str] = (), watchlist_id: int | None = None) -> None:
    """Ask which experts analyse these symbols or this watchlist, unless something else is chosen there."""
    place = TYPED if watchlist_id is None else f"list:{watchlist_id}"
    await AnalyseDialog(desk, ", ".join(symbols), place).open()


class AnalyseDialog:
    """One order, with a preview that is read anew whenever it changes; only the newest answer is shown."""

    def __init__(self, desk: Desk, text: str, place: str) -> None:
        self._desk, self._text, self._chosen_place = desk, text, place
        self._asked = 0
        self._batch_request: BatchRequest | None = None
        self._dialog = ui.dialog()
        self._dialog.on("hide", self._dialog.delete)

    async def open(self) -> None:
        """Show the dialog, then what would be done."""
        watchlists = self._desk.platform.instruments.watchlists
        places = {TYPED: "Symbols, as typed", EVERYTHING: "Everything the desk knows"}
        with reporting():
            for found in await off_loop(watchlists.list):
                places[f"list:{found.id}"] = f"{found.name}, {len(found.symbols):,} symbols"
        with self._dialog, ui.card().classes("ba2-dialog") as card:
            card.style("width: min(640px, 94vw); max-width: 94vw")
            self._dialog.props["aria-label"] = "Bulk analysis"
            ui.label("Bulk analysis").classes("ba2-dialog-title")
            subtype = self._build_what(places)
            ui.label("Experts").classes("ba2-panel-title")
            with ui.element("div").style("width: 100%; max-height: 30vh; overflow: auto"):
                self._experts = ExpertChoice(self._desk, subtype, self._changed)
            self._plan = ui.element("div").classes("ba2-bulk-plan").props("role=status")
            with ui.row().classes("w-full justify-end items-center"):
                ui.button("Close", color=None, on_click=self._dialog.close).props("flat no-caps")
                self._go = ui.button("Analyse", icon="play_arrow", on_click=self._submit)
                self._go.props("unelevated no-caps").mark("analyse-batch")
            self._draft = Draft(card, "Bulk analysis")
        self._go.disable()
        with reporting():
            await self._experts.load()
        self._dialog.open()
        await self._changed()

    def _build_what(self, places: dict[str, str]) -> ui.toggle:
        box = "dense outlined"
        place = self._chosen_place if self._chosen_place in places else TYPED
        with ui.element("div").classes("ba2-bulk-options"):
            self._place = ui.select(places, label="What", value=place, on_change=self._changed)
            self._place.props(f"{box} options-dense").mark("analyse-what")
            self._name = ui.input("Name").props(f"{box} maxlength=200").mark("analyse-name")
        self._symbols = ui.textarea("Symbols", value=self._text, on_change=self._changed)
        self._symbols.props(f"{box} autogrow debounce=300 input-style='max-height: 120px'").classes("w-full")
        self._symbols.mark("analyse-symbols").bind_visibility_from(self._place, "value", value=TYPED)
        return subtype_toggle()

    def _read_request(self) -> BatchRequest:
        place = str(self._place.value)
        return BatchRequest(
            self._experts.chosen,
            tuple(symbols_in(self._symbols.value or "")) if place == TYPED else (),
            int(place.removeprefix("list:")) if place.startswith("list:") else None,
            place == EVERYTHING,
            self._experts.subtype,
        )

    async def _changed(self) -> None:
        """Look anew at what would be done."""
        self._asked += 1
        asked, request = self._asked, self._read_request()
        preview: BatchPreview | None = None
        sentence = ""
        try:
            preview = await off_loop(self._desk.platform.batches.preview, request, 0)
        except PlatformError as error:
            sentence = f"{error}."
        if asked != self._asked or self._dialog.is_deleted:
            return
        self._batch_request = request if preview is not None else None
        self._plan.clear()
        with self._plan:
            if preview is None:
                quiet(sentence)
            else:
                show_summary(preview)
                for one in preview.reasons:
                    ui.label(f"{one.count:,} not possible: {one.reason}").classes("ba2-muted")
        count = preview.queued if preview is not None else 0
        self._go.set_text(f"Analyse: {analyses(count)}" if count else "Analyse")
        self._go.set_enabled(count > 0)

    async def _submit(self) -> None:
        batch_request = self._batch_request
        if batch_request is None:
            return
        self._go.disable()
        named = replace(batch_request, name=(self._name.value or "").strip() or None)
        with reporting():
            accepted = await off_loop(self._desk.platform.batches.submit, named, by=self._desk.trader)
            notify(accepted.sentence, link=("Watch it", f"/batches/{accepted.id}"))
            self._draft.forget()
            self._dialog.close()
            return
        self._go.enable()
