"""Panels: titled panels, chips, facts, folds and empty states that every page is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
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
        self._shown: Any = object()  # as nothing that is ever shown
        with ui.element("section").classes(f"ba2-panel {classes}") as self.element:
            self.element.props["aria-label"] = title
            if anchor:
                self.element.props["data-anchor"] = anchor
            with ui.element("div").classes("ba2-panel-head") as self.head:
                ui.label(title).classes("ba2-panel-title").props("role=heading aria-level=2")
            self.body = ui.element("div").classes("ba2-panel-body")

    def show(self, data: V, build: Callable[[V], None]) -> None:
        """Build the content for `data`, unless it is what stands there."""
        if data != self._shown:
            self._shown = data
            self.body.clear()
            with self.body:
                build(data)

    def show_if(self, shown: bool) -> None:
        """Show or hide the whole panel."""
        show_if(self.element, shown)


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
            self.forget(key)
        for position, (key, value) in enumerate(items.items()):
            known = self._entries.get(key)
            if known is None:
                with self.element:
                    entry = ui.element(self._entry_tag)
                if position < len(self._entries):
                    entry.move(target_index=position)
            elif known[0] == value:
                continue
            else:
                entry = known[1]
                entry.clear()
            self._entries[key] = (value, entry)
            with entry:
                self._build(value)

    def forget(self, key: K) -> None:
        """Build this entry anew the next time, although its data is the same."""
        if key in self._entries:
            self._entries.pop(key)[1].delete()


def show_if(element: ui.element, shown: bool) -> None:
    """Show or hide an element, with no room left for it."""
    set_class(element, "ba2-gone", not shown)


def set_class(element: ui.element, name: str, there: bool) -> None:
    """Give an element a class, or take it away."""
    element.classes(add=name if there else "", remove="" if there else name)


@contextmanager
def fold(key: str, name: str, memory: set[str], content: Callable[[], object]) -> Iterator[None]:
    """Build a line that opens; the block builds the line itself, `name` is what a screen reader calls it.

    Its content is built when it is first opened, by a function or a coroutine; `memory` keeps whether it is open.
    """
    filled = False

    async def fill() -> None:
        nonlocal filled
        if not filled:
            filled = True
            with item:
                built = content()
                if isinstance(built, Awaitable):
                    await built

    async def toggled(event: ValueChangeEventArguments[bool]) -> None:
        (memory.add if event.value else memory.discard)(key)
        if event.value:
            await fill()

    item = ui.expansion(value=key in memory).props("dense dense-toggle").classes("ba2-fold").mark(key)
    item.on_value_change(toggled).props["toggle-aria-label"] = name
    if key in memory:
        with item:
            ui.timer(0, fill, once=True)
    with item.add_slot("header"):
        yield


def chip(look: Look) -> ui.element:
    """Show a status as icon, word and colour."""
    with ui.element("span").classes(f"ba2-chip tone-{look.tone}") as element:
        ui.icon(look.icon).props("aria-hidden=true")
        ui.label(look.word)
    return element


def facts(items: Iterable[Fact | None], *, flowing: bool = False) -> None:
    """Show labels with their values in columns; `flowing`: one after the other, for where the room is wide."""
    with ui.element("div").classes("ba2-facts ba2-flowing" if flowing else "ba2-facts"):
        for fact in filter(None, items):
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
    act = partial(copy, text, f"{what} copied")
    button = ui.button("Copy", icon="content_copy", on_click=act, color=None).props("flat dense no-caps")
    button.props["aria-label"] = f"Copy the {what.lower()}"
    return button


def copy(text: str, said: str) -> None:
    """Copy a text to the clipboard, and say so."""
    ui.clipboard.write(text)
    notify(said)


def icon_button(
    icon: str, label: str, handler: Callable[[], object] | None = None, hint: str | None = None
) -> ui.button:
    """Return a small round button, named by its tooltip for eyes and screen readers alike; `hint` tells eyes more."""
    button = ui.button(icon=icon, on_click=handler, color=None).props("flat dense round size=sm")
    button.props["aria-label"] = label
    with button:
        ui.tooltip(hint or label)
    return button


def due_in(instant: datetime) -> ui.label:
    """Show in how long an instant comes; the browser counts down by itself."""
    label = ui.label(ahead(instant)).classes("ba2-muted")
    label.props["data-due"] = str(round(instant.timestamp() * 1000))
    return label


def small_button(text: str, icon: str, act: Callable[[], object], look: str = "outline") -> ui.button:
    """Return a small button of a bar or of a panel's head, outlined or `flat`."""
    return ui.button(text, icon=icon, on_click=act, color=None).props(f"{look} dense no-caps size=sm")


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
