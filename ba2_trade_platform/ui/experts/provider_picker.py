"""Provider picker: the model providers of an expert in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.ui.kit.formats import provider_look
from ba2_trade_platform.ui.kit.panels import chip, icon_button, show_if
from ba2_trade_platform.ui.kit.schema_form import SettingField
from ba2_trade_platform.ui.kit.words import Look

GONE = Look("not at this desk", "help", "bad")
# Moving a line takes the focus from it; an element's number is put in, once the browser has moved it.
_FOCUS = "setTimeout(() => getElement({id})?.$el?.focus(), 50)"


class ProviderPicker:
    """Chosen providers as lines that can be moved and removed, and a field that adds one."""

    def __init__(self, known: Sequence[Provider], field: SettingField, chosen: Sequence[str]) -> None:
        self._known = {provider.name: provider for provider in known}
        self._field = field
        self._chosen = list(dict.fromkeys(chosen))
        self._heard: list[Callable[[], object]] = []
        self._lines: dict[str, ui.element] = {}
        self._moves: dict[tuple[str, int], ui.button] = {}
        with ui.element("div").classes("ba2-picker").props("role=group") as self._element:
            self._element.props["aria-label"] = field.title
            with ui.element("div").classes("ba2-picker-head"):
                ui.label(field.title).classes("ba2-picker-title")
                ui.label(f"{field.description}; the next one when one cannot answer").classes("ba2-muted ba2-small")
            self._list = ui.element("ol").classes("ba2-picker-list").mark(f"setting-{field.name}")
            self._empty = ui.label("None is chosen.").classes("ba2-muted")
            self._add = ui.select({}, label="Add a provider", on_change=self._add_chosen)
            self._add.props("outlined dense options-dense").mark(f"add-to-{field.name}")
            with ui.element("div").classes("ba2-small") as self._none_known:
                ui.link("Add a model provider on Providers", "/providers", new_tab=True).classes("ba2-link")
            self._error = ui.label().classes("ba2-form-error ba2-small").props("role=alert")
        self._show()

    @property
    def raw(self) -> list[str]:
        """The chosen names, in their order."""
        return list(self._chosen)

    def read(self) -> list[str]:
        """Return the chosen names; raises Invalid when there are none."""
        if not self._chosen:
            raise Invalid(f"{self._field.title}: choose at least one")
        return list(self._chosen)

    def complain(self, sentence: str | None) -> None:
        """Show what is wrong with the choice."""
        self._error.set_text(sentence or "")

    def on_change(self, heard: Callable[[], object]) -> None:
        """Call this whenever the choice or its order changes."""
        self._heard.append(heard)

    def _changed(self) -> None:
        self.complain(None)
        self._show()
        for heard in self._heard:
            heard()

    def _show(self) -> None:
        for name in [name for name in self._lines if name not in self._chosen]:
            self._lines.pop(name).delete()
        for position, name in enumerate(self._chosen):
            if name not in self._lines:
                with self._list:
                    self._lines[name] = self._line(name)
            self._lines[name].move(target_index=position)
            self._moves[name, -1].set_enabled(position > 0)
            self._moves[name, 1].set_enabled(position < len(self._chosen) - 1)
        show_if(self._empty, not self._chosen)
        show_if(self._none_known, not self._known)
        left = {name: _offer(provider) for name, provider in self._known.items() if name not in self._chosen}
        self._add.set_options(left, value=None)
        show_if(self._add, bool(left))

    def _line(self, name: str) -> ui.element:
        provider = self._known.get(name)
        with ui.element("li").classes("ba2-picker-line").props("tabindex=-1") as line:
            ui.label(name).classes("ba2-picker-name")
            if provider is not None:
                ui.label(provider.dialect.label).classes("ba2-muted ba2-small ba2-picker-words")
            else:
                ui.label("It is passed over").classes("ba2-muted ba2-small ba2-picker-words")
            shown = chip(GONE if provider is None else provider_look(provider))
            shown.props["title"] = (provider.unavailable if provider else None) or ""
            for step, icon, word in ((-1, "arrow_upward", "earlier"), (1, "arrow_downward", "later")):
                button = icon_button(icon, f"Ask {name} {word}", partial(self._move, name, step))
                self._moves[name, step] = button.mark(f"{word}-{name}")
            icon_button("close", f"Do not ask {name}", partial(self._remove, name)).mark(f"drop-{name}")
        line.on("keydown.up.alt.prevent", partial(self._move, name, -1))
        line.on("keydown.down.alt.prevent", partial(self._move, name, 1))
        return line

    def _move(self, name: str, step: int) -> None:
        at = self._chosen.index(name)
        to = at + step
        if not 0 <= to < len(self._chosen):
            return
        self._chosen.insert(to, self._chosen.pop(at))
        self._changed()
        buttons = (self._moves[name, step], self._moves[name, -step])
        ui.run_javascript(_FOCUS.format(id=next(button.id for button in buttons if button.enabled)))

    def _remove(self, name: str) -> None:
        self._chosen.remove(name)
        for step in (-1, 1):
            del self._moves[name, step]
        self._changed()

    def _add_chosen(self, event: Any) -> None:
        if event.value is not None and event.value not in self._chosen:
            self._chosen.append(event.value)
            self._changed()


def _offer(provider: Provider) -> str:
    return f"{provider.name}: {provider.dialect.label}, {provider_look(provider).word}"
