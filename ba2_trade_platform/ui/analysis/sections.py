"""Output sections: order a debate's outputs for reading, summary first and model calls last."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from nicegui import ui

from ba2_trade_platform.ui.analysis.output_reader import Written
from ba2_trade_platform.ui.analysis.steps import written_line
from ba2_trade_platform.ui.kit.panels import KeyedList, fold

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
    "thinking": "Thinking",
    "message": "Messages to and from models",
}
ORDER = list(TITLES)
DEBATES = frozenset(TITLES) - {"summary", "decision"}  # words that other experts use too
FOLDED = frozenset({"tool", "thinking", "message"})


class Section(NamedTuple):
    """Outputs under one title; without a title they stand as they are."""

    title: str
    outputs: tuple[Written, ...]
    folded: bool = False

    @property
    def headed(self) -> bool:
        """Whether its title is shown: a line does not stand under its own name."""
        return self.title not in ("", self.outputs[0].name)


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


class Sections:
    """Shows outputs in sections and builds only what is new: a line that is being pressed stays where it is."""

    def __init__(self, analysis_id: int, memory: set[str]) -> None:
        self._line = partial(written_line, analysis_id, memory)
        self._memory = memory
        self._shown: dict[str, Section] = {}
        self._lines: dict[str, KeyedList[int, Written]] = {}
        self._counts: dict[str, ui.label] = {}
        # What stands around the outputs of a section: its title, and whether it is folded or headed.
        self._frames: KeyedList[str, tuple[str, bool, bool]] = KeyedList(self._build)

    def show(self, outputs: Iterable[Written]) -> None:
        """Show these outputs."""
        self._shown = sections(outputs)
        self._lines = {title: lines for title, lines in self._lines.items() if title in self._shown}
        self._frames.show({title: (title, each.folded, each.headed) for title, each in self._shown.items()})
        for title, section in self._shown.items():
            if section.folded:
                self._counts[title].set_text(f"{len(section.outputs)}")
            if title in self._lines:  # of what is folded away, not before it is opened
                self._lines[title].show({output.id: output for output in section.outputs})

    def _build(self, frame: tuple[str, bool, bool]) -> None:
        """Build what stands around a section's lines; what few people read is folded away under its title."""
        title, folded, headed = frame
        if not folded:
            if headed:
                ui.label(title).classes("ba2-section").props("role=heading aria-level=3")
            self._lines[title] = KeyedList(self._line)
            return
        self._lines.pop(title, None)
        with (
            fold(f"section-{title}", title, self._memory, partial(self._open, title)),
            ui.element("div").classes("ba2-line"),
        ):
            ui.label(title).classes("ba2-section ba2-line-name")
            self._counts[title] = ui.label().classes("ba2-muted")

    def _open(self, title: str) -> None:
        lines = self._lines[title] = KeyedList(self._line)
        lines.show({output.id: output for output in self._shown[title].outputs})
