"""Plain table: an HTML table that scrolls sideways in its own box when the window is narrow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from nicegui import ui


@contextmanager
def plain_table(label: str, headers: Sequence[str], right: frozenset[str] = frozenset()) -> Iterator[None]:
    """Build a table's head; the block adds its body, a cell for each header. Columns of numbers stand `right`."""
    with ui.element("div").classes("ba2-plain-box"), ui.element("table").classes("ba2-plain") as table:
        table.props["aria-label"] = label
        with ui.element("thead"), ui.element("tr"):
            for header in headers:
                with ui.element("th").props("scope=col").classes("ba2-right" if header in right else ""):
                    ui.label(header)
        yield


@contextmanager
def cell(classes: str = "") -> Iterator[None]:
    """Build one cell."""
    with ui.element("td").classes(classes):
        yield


def text_cell(text: str, *, url: str | None = None, classes: str = "") -> None:
    """Build a cell of text, a link when `url` is given."""
    with cell(classes):
        if url:
            ui.link(text, url).classes("ba2-link")
        else:
            ui.label(text)


def switch_cell(label: str, on: bool, marker: str, turn: Callable[[bool], Awaitable[None]]) -> None:
    """Build a cell with a switch, which `label` names for screen readers."""
    with cell():
        switch = ui.switch(value=on, on_change=lambda event: turn(event.value)).props("dense").mark(marker)
        switch.props["aria-label"] = label
