"""Model provider table: models, availability and limits of each, with a test button."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.contracts.model_checks import CheckedModel
from ba2_trade_platform.core.contracts.model_providers import KeyState, Provider
from ba2_trade_platform.core.models.pricing import Price
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, confirm
from ba2_trade_platform.ui.kit.formats import price_words, provider_look
from ba2_trade_platform.ui.kit.panels import KeyedList, Panel, chip, empty_state, icon_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, switch_cell, text_cell
from ba2_trade_platform.ui.kit.times import DASH, moment
from ba2_trade_platform.ui.models.connection_dialog import ConnectionDialog, worked
from ba2_trade_platform.ui.models.provider_dialog import ProviderDialog

HEADERS = (
    "Provider",
    "State",
    "Actions",
    "On",
    "Quick model",
    "Deep model",
    "Key",
    "Limits",
    "Dialect",
    "Address",
    "Last test",
)


@dataclass(frozen=True)
class Line:
    """One row: the provider, its models' prices, whether it is held back, what the last tests of its models found."""

    provider: Provider
    prices: tuple[Price | None, ...]
    breaker_open: bool
    checked: tuple[CheckedModel, ...]


class ModelProviderTable:
    """The panel of model providers, kept true by the feed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        panel = Panel("Model providers")
        self._root = panel.element
        with panel.head:
            add = ui.button("Add a provider", icon="add", color=None, on_click=partial(self._open, None))
            add.props("flat dense no-caps").mark("add-provider")
        with panel.element:
            with ui.element("div") as self._table, plain_table("Model providers", HEADERS):
                self._rows: KeyedList[str, Line] = KeyedList(self._line, tag="tbody", entry_tag="tr")
            self._empty = empty_state(
                "hub", "No model provider", "Experts that ask language models need one. Add one here."
            )

    async def follow(self) -> None:
        """Show the providers as they stand, now and when they change."""
        self._look = await self._desk.live.follow(self._read, self._show, Topic.MODELS)

    def _read(self) -> list[Line]:
        platform = self._desk.platform
        checked = platform.models.checks.list()
        open_providers, price_of = platform.breakers.open_providers(), platform.models.calls.price_of
        return [
            Line(
                provider,
                tuple(price_of(provider.name, model) for model in _models(provider)),
                provider.name in open_providers,
                tuple(
                    checked[key]
                    for model in dict.fromkeys(_models(provider))
                    if (key := (provider.name, model)) in checked
                ),
            )
            for provider in platform.models.providers.list()
        ]

    def _show(self, lines: list[Line]) -> None:
        self._rows.show({line.provider.name: line for line in lines})
        self._table.set_visibility(bool(lines))
        self._empty.set_visibility(not lines)

    def _line(self, line: Line) -> None:
        provider = line.provider
        text_cell(provider.name)
        with cell():
            chip(_state(line))
        self._actions(line)
        enable = partial(self._enable, provider)
        switch_cell(f"{provider.name} is switched on", provider.enabled, f"on-{provider.name}", enable)
        for model, price in zip(_models(provider), line.prices, strict=True):
            with cell():
                ui.label(model)
                ui.label(price_words(price)).classes("ba2-muted ba2-small")
        text_cell(_key_words(provider, self._desk.zone), classes="ba2-wrap")
        text_cell(_limits(provider))
        self._dialect(provider)
        text_cell(provider.url or DASH)
        with cell("ba2-wrap"):
            _last_tests(line.checked, self._desk.zone)

    def _dialect(self, provider: Provider) -> None:
        """Show how it is spoken to, and of each model what it was seen to take instead, with the reason to hover."""
        with cell("ba2-wrap"):
            changed = ", changed" if provider.dialect_changes else ""
            ui.label(f"{provider.dialect.label}{changed}")
            for model, seen in provider.adaptations.items():
                for one in seen:
                    said = f"{model}: asked {one.words} since {moment(one.adapted_at, self._desk.zone)}: {one.reason}"
                    ui.label(said).classes("ba2-muted ba2-small")
            if provider.adaptations:
                name = provider.name
                again = icon_button("undo", f"Ask {name} as its dialect says again", partial(self._forget, name))
                again.mark(f"forget-{name}")

    def _actions(self, line: Line) -> None:
        provider, name = line.provider, line.provider.name
        with cell(), ui.row().classes("no-wrap").style("gap: 2px"):
            test = icon_button("network_check", f"Test the connection to {name}", partial(self._test, provider))
            test.mark(f"test-{name}").set_enabled(provider.unavailable is None)
            icon_button("edit", f"Change {name}", partial(self._open, provider)).mark(f"edit-{name}")
            icon_button("delete", f"Remove {name}", partial(self._ask_remove, name)).mark(f"remove-{name}")

    # Rows are built anew while their handlers wait, so every handler works in the panel's own slot.

    def _open(self, provider: Provider | None) -> None:
        with self._root:
            ProviderDialog(self._desk, provider, self._look)

    async def _enable(self, provider: Provider, enabled: bool) -> None:
        name, providers = provider.name, self._desk.platform.models.providers
        change = partial(providers.change, name, by=self._desk.trader, enabled=enabled)
        then = "on" if enabled else "off: experts that have only it cannot work"
        with self._root:
            await carry_out(change, f"{name} switched {then}")
            self._rows.forget(name)
            await self._look()

    async def _forget(self, name: str) -> None:
        forget = partial(self._desk.platform.models.providers.forget_adaptations, name, by=self._desk.trader)
        with self._root:
            await carry_out(forget, lambda forgotten: forgotten.sentence, self._look)

    async def _test(self, provider: Provider) -> None:
        with self._root:
            await ConnectionDialog(self._desk, provider, self._look).run()

    async def _ask_remove(self, name: str) -> None:
        remove = partial(self._desk.platform.models.providers.remove, name, by=self._desk.trader)
        with self._root:
            await confirm(
                f"Remove {name}?",
                "Its stored key is forgotten. Experts that name it pass it over; those that have only it cannot work.",
                "Forget it",
                partial(carry_out, remove, f"{name} removed", self._look),
            )


def _models(provider: Provider) -> tuple[str, str]:
    return provider.quick_model, provider.deep_model


def _state(line: Line) -> words.Look:
    look = provider_look(line.provider)
    return words.BREAKER["open"] if line.breaker_open and line.provider.unavailable is None else look


def _key_words(provider: Provider, zone: ZoneInfo) -> str:
    if provider.key_state is KeyState.STORED and provider.key_changed_at is not None:
        return f"stored, changed {moment(provider.key_changed_at, zone)}"
    return provider.key_words


def _limits(provider: Provider) -> str:
    rates = ((provider.requests_per_minute, "requests/min"), (provider.tokens_per_minute, "tokens/min"))
    parts = [f"{rate:,} {unit}" for rate, unit in rates if rate is not None]
    return ", ".join([*parts, f"{provider.concurrency} at once"])


def _last_tests(checked: Sequence[CheckedModel], zone: ZoneInfo) -> None:
    if not checked:
        ui.label("never tested").classes("ba2-muted")
    for one in checked:
        failed = [check for check in one.checks if check.ok is False]
        words = f"{one.model}: {failed[0].sentence}" if failed else f"{one.model}: {worked(one.checks)}"
        ui.label(words).classes("ba2-form-error" if failed else "")
        ui.label(moment(one.checked_at, zone)).classes("ba2-muted ba2-small")
