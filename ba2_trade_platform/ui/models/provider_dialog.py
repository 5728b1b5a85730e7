"""Model provider dialog: adds or changes a provider; its key is write-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import Invalid, PlatformError
from ba2_trade_platform.core.contracts.model_providers import KeyState, Provider
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop
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
        with ui.dialog().props("no-refocus") as self._dialog, ui.card().classes("ba2-dialog ba2-form-dialog"):
            title = f"Change {provider.name}" if provider else "Add a model provider"
            ui.label(title).classes("ba2-dialog-title").props("role=heading aria-level=2")
            with ui.element("div").classes("ba2-form-scroll"), ui.element("div").classes("ba2-form"):
                self._build_server()
                self._build_models()
            self._error = ui.label().classes("ba2-form-error").props("role=alert")
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", on_click=self._dialog.close, color=None).props("flat no-caps")
                self._save_button = ui.button("Save", on_click=self._save).props("unelevated no-caps color=primary")
                self._save_button.mark("save-provider")
        self._dialog.on("hide", self._dialog.delete)
        self._dialog.open()

    def _build_server(self) -> None:
        provider = self._provider
        self._name = _text(
            "Name", "a-z, 0-9 and -; experts name it", provider.name if provider else "", "provider-name"
        )
        self._name.set_enabled(provider is None)
        kind = provider.kind.value if provider else ProviderKind.OPENAI.value
        self._kind = ui.select(KINDS if kind in KINDS else [kind], label="Kind", value=kind)
        self._kind.props("outlined dense options-dense").mark("provider-kind").set_enabled(provider is None)
        base_url = (provider.base_url if provider else None) or ""
        hint = "Empty: the vendor's own. Another server is not sent a key that is stored now"
        self._url = _text("Address", hint, base_url, "provider-url")
        self._key = ui.input("API key").props("outlined dense type=password autocomplete=new-password maxlength=1000")
        self._key.mark("provider-key").props["hint"] = self._key_hint()
        self._drop_key = ui.checkbox("Remove the stored key").props("dense").mark("drop-key")
        stored = provider is not None and provider.key_state in (KeyState.STORED, KeyState.UNREADABLE)
        self._drop_key.set_visibility(stored)
        if provider is not None and provider.kind is ProviderKind.SCRIPTED:
            self._url.set_visibility(False)
            self._key.set_visibility(False)

    def _key_hint(self) -> str:
        if self._provider is None:
            return "Stored encrypted and never shown; empty: none, or the environment's"
        return f"Now: {self._provider.key_words}. Stored encrypted and never shown; empty leaves it as it is"

    def _build_models(self) -> None:
        provider = self._provider
        self._quick = _text(
            "Quick model", "For the many short answers", provider.quick_model if provider else "", "quick"
        )
        self._deep = _text("Deep model", "For plans and decisions", provider.deep_model if provider else "", "deep")
        methods = provider.structured if provider else {}
        lines = "\n".join(f"{model}: {method.value}" for model, method in methods.items())
        hint = f"One line each, MODEL: METHOD, of {', '.join(StructuredMethod)}; empty: as is usual"
        self._structured = ui.textarea("Structured output", value=lines).props("outlined dense autogrow rows=1")
        self._structured.mark("structured").props["hint"] = hint
        for name, (label, words) in NUMBERS.items():
            value = getattr(provider, name) if provider else (8 if name == "concurrency" else None)
            number = ui.number(label, value=value, min=1, precision=0).props("outlined dense").mark(name)
            number.props["hint"] = words
            self._numbers[name] = number

    async def _save(self) -> None:
        self._save_button.disable()
        try:
            provider = await self._write()
        except PlatformError as error:
            self._error.set_text(str(error))
            self._save_button.enable()
            return
        self._key.set_value("")
        self._dialog.close()
        notify(f"{provider.name} saved")
        await self._saved()

    async def _write(self) -> Provider:
        providers, by = self._desk.platform.models.providers, self._desk.trader
        given: dict[str, Any] = {
            "quick_model": self._quick.value, "deep_model": self._deep.value,
            "structured": _methods(self._structured.value or ""),
            **{name: None if number.value is None else int(number.value) for name, number in self._numbers.items()},
        }  # fmt: skip
        if self._provider is None or self._provider.kind is not ProviderKind.SCRIPTED:
            given["base_url"] = self._url.value or None
        if self._key.value:
            given["key"] = self._key.value
        elif self._drop_key.value:
            given["key"] = None
        if self._provider is not None:
            return await off_loop(
                providers.change, self._provider.name, by=by, version=self._provider.version, **given
            )  # fmt: skip
        return await off_loop(providers.create, self._name.value or "", ProviderKind(self._kind.value), by=by, **given)


def _text(label: str, hint: str, value: str, marker: str) -> ui.input:
    field = ui.input(label, value=value).props("outlined dense maxlength=500").mark(marker)
    field.props["hint"] = hint
    return field


def _methods(text: str) -> dict[str, str] | None:
    methods = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        model, colon, method = line.rpartition(":")
        if not colon:
            raise Invalid(f"Structured output: {line!r} is not MODEL: METHOD")
        methods[model.strip()] = method.strip()
    return methods or None
