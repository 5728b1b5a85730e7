"""Model provider table: models, availability and limits of each, with a test button."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.change_feed import ANYTHING, Change
from ba2_trade_platform.core.contracts.model_providers import KeyState, Provider
from ba2_trade_platform.llm.gateway import ConnectionTest
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, chip, empty_state, icon_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, moment
from ba2_trade_platform.ui.models.provider_dialog import ProviderDialog

HEADERS = ("Provider", "State", "Actions", "On", "Quick model", "Deep model", "Key", "Limits", "Address", "Last test")


@dataclass(frozen=True)
class Line:
    """One row: the provider, its models' prices, whether it is held back, what the last test on this page brought."""

    provider: Provider
    prices: tuple[str, str]
    breaker_open: bool
    test: ConnectionTest | None
    testing: bool


def price_words(platform: Platform, provider: str, model: str) -> str:
    """Return what a million tokens of a model cost, in words."""
    price = platform.models.calls.price_of(provider, model)
    if price is None:
        return "price unknown"
    return "free" if price.free else f"${price.input.normalize():f} in, ${price.output.normalize():f} out a million"


class ModelProviderTable:
    """The panel of model providers; the page that holds it keeps it true."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = asyncio.Lock()
        self._tests: dict[str, ConnectionTest] = {}
        self._testing: set[str] = set()
        panel = Panel("Model providers")
        self._root = panel.element
        with panel.head:
            ui.button("Add a provider", icon="add", color=None, on_click=self._add).props("flat dense no-caps").mark(
                "add-provider"
            )
        with panel.element:
            with ui.element("div") as self._table, plain_table("Model providers", HEADERS):
                self._rows: KeyedList[str, Line] = KeyedList(self._line, tag="tbody", entry_tag="tr")
            self._empty = empty_state(
                "hub", "No model provider", "Experts that ask language models need one. Add one here."
            )

    async def refresh(self, _: Change) -> None:
        """Show the providers as they stand."""
        with reporting():
            async with self._lock:
                lines = await off_loop(self._read)
                if self._root.is_deleted:
                    return
                self._rows.show({line.provider.name: line for line in lines})
                self._table.set_visibility(bool(lines))
                self._empty.set_visibility(not lines)

    def _read(self) -> list[Line]:
        platform = self._desk.platform
        open_providers = platform.breakers.open_providers()
        return [
            Line(
                provider,
                (
                    price_words(platform, provider.name, provider.quick_model),
                    price_words(platform, provider.name, provider.deep_model),
                ),
                provider.name in open_providers,
                self._tests.get(provider.name),
                provider.name in self._testing,
            )
            for provider in platform.models.providers.list()
        ]

    def _line(self, line: Line) -> None:
        provider = line.provider
        text_cell(provider.name)
        with cell():
            chip(_look(line))
        self._actions(line)
        with cell():
            switch = ui.switch(value=provider.enabled, on_change=lambda event: self._enable(provider, event.value))
            switch.props("dense").mark(f"on-{provider.name}").props["aria-label"] = f"{provider.name} is switched on"
        for model, price in zip((provider.quick_model, provider.deep_model), line.prices, strict=True):
            with cell():
                ui.label(model)
                ui.label(price).classes("ba2-muted ba2-small")
        text_cell(_key_words(provider, self._desk.zone), classes="ba2-wrap")
        text_cell(_limits(provider))
        text_cell(provider.url or DASH)
        with cell("ba2-wrap"):
            if line.test is not None:
                _result(line.test)
            else:
                ui.label("testing ..." if line.testing else DASH).classes("ba2-muted")

    def _actions(self, line: Line) -> None:
        provider = line.provider
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            test = icon_button(
                "network_check", f"Test the connection to {provider.name}", partial(self._test, provider)
            )
            test.mark(f"test-{provider.name}").set_enabled(not line.testing and provider.unavailable is None)
            icon_button("edit", f"Change {provider.name}", partial(self._edit, provider)).mark(f"edit-{provider.name}")
            icon_button("delete", f"Remove {provider.name}", partial(self._ask_remove, provider)).mark(
                f"remove-{provider.name}"
            )

    # Rows are built anew while their handlers wait, so every handler works in the panel's own slot.

    async def _saved(self) -> None:
        await self.refresh(ANYTHING)

    def _add(self) -> None:
        with self._root:
            ProviderDialog(self._desk, None, self._saved)

    def _edit(self, provider: Provider) -> None:
        with self._root:
            ProviderDialog(self._desk, provider, self._saved)

    async def _enable(self, provider: Provider, enabled: bool) -> None:
        with self._root:
            with reporting():
                change = self._desk.platform.models.providers.change
                await off_loop(change, provider.name, by=self._desk.trader, enabled=enabled)
                notify(f"{provider.name} switched {'on' if enabled else 'off: experts that have only it cannot work'}")
            self._rows.forget(provider.name)
            await self.refresh(ANYTHING)

    async def _test(self, provider: Provider) -> None:
        with self._root:
            self._testing.add(provider.name)
            self._tests.pop(provider.name, None)
            await self.refresh(ANYTHING)
            try:
                with reporting():
                    self._tests[provider.name] = await off_loop(
                        self._desk.platform.models.gateway.test, provider.name, by=self._desk.trader
                    )
            finally:
                self._testing.discard(provider.name)
            await self.refresh(ANYTHING)
            if (said := self._tests.get(provider.name)) is not None:  # only now: its button can be pressed again
                notify(said.sentence, "positive" if said.ok else "warning")

    async def _ask_remove(self, provider: Provider) -> None:
        async def remove() -> None:
            with reporting():
                await off_loop(self._desk.platform.models.providers.remove, provider.name, by=self._desk.trader)
                notify(f"{provider.name} removed")
            await self.refresh(ANYTHING)

        with self._root:
            await confirm(
                f"Remove {provider.name}?",
                "Its stored key is forgotten. Experts that name it pass it over; those that have only it cannot work.",
                "Forget it",
                remove,
            )


def _look(line: Line) -> words.Look:
    if line.provider.unavailable is not None:
        off = not line.provider.enabled
        return words.Look("off", "toggle_off", "quiet") if off else words.Look("no key", "key_off", "warn")
    return words.BREAKER["open"] if line.breaker_open else words.Look("ready", "check_circle", "good")


def _key_words(provider: Provider, zone: ZoneInfo) -> str:
    if provider.key_state is KeyState.STORED and provider.key_changed_at is not None:
        return f"stored, changed {moment(provider.key_changed_at, zone)}"
    return provider.key_words


def _limits(provider: Provider) -> str:
    rates = ((provider.requests_per_minute, "requests/min"), (provider.tokens_per_minute, "tokens/min"))
    parts = [f"{rate:,} {unit}" for rate, unit in rates if rate is not None]
    return ", ".join([*parts, f"{provider.concurrency} at once"])


def _result(test: ConnectionTest) -> None:
    if not test.ok:
        ui.label(test.sentence).classes("ba2-form-error")
        return
    tokens = "" if test.tokens is None else f", {test.tokens:,} tokens"
    ui.label(f"{test.model} answered in {test.ms:,} ms{tokens}")
