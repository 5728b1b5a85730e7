"""Connection dialog: tests a provider line by line, and offers the dialect that the test found."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from nicegui import ui

from ba2_trade_platform.core.contracts.model_checks import ConnectionTest, ModelCheck
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, off_loop, reporting
from ba2_trade_platform.ui.kit.formats import money
from ba2_trade_platform.ui.kit.panels import KeyedList, chip
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.words import Look
from ba2_trade_platform.vocabulary import ModelCheckKind

TRIED = {
    ModelCheckKind.TEXT: "Text",
    ModelCheckKind.TOOL: "Tool call",
    ModelCheckKind.STRUCTURED: "Structured answer",
    ModelCheckKind.CANCEL: "Cancel",
    ModelCheckKind.WINDOW: "Window",
}
HEADERS = ("Tried", "", "Result", "Time", "Cost")
UNDER_WAY = Look("testing", "hourglass_empty", "running")
AHEAD = Look("to come", "schedule", "waiting")


class Line(NamedTuple):
    """One line: what is tried, what was found, and how it looks until then."""

    kind: ModelCheckKind
    check: ModelCheck | None
    look: Look | None


class ConnectionDialog:
    """Begins a test when it opens and shows each finding as it comes; closing it ends the test.

    `tested` is awaited when a test is over, or its dialect was stored.
    """

    def __init__(self, desk: Desk, provider: Provider, tested: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._provider, self._tested = desk, provider, tested
        self._loop = asyncio.get_running_loop()
        self._test: Future[ConnectionTest] | None = None
        with ui.dialog().props("no-refocus") as self._dialog, ui.card().classes("ba2-dialog ba2-form-dialog"):
            title = ui.label(f"Test connection: {provider.name}").classes("ba2-dialog-title")
            title.props("role=heading aria-level=2")
            ui.label(f"Dialect: {provider.dialect.label}").classes("ba2-muted ba2-small")
            with plain_table(f"Test of {provider.name}", HEADERS, frozenset({"Time", "Cost"})):
                self._lines: KeyedList[ModelCheckKind, Line] = KeyedList(self._line, tag="tbody", entry_tag="tr")
            self._sum = ui.label().props("role=status").mark("test-result")
            with ui.element("div") as self._proposal:
                self._words = ui.label().classes("ba2-wrap")
                self._store = ui.button("Make it the dialect", on_click=self._keep, color=None)
                self._store.props("outline dense no-caps").mark("store-dialect")
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=self._dialog.close, color=None).props("flat no-caps autofocus")
                self._again = ui.button("Test again", on_click=self.run, color=None)
                self._again.props("outline no-caps").mark("test-again")
        self._dialog.on("hide", self._end)
        self._dialog.open()

    async def run(self) -> None:
        """Test, and say what came of it."""
        self._again.disable()
        self._proposal.set_visibility(False)
        self._sum.set_text("A few short questions, which cost little.")
        self._found: dict[ModelCheckKind, ModelCheck] = {}
        self._show()
        with reporting():
            begin = partial(self._desk.platform.models.gateway.begin_test, heard=self._hear)
            self._test = await off_loop(begin, self._provider.name, by=self._desk.trader)
            if self._dialog.is_deleted or not self._dialog.value:
                self._test.cancel()
            try:
                test = await asyncio.wrap_future(self._test)
            except asyncio.CancelledError:
                return
            await self._over(test)

    def _hear(self, check: ModelCheck) -> None:
        self._loop.call_soon_threadsafe(self._add, check)

    def _add(self, check: ModelCheck) -> None:
        if not self._dialog.is_deleted:
            self._found[check.check] = check
            self._show()

    def _show(self) -> None:
        ahead = [kind for kind in TRIED if kind not in self._found]
        looks = {kind: UNDER_WAY if kind == ahead[0] else AHEAD for kind in ahead}
        self._lines.show({kind: Line(kind, self._found.get(kind), looks.get(kind)) for kind in TRIED})

    def _line(self, line: Line) -> None:
        check = line.check
        with cell("ba2-wrap"):
            ui.label(TRIED[line.kind])
            if check is not None:
                ui.label(check.model).classes("ba2-muted ba2-small")
        with cell():
            chip(line.look or look_of(check.ok if check else None))
        with cell("ba2-wrap"):
            ui.label(check.sentence if check else "").classes("ba2-form-error" if check and check.ok is False else "")
        tried = check if check is not None and check.ok is not None else None
        text_cell(f"{tried.ms:,} ms" if tried and tried.ms is not None else "", classes="ba2-right")
        text_cell(_cost_of(tried) if tried else "", classes="ba2-right")

    async def _over(self, test: ConnectionTest) -> None:
        if not self._dialog.is_deleted:
            self._sum.set_text(sentence_of(test))
            self._sum.classes(remove="ba2-form-error") if test.ok else self._sum.classes("ba2-form-error")
            if test.proposal is not None:
                self._words.set_text(f"{test.proposal.sentence}.")
                self._offer = test.proposal
            self._proposal.set_visibility(test.proposal is not None)
            self._again.enable()
        await self._tested()

    async def _keep(self) -> None:
        name, offer = self._provider.name, self._offer
        change = partial(
            self._desk.platform.models.providers.change, name, by=self._desk.trader,
            dialect=offer.dialect, dialect_changes=dict(offer.dialect_changes),
        )  # fmt: skip
        await carry_out(change, f"{name} is asked so from now on", self._tested)
        if not self._dialog.is_deleted:
            self._proposal.set_visibility(False)

    def _end(self) -> None:
        if self._test is not None:
            self._test.cancel()
        self._dialog.delete()


def look_of(ok: bool | None) -> Look:
    """Return how a finding is shown."""
    if ok is None:
        return Look("not known", "help", "quiet")
    return Look("works", "check_circle", "good") if ok else Look("fails", "error", "bad")


def sentence_of(test: ConnectionTest) -> str:
    """Say what a test came to, in how long and for how much."""
    cost = money(test.cost, at_least=test.at_least)
    cost = ", cost unknown" if test.cost is None else f", {cost}"
    tokens = "" if test.tokens is None else f", {test.tokens:,} tokens"
    return f"{test.sentence} ({test.ms / 1000:.1f} s{tokens}{cost})"


def _cost_of(check: ModelCheck) -> str:
    return "" if check.check is ModelCheckKind.WINDOW else money(check.cost)


def worked(checks: Sequence[ModelCheck]) -> str:
    """Name what worked, in a few words."""
    return "works: " + ", ".join(TRIED[check.check].lower() for check in checks if check.ok)
