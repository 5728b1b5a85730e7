"""Output sections: order a debate's outputs for reading, summary first and model calls last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nicegui import ui

from ba2_trade_platform.ui.analysis.output_reader import Written
from ba2_trade_platform.ui.analysis.steps import OutputLine
from ba2_trade_platform.ui.kit.panels import Fold

TITLES = {
    "summary": "Summary",
    "data": "Data",
    "tool": "Tool outputs",
    "analyst": "",  # each analyst has a section of its own
    "debate": "Debate",
    "manager": "Manager",
    "trader": "Trader",
    "risk": "Risk",
    "decision": "Decision",
    "message": "Messages to and from models",
}
ORDER = list(TITLES)
DEBATES = frozenset(TITLES) - {"summary", "decision"}  # words that other experts use too
FOLDED = frozenset({"tool", "message"})


class Section(NamedTuple):
    """Outputs under one title; without a title they stand as they are."""

    title: str
    outputs: tuple[Written, ...]
    folded: bool = False


def sections(outputs: Iterable[Written]) -> dict[str, Section]:
    """Return the outputs in sections, in the order to show them; those of other experts in one without a title."""
    written = tuple(outputs)
    if not any(output.type in DEBATES for output in written):
        return {"": Section("", written)} if written else {}
    grouped: dict[tuple[int, str], list[Written]] = {}
    for output in written:
        place = ORDER.index(output.type) if output.type in TITLES else len(ORDER)
        title = TITLES.get(output.type, "Other outputs") or output.name
        grouped.setdefault((place, title), []).append(output)
    return {
        title: Section(title, tuple(grouped[place, title]), folded=grouped[place, title][0].type in FOLDED)
        for place, title in sorted(grouped)
    }


class SectionView:
    """Builds one section of the list of outputs."""

    def __init__(self, analysis_id: int, memory: set[str]) -> None:
        self._line = OutputLine(analysis_id, memory)
        self._memory = memory

    def __call__(self, section: Section) -> None:
        """Show the outputs under their title; what few people read is folded away under it."""
        if not section.folded:
            if section.title and section.title != section.outputs[0].name:  # a line does not stand under its own name
                ui.label(section.title).classes("ba2-section").props("role=heading aria-level=3")
            self._lines(section)
            return
        fold = Fold(f"section-{section.title}", section.title, self._memory, lambda: self._lines(section))
        with fold.header(), ui.element("div").classes("ba2-line"):
            ui.label(section.title).classes("ba2-section ba2-line-name")
            ui.label(f"{len(section.outputs)}").classes("ba2-muted")

    def _lines(self, section: Section) -> None:
        for output in section.outputs:
            self._line(output)
