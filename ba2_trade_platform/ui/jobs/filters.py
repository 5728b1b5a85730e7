"""Job filters: the filter bar of Job Monitoring, every choice kept in the address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

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
        self._changed = changed
        self._controls: dict[str, Any] = {}
        with ui.element("div").classes("ba2-bar").props('role=search aria-label="Filters"'):
            self._build(view, experts, show_new)

    def _build(self, view: View, experts: dict[int, str], show_new: Callable[[], Awaitable[None]]) -> None:
        self._text("symbol", "Symbol", view, "width: 92px")
        self._choice("status", "Status", {s.value: words.STATUS[s].word for s in Status}, view, "min-width: 120px")
        self._choice("expert", "Expert", experts, view, "min-width: 130px")
        self._text("q", "Search errors", view, "width: 150px")
        self._new = ui.button("", icon="arrow_upward", on_click=show_new).props("outline dense no-caps size=sm")
        self._new.set_visibility(False)
        self._more = ui.button(more_words(view), icon="tune", color=None).props("flat dense no-caps size=sm")
        with (
            self._more,
            ui.menu().props("no-focus"),
            ui.column().classes("q-pa-sm ba2-bar").style("width: 260px; border: 0"),
        ):
            codes = {code.value: code.value for code in ErrorCode}
            self._choice("code", "Error code", codes, view, "width: 100%")
            self._choice("type", "Type", dict(words.SUBTYPE), view, "width: 100%")
            self._choice("action", "Recommendation", {a.value: a.value for a in Signal}, view, "width: 100%")
            self._choice("source", "Source", {s.value: s.value for s in Source}, view, "width: 100%")
            self._number("slower", "Slower than, seconds", view)
            self._number("batch", "Batch", view)
            self._number("bulk", "In batch or bulk re-run", view)
            self._tick("rerun", "More than one attempt", view)
            self._tick("today", "Ended today", view)
        self._clear = ui.button("Clear filters", icon="filter_alt_off", color=None, on_click=self._clear_all)
        self._clear.props("flat dense no-caps size=sm").set_visibility(view.filtered)

    def show(self, view: View, new: int) -> None:
        """Show whether anything is filtered, and how many new rows wait."""
        self._clear.set_visibility(view.filtered)
        self._more.set_text(more_words(view))
        self._new.set_visibility(bool(new))
        self._new.set_text(f"{new} new")

    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        self._controls["q"].run_method("focus")

    def _text(self, name: str, label: str, view: View, style: str) -> None:
        async def apply() -> None:
            await self._changed(**{name: (control.value or "").strip() or None})

        control = ui.input(label, value=getattr(view, name) or "").props("dense outlined clearable").style(style)
        control.on("keydown.enter", apply).on("blur", apply).on("clear", apply)
        self._controls[name] = control

    def _choice(self, name: str, label: str, options: dict[Any, str], view: View, style: str) -> None:
        several = name == "status"
        present = getattr(view, name)
        known = [value for value in present if value in options] if several else present if present in options else None

        async def apply() -> None:
            await self._changed(**{name: tuple(control.value or ()) if several else control.value})

        control = ui.select(options, label=label, value=known, multiple=several, clearable=True, on_change=apply)
        control.props("dense outlined options-dense").style(style)
        self._controls[name] = control

    def _number(self, name: str, label: str, view: View) -> None:
        async def apply() -> None:
            value = control.value
            await self._changed(
                **{name: None if value is None else int(value) if name in ("batch", "bulk") else float(value)}
            )

        control = ui.number(label, value=getattr(view, name), min=0, on_change=apply)
        control.props("dense outlined clearable debounce=500").style("width: 100%")
        self._controls[name] = control

    def _tick(self, name: str, label: str, view: View) -> None:
        async def apply() -> None:
            await self._changed(**{name: bool(control.value)})

        control = ui.checkbox(label, value=getattr(view, name), on_change=apply).props("dense")
        self._controls[name] = control

    @staticmethod
    def _clear_all() -> None:
        ui.navigate.to("/marketanalysis")
