"""Job filters: the filter bar of Job Monitoring, every choice kept in the address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from ba2_trade_platform.ui.jobs.view import View
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.vocabulary import ErrorCode, Signal, Source, Status

Changed = Callable[..., Awaitable[None]]


def more_words(view: View) -> str:
    """Name the filters whose controls stand in the menu: what is left out must never be a secret."""
    said = [
        view.code,
        words.SUBTYPE.get(view.type or ""),
        view.action,
        f"source {view.source}" if view.source else None,
        f"slower than {view.slower:g} s" if view.slower is not None else None,
        f"batch {view.batch}" if view.batch else None,
        f"in batch {view.bulk}" if view.bulk else None,
        f"{view.outcome} there" if view.outcome else None,
        "more than one attempt" if view.rerun else None,
        "ended today" if view.today else None,
        "one group of failures" if view.fingerprint else None,
    ]
    return ": ".join(filter(None, ("More filters", ", ".join(filter(None, said)))))


class JobFilters:
    """The controls above the table; each calls `changed` with the parts of the view it sets."""

    def __init__(
        self, view: View, experts: dict[int, str], changed: Changed, show_new: Callable[[], Awaitable[None]]
    ) -> None:
        self._view, self._changed = view, changed
        with ui.element("div").classes("ba2-bar").props('role=search aria-label="Filters"'):
            self._text("symbol", "Symbol", "width: 92px")
            self._choice("status", "Status", {s.value: words.STATUS[s].word for s in Status}, "min-width: 120px")
            self._choice("expert", "Expert", experts, "min-width: 130px")
            self._search = self._text("q", "Search errors", "width: 150px")
            self._new = ui.button("", icon="arrow_upward", on_click=show_new).props("outline dense no-caps size=sm")
            self._new.set_visibility(False)
            self._more = ui.button(more_words(view), icon="tune", color=None).props("flat dense no-caps size=sm")
            with self._more, ui.menu().props("no-focus"):
                self._build_menu()
            self._clear = ui.button("Clear filters", icon="filter_alt_off", color=None, on_click=_clear_all)
            self._clear.props("flat dense no-caps size=sm").set_visibility(view.filtered)

    def _build_menu(self) -> None:
        with ui.column().classes("q-pa-sm ba2-bar").style("width: 260px; border: 0"):
            for name, label, options in (
                ("code", "Error code", _values(ErrorCode)),
                ("type", "Type", dict(words.SUBTYPE)),
                ("action", "Recommendation", _values(Signal)),
                ("source", "Source", _values(Source)),
            ):
                self._choice(name, label, options, "width: 100%")
            self._number("slower", "Slower than, seconds", float)
            self._number("batch", "Batch", int)
            self._number("bulk", "In batch or bulk re-run", int)
            for name, label in (("rerun", "More than one attempt"), ("today", "Ended today")):
                tick = ui.checkbox(label, value=getattr(self._view, name)).props("dense")
                tick.on_value_change(self._sets(name, bool))

    def show(self, view: View, new: int) -> None:
        """Show whether anything is filtered, and how many new rows wait."""
        self._clear.set_visibility(view.filtered)
        self._more.set_text(more_words(view))
        self._new.set_visibility(bool(new))
        self._new.set_text(f"{new} new")

    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        self._search.run_method("focus")

    def _sets(self, name: str, part_of: Callable[[Any], Any]) -> Callable[[ValueChangeEventArguments[Any]], Any]:
        """Return what changes this part of the view when a control's value has changed."""

        async def apply(event: ValueChangeEventArguments[Any]) -> None:
            await self._changed(**{name: part_of(event.value)})

        return apply

    def _text(self, name: str, label: str, style: str) -> ui.input:
        async def apply() -> None:
            await self._changed(**{name: (control.value or "").strip() or None})

        control = ui.input(label, value=getattr(self._view, name) or "").props("dense outlined clearable").style(style)
        return control.on("keydown.enter", apply).on("blur", apply).on("clear", apply)

    def _choice(self, name: str, label: str, options: dict[Any, str], style: str) -> None:
        present = getattr(self._view, name)
        several = isinstance(present, tuple)
        known = [value for value in (present if several else (present,)) if value in options]
        value = known if several else next(iter(known), None)
        control = ui.select(options, label=label, value=value, multiple=several, clearable=True)
        control.props("dense outlined options-dense").style(style)
        control.on_value_change(self._sets(name, lambda chosen: tuple(chosen or ()) if several else chosen))

    def _number(self, name: str, label: str, number: type[int | float]) -> None:
        control = ui.number(label, value=getattr(self._view, name), min=0)
        control.props("dense outlined clearable debounce=500").style("width: 100%")
        control.on_value_change(self._sets(name, lambda value: None if value is None else number(value)))


def _values(members: type[StrEnum]) -> dict[str, str]:
    return {member.value: member.value for member in members}


def _clear_all() -> None:
    ui.navigate.to("/marketanalysis")
