"""Attempt comparison: two attempts side by side, with changes marked and long texts folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.monitoring.attempt_diffs import AttemptDiff, Change, FieldDiff, TextDiff
from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.markdown import json_text
from ba2_trade_platform.ui.kit.panels import Panel, fold, quiet
from ba2_trade_platform.ui.kit.plain_table import text_cell
from ba2_trade_platform.ui.kit.times import DASH
from ba2_trade_platform.vocabulary import Outcome

LINES_SHOWN = 400
VALUE_LENGTH = 2_000
MARKS = {Change.SAME: "", Change.CHANGED: "changed", Change.REMOVED: "removed", Change.ADDED: "added"}


class Comparison:
    """Lets the trader choose two attempts, and shows what differs between them."""

    def __init__(self, platform: Platform, analysis_id: int) -> None:
        self._compare_attempts, self._id = platform.monitoring.details.compare, analysis_id
        self._numbers: list[int] = []
        self._memory: set[str] = set()
        self._panel = Panel("Compare attempts", anchor="compare")
        with self._panel.element:
            with ui.element("div").classes("ba2-compare"):
                self._first = self._select("First attempt to compare")
                ui.label("with")
                self._second = self._select("Second attempt to compare")
                button = ui.button("Compare", icon="compare_arrows", color=None, on_click=self._compare)
                button.props("outline dense no-caps").mark("compare")
            self._place = ui.element("div").classes("w-full")

    @staticmethod
    def _select(label: str) -> ui.select:
        select = ui.select([]).props("dense outlined options-dense")
        select.props["aria-label"] = label
        return select

    def show(self, attempts: Sequence[Attempt]) -> None:
        """Offer these attempts, newest first, without those that were withdrawn: they did nothing.

        What has been chosen stays, and at first the last two are.
        """
        numbers = [attempt.number for attempt in attempts if attempt.outcome is not Outcome.WITHDRAWN]
        if numbers == self._numbers:
            return
        self._numbers = numbers
        self._panel.show_if(len(numbers) > 1)
        names = {number: f"attempt {number}" for number in numbers}
        if len(numbers) > 1:
            self._first.set_options(names, value=numbers[1])
            self._second.set_options(names, value=numbers[0])

    async def _compare(self) -> None:
        with reporting():
            first, second = int(self._first.value), int(self._second.value)
            found = await off_loop(self._compare_attempts, self._id, first, second)
            if not self._place.is_deleted:
                self._place.clear()
                with self._place, ui.element("div").classes("ba2-diff"):
                    self._show(found)

    def _show(self, found: AttemptDiff) -> None:
        if not found.changes:
            quiet(f"Attempts {found.first} and {found.second} do not differ.")
        heads = (f"Attempt {found.first}", f"Attempt {found.second}")
        _fields("Recommendation", heads, found.recommendation)
        _fields("Settings", heads, found.settings)
        _fields("Attempt", heads, found.facts)
        if found.outputs:
            ui.label("Outputs").classes("ba2-diff-title")
        for position, output in enumerate(found.outputs):
            self._output(f"diff-{found.first}-{found.second}-{position}", heads, output)

    def _output(self, key: str, heads: tuple[str, str], output: TextDiff) -> None:
        if output.change is Change.SAME:
            with ui.element("div").classes("ba2-line"):
                ui.label(output.name).classes("ba2-line-name")
                quiet("same")
            return
        content = partial(_lines, heads, output)
        with fold(key, f"Output {output.name}", self._memory, content), ui.element("div").classes("ba2-line"):
            ui.label(output.name).classes("ba2-line-name")
            ui.label(MARKS[output.change]).classes("ba2-tag tone-warn")


def _fields(title: str, heads: tuple[str, str], fields: Sequence[FieldDiff]) -> None:
    """Show the values that differ, and name those that do not."""
    named = [(field.name.replace("_", " "), field) for field in fields]
    different = [(name, field) for name, field in named if field.change is not Change.SAME]
    equal = ", ".join(name for name, field in named if field.change is Change.SAME)
    if different:
        with _table(title, (title, *heads, "")):
            for name, field in different:
                with ui.element("tr").classes(field.change.value):
                    text_cell(name, classes="ba2-muted")
                    text_cell(value_text(field.first))
                    text_cell(value_text(field.second))
                    text_cell(MARKS[field.change], classes="ba2-muted")
    elif equal:
        ui.label(title).classes("ba2-diff-title")
    if equal:
        quiet(f"equal: {equal}").classes("ba2-small ba2-diff-equal")


def _lines(heads: tuple[str, str], output: TextDiff) -> None:
    with _table(f"Output {output.name}", ("", *heads), "ba2-diff-lines"):
        for line in output.lines[:LINES_SHOWN]:
            with ui.element("tr").classes(line.change.value):
                if line.change is Change.SKIPPED:
                    text_cell("")
                    with ui.element("td").props("colspan=2"):
                        ui.label(f"{line.skipped} equal lines")
                else:
                    text_cell(MARKS[line.change], classes="ba2-muted ba2-diff-mark")
                    text_cell(line.first or "", classes="ba2-diff-text")
                    text_cell(line.second or "", classes="ba2-diff-text")
    if output.cut or len(output.lines) > LINES_SHOWN:
        quiet("Only the beginning is shown; the API gives all that is compared.")


@contextmanager
def _table(label: str, heads: Sequence[str], classes: str = "") -> Iterator[None]:
    """Build a table's head; the block adds its rows."""
    with ui.element("table").classes(classes) as table:
        table.props["aria-label"] = label
        with ui.element("thead"), ui.element("tr"):
            for position, name in enumerate(heads):
                width = "ba2-diff-name" if position == 0 and name else "" if name else "ba2-diff-mark"
                with ui.element("th").props("scope=col").classes(width):
                    ui.label(name)
        with ui.element("tbody"):
            yield


def value_text(value: Any) -> str:
    """Return one value as a person reads it."""
    if value is None:
        return DASH
    text = value if isinstance(value, str) else json_text(value) if isinstance(value, list | dict) else f"{value}"
    return text if len(text) <= VALUE_LENGTH else f"{text[:VALUE_LENGTH]}\N{HORIZONTAL ELLIPSIS}"
