"""Model provider dialog: adds or changes a provider; its key is write-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.core.contracts.model_providers import KeyState, Provider
from ba2_trade_platform.core.models.dialects import usual_dialect
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.ui.kit.form_dialog import FormDialog, form_control
from ba2_trade_platform.ui.models.dialect_form import DialectForm
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod

KINDS = {
    ProviderKind.OPENAI.value: "OpenAI, or a server that speaks its protocol",
    ProviderKind.ANTHROPIC.value: "Anthropic",
    ProviderKind.OLLAMA.value: "Ollama",
}
NUMBERS = {
    "requests_per_minute": ("Requests a minute", "Empty: no limit"),
    "tokens_per_minute": ("Tokens a minute", "Empty: no limit"),
    "concurrency": ("Calls at once", "All running analyses together"),
}


class ProviderDialog:
    """Adds a provider, or changes `provider`; stays open, with the reason, until what is in it is valid."""

    def __init__(self, desk: Desk, provider: Provider | None, saved: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._provider, self._saved = desk, provider, saved
        self._numbers: dict[str, ui.number] = {}
        title = f"Change {provider.name}" if provider else "Add a model provider"
        self._dialog = FormDialog(title, self._save, "save-provider")
        self._dialect = DialectForm(provider, self._pick)
        scripted = provider is not None and provider.kind is ProviderKind.SCRIPTED
        with self._dialog.body:
            with ui.element("div").classes("ba2-form"):
                self._build_server()
                self._build_models()
            with ui.element("div").classes("w-full") as more:
                self._dialect.build_fields()
            more.set_visibility(not scripted)

    def _build_server(self) -> None:
        provider = self._provider
        name = provider.name if provider else ""
        self._name = _text("Name", name, "a-z, 0-9 and -; experts name it", "provider-name")
        self._name.set_enabled(provider is None)
        self._dialect.build_picker()
        kind = provider.kind.value if provider else ProviderKind.OPENAI.value
        self._kind = ui.select(KINDS if kind in KINDS else [kind], label="Kind", value=kind)
        self._kind.props("outlined dense options-dense").mark("provider-kind").set_enabled(provider is None)
        base_url = (provider.base_url if provider else None) or ""
        hint = "Empty: the vendor's own. Another server is not sent a key that is stored now"
        self._url = _text("Address", base_url, hint, "provider-url")
        hint = "Stored encrypted and never shown; empty: none, or the environment's"
        if provider is not None:
            hint = f"Now: {provider.key_words}. Stored encrypted and never shown; empty leaves it as it is"
        props = "type=password autocomplete=new-password maxlength=1000"
        self._key = form_control(ui.input("API key"), hint, "provider-key", props)
        self._drop_key = ui.checkbox("Remove the stored key").props("dense").mark("drop-key")
        stored = provider is not None and provider.key_state in (KeyState.STORED, KeyState.UNREADABLE)
        self._drop_key.set_visibility(stored)
        if provider is not None and provider.kind is ProviderKind.SCRIPTED:
            self._url.set_visibility(False)
            self._key.set_visibility(False)
            self._dialect.picker.set_visibility(False)

    def _build_models(self) -> None:
        provider = self._provider
        quick, deep = (provider.quick_model, provider.deep_model) if provider else ("", "")
        self._quick = _text("Quick model", quick, "For the many short answers", "quick")
        self._deep = _text("Deep model", deep, "For plans and decisions", "deep")
        methods = provider.structured if provider else {}
        lines = "\n".join(f"{model}: {method.value}" for model, method in methods.items())
        hint = f"One line each, MODEL: METHOD, of {', '.join(StructuredMethod)}; empty: as is usual"
        structured = ui.textarea("Structured output", value=lines)
        self._structured = form_control(structured, hint, "structured", "autogrow rows=1")
        for name, (label, words) in NUMBERS.items():
            value = getattr(provider, name) if provider else (8 if name == "concurrency" else None)
            self._numbers[name] = form_control(ui.number(label, value=value, min=1, precision=0), words, name)

    def _pick(self, preset: Dialect) -> None:
        """Fill in what the preset brings, into a new provider: a stored one keeps its own address."""
        if self._provider is None:
            self._kind.set_value(preset.kind.value)
            at_home = usual_dialect(preset.kind, None) == preset.name  # an empty address is that of the kind's vendor
            self._url.set_value("" if at_home else preset.base_url or "")

    async def _save(self) -> None:
        providers, by = self._desk.platform.models.providers, self._desk.trader
        given: dict[str, Any] = {
            "quick_model": self._quick.value,
            "deep_model": self._deep.value,
            "structured": _methods(self._structured.value or ""),
            **{name: None if number.value is None else int(number.value) for name, number in self._numbers.items()},
        }
        if self._provider is None or self._provider.kind is not ProviderKind.SCRIPTED:
            given |= {"base_url": self._url.value or None, **self._dialect.given()}
        if self._key.value:
            given["key"] = self._key.value
        elif self._drop_key.value:
            given["key"] = None
        if self._provider is None:
            kind = ProviderKind(self._kind.value)
            provider = await off_loop(providers.create, self._name.value or "", kind, by=by, **given)
        else:
            version = self._provider.version
            provider = await off_loop(providers.change, self._provider.name, by=by, version=version, **given)
        self._key.set_value("")
        self._dialog.close(f"{provider.name} saved")
        await self._saved()


def _text(label: str, value: str, hint: str, marker: str) -> ui.input:
    return form_control(ui.input(label, value=value), hint, marker, "maxlength=500")


def _methods(text: str) -> dict[str, str] | None:
    methods = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        model, colon, method = line.rpartition(":")
        if not colon:
            raise Invalid(f"Structured output: {line!r} is not MODEL: METHOD")
        methods[model.strip()] = method.strip()
    return methods or None
