"""Item list: one page of a batch's items, with a link to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from nicegui import ui

from ba2_trade_platform.ui.kit.panels import KeyedList
from ba2_trade_platform.ui.kit.plain_table import plain_table


class Item(Protocol):
    """A member of a batch."""

    @property
    def position(self) -> int:
        """Its place, from 1."""


ItemT = TypeVar("ItemT", bound=Item)


class ItemList(Generic[ItemT]):
    """The table of the items, built where it is made; `url` gives the address of the page after a cursor."""

    def __init__(
        self,
        headers: Sequence[str],
        line: Callable[[ItemT], Any],
        nothing: str,
        url: Callable[[int | None], str],
        *,
        first: bool,
    ) -> None:
        self._url = url
        with ui.element("div") as self._table, plain_table("Items", headers, right=frozenset({"No."})):
            self._rows: KeyedList[int, ItemT] = KeyedList(line, tag="tbody", entry_tag="tr")
        self._none = ui.label(nothing).classes("ba2-muted")
        with ui.row().classes("items-center"):
            ui.link("First page", url(None)).classes("ba2-link").set_visibility(not first)
            self._next = ui.link("Next page", "").classes("ba2-link").mark("next-items")

    def show(self, items: Sequence[ItemT], next_cursor: int | None) -> None:
        """Show these, and the way on where there is more."""
        self._rows.show({item.position: item for item in items})
        self._table.set_visibility(bool(items))
        self._none.set_visibility(not items)
        self._next.set_visibility(next_cursor is not None)
        self._next.props["href"] = self._url(next_cursor)
        self._next.update()
