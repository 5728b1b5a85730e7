"""Panels: titled panels, chips, facts, folds and empty states that every page is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from ba2_trade_platform.ui.kit.feedback import notify
from ba2_trade_platform.ui.kit.times import DASH, ahead
from ba2_trade_platform.ui.kit.words import Look

K = TypeVar("K")
V = TypeVar("V")

# The browser cannot follow `#attempts` itself: the page is painted after it has looked for the anchor.
_FOLLOW_ANCHOR = """
const follow = () => document.querySelector(`[data-anchor="${CSS.escape(location.hash.slice(1))}"]`)?.scrollIntoView();
if (location.hash) setTimeout(follow, 50);
"""


class Fact(NamedTuple):
    """A label with its value; `url` makes the value a link, `hint` is shown on hover."""

    label: str
    value: str
    url: str | None = None
    hint: str | None = None


class Panel:
    """A titled panel whose content is built anew only when what it shows changed."""

    def __init__(self, title: str, *, anchor: str | None = None, classes: str = "") -> None:
        self._shown: Any = None
        self._built = False
        with ui.element("section").classes(f"ba2-panel {classes}") as self.element:
            self.element.props["aria-label"] = title
            if anchor:
                self.element.props["data-anchor"] = anchor
            with ui.element("div").classes("ba2-panel-head") as self.head:
                ui.label(title).classes("ba2-panel-title").props("role=heading aria-level=2")
            self.body = ui.element("div").classes("ba2-panel-body")

    def show(self, data: V, build: Callable[[V], None]) -> None:
        """Build the content for `data`, unless it is what stands there."""
        if self._built and data == self._shown:
            return
        self._shown, self._built = data, True
        self.body.clear()
        with self.body:
            build(data)

    def show_if(self, shown: bool) -> None:
        """Show or hide the whole panel."""
        self.element.classes(add="" if shown else "ba2-gone", remove="ba2-gone" if shown else "")


class KeyedList(Generic[K, V]):
    """A list that touches only the entries that changed, so that what is open, scrolled or selected stays."""

    def __init__(self, build: Callable[[V], None], *, tag: str = "div", entry_tag: str = "div") -> None:
        self._build = build
        self._entry_tag = entry_tag
        self._entries: dict[K, tuple[V, ui.element]] = {}
        self.element = ui.element(tag)

    def show(self, items: Mapping[K, V]) -> None:
        """Show these entries in this order."""
        for key in [key for key in self._entries if key not in items]:
            self._entries.pop(key)[1].delete()
        for position, (key, value) in enumerate(items.items()):
            self._show_one(key, value, position)

    def forget(self, key: K) -> None:
        """Build this entry anew the next time, although its data is the same."""
        if key in self._entries:
            self._entries.pop(key)[1].delete()

    def _show_one(self, key: K, value: V, position: int) -> None:
        known = self._entries.get(key)
        if known is None:
            with self.element:
                entry = ui.element(self._entry_tag)
            if position < len(self._entries):
                entry.move(target_index=position)
        elif known[0] == value:
            return
        else:
            entry = known[1]
            entry.clear()
        self._entries[key] = (value, entry)
        with entry:
            self._build(value)


class Fold:
    """A line that opens; its content is built when it is first opened, and `memory` keeps whether it is open.

    `name` is what a screen reader calls it.
    """

    def __init__(self, key: str, name: str, memory: set[str], content: Callable[[], Awaitable[None] | None]) -> None:
        self._key, self._memory, self._content = key, memory, content
        self._filled = False
        self.item = ui.expansion(value=key in memory).props("dense dense-toggle").classes("ba2-fold").mark(key)
        self.item.props["toggle-aria-label"] = name
        self.item.on_value_change(self._toggled)
        if key in memory:
            with self.item:
                ui.timer(0, self._fill, once=True)

    def header(self) -> Any:
        """Return the slot of the line itself."""
        return self.item.add_slot("header")

    async def _toggled(self, event: ValueChangeEventArguments[bool]) -> None:
        (self._memory.add if event.value else self._memory.discard)(self._key)
        if event.value:
            await self._fill()

    async def _fill(self) -> None:
        if self._filled:
            return
        self._filled = True
        with self.item:
            done = self._content()
            if done is not None:
                await done


def chip(look: Look) -> ui.element:
    """Show a status as icon, word and colour."""
    with ui.element("span").classes(f"ba2-chip tone-{look.tone}") as element:
        ui.icon(look.icon).props("aria-hidden=true")
        ui.label(look.word)
    return element


def facts(items: Sequence[Fact], *, flowing: bool = False) -> None:
    """Show labels with their values in columns; `flowing`: one after the other, for where the room is wide."""
    with ui.element("div").classes("ba2-facts ba2-flowing" if flowing else "ba2-facts"):
        for fact in items:
            with ui.element("div").classes("ba2-fact"):
                ui.label(fact.label).classes("ba2-muted")
                if fact.url:
                    value: ui.element = ui.link(fact.value, fact.url).classes("ba2-link")
                else:
                    value = ui.label(fact.value)
                if fact.hint and fact.value != DASH:
                    value.props["title"] = fact.hint


def follow_anchor() -> None:
    """Scroll to the panel that the address names, once the page is painted."""
    ui.timer(0, lambda: ui.run_javascript(_FOLLOW_ANCHOR), once=True)


def copy_button(what: str, text: str) -> ui.button:
    """Add a button that copies `text` to the clipboard."""

    def copy() -> None:
        ui.clipboard.write(text)
        notify(f"{what} copied")

    button = ui.button("Copy", icon="content_copy", on_click=copy, color=None).props("flat dense no-caps")
    button.props["aria-label"] = f"Copy the {what.lower()}"
    return button


def icon_button(icon: str, label: str, handler: Callable[[], object]) -> ui.button:
    """Return a small round button of a table row, named by its tooltip for eyes and screen readers alike."""
    button = ui.button(icon=icon, on_click=handler, color=None).props("flat dense round size=sm")
    button.props["aria-label"] = label
    with button:
        ui.tooltip(label)
    return button


def due_in(instant: datetime) -> ui.label:
    """Show in how long an instant comes; the browser counts down by itself."""
    label = ui.label(ahead(instant)).classes("ba2-muted")
    label.props["data-due"] = str(round(instant.timestamp() * 1000))
    return label


def quiet(sentence: str) -> ui.label:
    """Say in a low voice that there is nothing here, and why."""
    return ui.label(sentence).classes("ba2-muted")


def empty_state(icon: str, title: str, *sentences: str, links: Sequence[tuple[str, str]] = ()) -> ui.element:
    """Say what is missing and what to do about it."""
    with ui.element("div").classes("ba2-empty") as element:
        ui.icon(icon).props("aria-hidden=true")
        ui.label(title).classes("ba2-empty-title").props("role=heading aria-level=2")
        for sentence in sentences:
            ui.label(sentence)
        with ui.element("div").classes("ba2-empty-links"):
            for label, url in links:
                ui.link(label, url).classes("ba2-link")
    return element
