"""Providers page: model providers and circuit breakers, with the incidents of the past."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.failures.breakers import Breaker
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import answer_of, carry_out, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, chip, empty_state, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, duration, exact, moment
from ba2_trade_platform.ui.models.providers import ModelProviderTable
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.vocabulary import BreakerState

HEADERS = ("Provider", "State", "Actions", "Why", "Waiting", "Since", "Next probe", "Probes")
PAST = ("Provider", "Why it was held back", "Opened", "By", "Lasted", "Probes", "Why it was let go", "By")


async def providers_page(desk: Desk) -> None:
    """Build the page."""
    async with frame(desk, "Providers", "providers"):
        await ProvidersPage(desk).build()


class ProvidersPage:
    """The incidents of now, the form to hold one back, and the incidents before; kept true by the feed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def build(self) -> None:
        """Build everything and show it."""
        with ui.element("div").classes("ba2-scroll ba2-stack") as self._root:
            models = ModelProviderTable(self._desk)
            with Panel("Held back now").element:
                with ui.element("div") as self._table, plain_table("Held back now", HEADERS, frozenset({"Waiting"})):
                    self._rows: KeyedList[int, Breaker] = KeyedList(self._line, tag="tbody", entry_tag="tr")
                self._empty = empty_state(
                    "hub",
                    "No provider is held back",
                    "When one fails again and again in a short time, retries for it wait here while one probes it.",
                )
            await self._form()
            self._past = Panel("Earlier incidents")
        await models.follow()
        topics = (Topic.MODELS, Topic.BREAKERS, Topic.ANALYSES)
        self._look = await self._desk.live.follow(self._read, self._show, *topics)

    async def _form(self) -> None:
        known = await off_loop(self._desk.platform.breakers.known)
        with Panel("Hold a provider back").element:
            quiet("Its retries wait until you let it go; what a person re-runs does not wait.")
            with ui.element("div").classes("ba2-inline") as form:
                self._provider = ui.input("Provider", autocomplete=known).props("outlined dense maxlength=80")
                self._provider.mark("provider").style("width: 180px")
                self._reason = ui.input("Reason").props("outlined dense maxlength=500").mark("reason")
                self._reason.style("width: min(360px, 80vw)").on("keydown.enter", self._open)
                hold = ui.button("Hold back", icon="front_hand", color=None, on_click=self._open)
                hold.props("outline dense no-caps").mark("hold-back")
                self._draft = Draft(form, "Hold a provider back")

    def _read(self) -> tuple[list[Breaker], list[Breaker]]:
        breakers = self._desk.platform.breakers
        return breakers.active(), [breaker for breaker in breakers.list() if breaker.state is BreakerState.CLOSED]

    def _show(self, found: tuple[list[Breaker], list[Breaker]]) -> None:
        active, closed = found
        self._rows.show({breaker.id: breaker for breaker in active})
        self._table.set_visibility(bool(active))
        self._empty.set_visibility(not active)
        self._past.show(closed, self._show_past)

    def _line(self, breaker: Breaker) -> None:
        zone = self._desk.zone
        text_cell(breaker.provider)
        with cell():
            chip(words.BREAKER[breaker.state])
        with cell():
            if breaker.state is not BreakerState.DRAINING:
                button = ui.button("Let go", icon="play_arrow", color=None, on_click=partial(self._ask_close, breaker))
                button.props("flat dense no-caps size=sm").style("width: auto").mark(f"let-go-{breaker.provider}")
                button.props["aria-label"] = f"Let {breaker.provider} go"
        by = f"{breaker.opened_by}: " if breaker.opened_by else ""
        text_cell(f"{by}{breaker.reason or DASH}", classes="ba2-wrap")
        code = f"&code={quote(breaker.code)}" if breaker.code else ""
        text_cell(f"{breaker.waiting:,}", url=f"/marketanalysis?status=pending{code}", classes="ba2-right")
        text_cell(moment(breaker.opened_at, zone))
        if breaker.probe_analysis_id is not None:
            probe = breaker.probe_analysis_id
            text_cell(f"analysis {probe} runs", url=f"/market_analysis/{probe}")
        else:
            later = DASH if breaker.state is BreakerState.DRAINING else "when you let it go"
            text_cell(later if breaker.probe_at is None else moment(breaker.probe_at, zone))
        text_cell(str(breaker.probes))

    def _show_past(self, closed: list[Breaker]) -> None:
        if not closed:
            quiet("None yet.")
            return
        zone = self._desk.zone
        with plain_table("Earlier incidents", PAST), ui.element("tbody"):
            for breaker in closed:
                with ui.element("tr"):
                    text_cell(breaker.provider)
                    text_cell(breaker.reason or DASH, classes="ba2-wrap")
                    with cell():
                        ui.label(moment(breaker.opened_at, zone)).props["title"] = exact(breaker.opened_at, zone)
                    text_cell(breaker.opened_by or "console")
                    ended = breaker.closed_at or datetime.now(UTC)
                    text_cell(duration((ended - breaker.opened_at).total_seconds() * 1000))
                    text_cell(str(breaker.probes))
                    text_cell(breaker.close_reason or DASH, classes="ba2-wrap")
                    text_cell(breaker.closed_by or "console")

    async def _open(self) -> None:
        provider, reason = self._provider.value or "", self._reason.value or ""
        with reporting():
            opened = await off_loop(self._desk.platform.breakers.open, provider, by=self._desk.trader, reason=reason)
            self._draft.forget()
            self._provider.set_value("")
            self._reason.set_value("")
            notify(f"Retries for {opened.provider} wait until you let it go")
        await self._look()

    async def _ask_close(self, breaker: Breaker) -> None:
        name, rate = breaker.provider, self._desk.platform.settings.breaker_drain_per_minute
        with self._root, ui.dialog() as dialog, ui.card().classes("ba2-dialog") as card:
            ui.label(f"Let {name} go?").classes("ba2-dialog-title")
            ui.label(
                f"{breaker.waiting} waiting retries go again, {rate} a minute. Should it still fail, it is held again."
            )
            reason = ui.input("Reason").props("outlined dense autofocus maxlength=500").classes("w-full")
            reason.mark("close-reason").on("keydown.enter", lambda: dialog.submit(True))
            with ui.row().classes("w-full justify-end"):
                ui.button("Keep holding", color=None, on_click=lambda: dialog.submit(False)).props("flat no-caps")
                go = ui.button("Let it go", on_click=lambda: dialog.submit(True)).props("unelevated no-caps")
                go.mark("confirm-close")
            draft = Draft(card, f"Let {name} go?")
        if await answer_of(dialog):
            draft.forget()
            said = reason.value or ""
            close = partial(self._desk.platform.breakers.close, name, by=self._desk.trader, reason=said)
            with self._root:
                await carry_out(close, lambda closing: closing.sentence, self._look)
