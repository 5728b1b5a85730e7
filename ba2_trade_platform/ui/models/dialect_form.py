"""Dialect form: the vendor's preset, folded fields that a server wants otherwise, and windows by model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.core.models.dialects import BY_NAME, pickable, usual_dialect
from ba2_trade_platform.ui.kit.form_dialog import form_control
from ba2_trade_platform.vocabulary import ProviderKind, StructuredMethod, TokenField, ToolChoice, UsageForm

USUAL = ""
_YES_NO = {"true": True, "false": False}
# Label, what it is, and its choices; a choice of None is a number or lines of text.
FIELDS: Mapping[str, tuple[str, str, tuple[str, ...] | None]] = {
    "token_field": ("Limit of an answer", "The field that carries it", tuple(TokenField)),
    "tools": ("Tools", "Whether it may be given tools", tuple(_YES_NO)),
    "tool_choice": ("Forced tool", "By its name, as any of those given, or only in words", tuple(ToolChoice)),
    "structured": ("Structured answers", "How all its models are asked for them", tuple(StructuredMethod)),
    "usage": ("Tokens in a stream", "When asked to, unasked, or in each piece", tuple(UsageForm)),
    "reasoning_back": ("Thinking goes back", "With the result of a tool", tuple(_YES_NO)),
    "reasoning_beside": ("Thinking counts beside", "Its tokens are none of the answer's", tuple(_YES_NO)),
    "temperature": ("Temperature", "Whether it may be given one", tuple(_YES_NO)),
    "window": ("Window of all models", "Tokens of question and answer together", None),
}


class DialectForm:
    """The controls of a dialect inside a provider's dialog; `given` reads them."""

    def __init__(self, provider: Provider | None, picked: Callable[[Dialect], None]) -> None:
        self._provider, self._picked = provider, picked
        self._fields: dict[str, Any] = {}

    def build_picker(self) -> None:
        """Show the presets; the one that is picked for a new provider brings its kind and address."""
        provider = self._provider
        presets = {one.name: one.label for one in pickable() if provider is None or one.kind is provider.kind}
        options = {USUAL: "As is usual at its address", **presets}
        value = provider.dialect.name if provider and provider.dialect_chosen else USUAL
        hint = "How its server is spoken to; brings kind and address of a new provider"
        self.picker = form_control(ui.select(options, label="Vendor", value=value), hint, "provider-dialect")
        self.picker.props("options-dense").on_value_change(self._pick)

    def build_fields(self) -> None:
        """Show, folded, what can be said otherwise; a field that is left empty is as the preset says."""
        provider = self._provider
        changes = provider.dialect_changes if provider else {}
        more = ui.expansion("More: where this server differs").props("dense dense-toggle").mark("dialect-more")
        with more.classes("ba2-fold w-full"), ui.element("div").classes("ba2-form"):
            for name, (label, _, choices) in FIELDS.items():
                value = changes.get(name)
                if choices is None:
                    control: Any = ui.number(label, value=value, precision=0)
                else:
                    shown = str(value).lower() if value is not None else USUAL
                    control = ui.select({USUAL: "As usual", **{one: one for one in choices}}, label=label, value=shown)
                self._fields[name] = form_control(control, "", f"dialect-{name}")
            headers = "\n".join(f"{name}: {value}" for name, value in changes.get("headers", {}).items())
            hint = "One line each, NAME: VALUE; {key} stands for the API key"
            control = ui.textarea("Headers", value=headers)
            self._headers = form_control(control, hint, "dialect-headers", "autogrow rows=1")
            windows = provider.windows if provider else {}
            lines = "\n".join(f"{model}: {tokens}" for model, tokens in windows.items())
            hint = "One line each, MODEL: TOKENS; empty: as the dialect says"
            control = ui.textarea("Windows", value=lines)
            self._windows = form_control(control, hint, "windows", "autogrow rows=1")
        self._tell_defaults()

    def given(self) -> dict[str, Any]:
        """Return what was chosen. Raises Invalid for a line that is none."""
        changes: dict[str, Any] = {}
        for name, control in self._fields.items():
            if control.value not in (None, USUAL):
                changes[name] = int(control.value) if name == "window" else _YES_NO.get(control.value, control.value)
        if headers := _lines("Headers", self._headers.value, "NAME: VALUE"):
            changes["headers"] = headers
        windows = {
            model: _tokens(said) for model, said in _lines("Windows", self._windows.value, "MODEL: TOKENS").items()
        }
        return {"dialect": self.picker.value or None, "dialect_changes": changes or None, "windows": windows or None}

    def _pick(self) -> None:
        self._tell_defaults()
        if (preset := BY_NAME.get(self.picker.value)) is not None:
            self._picked(preset)

    def _tell_defaults(self) -> None:
        provider = self._provider
        kind, url = (provider.kind, provider.base_url) if provider else (ProviderKind.OPENAI, None)
        preset = BY_NAME[self.picker.value or usual_dialect(kind, url)]
        for name, control in self._fields.items():
            value = getattr(preset, name)
            shown = {True: "true", False: "false", None: "not known"}.get(value, value)
            control.props["hint"] = f"{FIELDS[name][1]}. As usual: {shown}"
            control.update()


def _lines(label: str, text: str | None, form: str) -> dict[str, str]:
    found = {}
    for line in filter(None, map(str.strip, (text or "").splitlines())):
        name, colon, value = line.partition(":") if form.startswith("NAME") else line.rpartition(":")
        if not colon:
            raise Invalid(f"{label}: {line!r} is not {form}")
        found[name.strip()] = value.strip()
    return found


def _tokens(said: str) -> int:
    if not said.isdecimal():
        raise Invalid(f"Windows: {said[:40]!r} is no number of tokens")
    return int(said)
