"""Attempt diff: compares two attempts of one analysis; pure and bounded, hence tested without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import zip_longest
from typing import Any

LINES_COMPARED = 2_000
LINE_LENGTH = 4_000
CONTEXT = 2
_ABSENT = object()  # None is a value like any other


class Change(StrEnum):
    """How something of the first attempt stands in the second."""

    SAME = "same"
    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Snapshot:
    """What one attempt left and took: `facts` and `recommendation` by name, outputs as (name, text) in their order."""

    attempt: int
    facts: Mapping[str, Any]
    recommendation: Mapping[str, Any]
    settings: Any
    outputs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class FieldDiff:
    """One named value in both attempts; None where an attempt has none."""

    name: str
    change: Change
    first: Any
    second: Any


@dataclass(frozen=True)
class LineDiff:
    """One line beside the line that stands in its place; SKIPPED: `skipped` equal lines are left out here."""

    change: Change
    first: str | None = None
    second: str | None = None
    skipped: int = 0


@dataclass(frozen=True)
class TextDiff:
    """One output in both attempts, line by line; `cut`: only the first 2,000 lines of a longer text were compared."""

    name: str
    change: Change
    lines: tuple[LineDiff, ...]
    cut: bool = False


@dataclass(frozen=True)
class AttemptDiff:
    """All that differs between two attempts, and what stayed the same, marked so."""

    analysis_id: int
    first: int
    second: int
    facts: tuple[FieldDiff, ...]
    recommendation: tuple[FieldDiff, ...]
    settings: tuple[FieldDiff, ...]
    outputs: tuple[TextDiff, ...]

    @property
    def changes(self) -> int:
        """How many values and outputs differ."""
        values = (*self.facts, *self.recommendation, *self.settings)
        marks = [*(value.change for value in values), *(output.change for output in self.outputs)]
        return sum(mark is not Change.SAME for mark in marks)


def compare(analysis_id: int, first: Snapshot, second: Snapshot) -> AttemptDiff:
    """Return what differs between two attempts of an analysis."""
    return AttemptDiff(
        analysis_id,
        first.attempt,
        second.attempt,
        facts=field_diffs(first.facts, second.facts),
        recommendation=field_diffs(first.recommendation, second.recommendation),
        settings=field_diffs(flat(first.settings), flat(second.settings)),
        outputs=output_diffs(first.outputs, second.outputs),
    )


def field_diffs(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[FieldDiff, ...]:
    """Return every name of either side, in the order of the first, with both values."""
    diffs = []
    for name in dict.fromkeys((*first, *second)):
        change = _change(first.get(name, _ABSENT), second.get(name, _ABSENT), _ABSENT)
        diffs.append(FieldDiff(name, change, first.get(name), second.get(name)))
    return tuple(diffs)


def flat(value: Any, at: str = "") -> dict[str, Any]:
    """Return nested settings as one level: `a.b` names a key within a key, lists stay whole."""
    if not isinstance(value, Mapping):
        return {at: value} if at else {}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        name = f"{at}.{key}" if at else str(key)
        found.update(flat(inner, name) if isinstance(inner, Mapping) and inner else {name: inner})
    return found


def output_diffs(first: Sequence[tuple[str, str]], second: Sequence[tuple[str, str]]) -> tuple[TextDiff, ...]:
    """Pair outputs by their name, a repeated name by its place among its like, and compare the texts."""
    before, after = _numbered(first), _numbered(second)
    return tuple(_text_diff(name, before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after)))


def _numbered(outputs: Sequence[tuple[str, str]]) -> dict[str, str]:
    seen: Counter[str] = Counter()
    found = {}
    for name, text in outputs:
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = text
    return found


def _text_diff(name: str, first: str | None, second: str | None) -> TextDiff:
    change = _change(first, second)
    if change is Change.SAME:
        return TextDiff(name, change, ())
    before, first_cut = _lines(first)
    after, second_cut = _lines(second)
    return TextDiff(name, change, tuple(line_diffs(before, after)), first_cut or second_cut)


def _lines(text: str | None) -> tuple[list[str], bool]:
    lines = (text or "").splitlines()
    short = [line[:LINE_LENGTH] for line in lines[:LINES_COMPARED]]
    return short, len(lines) > LINES_COMPARED or any(len(line) > LINE_LENGTH for line in lines[:LINES_COMPARED])


def line_diffs(first: Sequence[str], second: Sequence[str]) -> list[LineDiff]:
    """Return the lines of both texts side by side, with two equal lines around each change and the rest left out."""
    found: list[LineDiff] = []
    steps = SequenceMatcher(None, first, second).get_opcodes()
    for place, (tag, i1, i2, j1, j2) in enumerate(steps):
        if tag == "equal":
            found += _equal(first[i1:i2], at_start=place == 0, at_end=place == len(steps) - 1)
            continue
        pairs = zip_longest(first[i1:i2], second[j1:j2])
        found += [LineDiff(_change(before, after), before, after) for before, after in pairs]
    return found


def _equal(lines: Sequence[str], *, at_start: bool, at_end: bool) -> list[LineDiff]:
    head, tail = 0 if at_start else CONTEXT, 0 if at_end else CONTEXT
    left_out = len(lines) - head - tail
    if left_out <= 1:
        return [LineDiff(Change.SAME, line, line) for line in lines]
    shown = [LineDiff(Change.SAME, line, line) for line in (*lines[:head], *lines[len(lines) - tail :])]
    return [*shown[:head], LineDiff(Change.SKIPPED, skipped=left_out), *shown[head:]]


def _change(first: Any, second: Any, absent: Any = None) -> Change:
    if second is absent:
        return Change.REMOVED
    if first is absent:
        return Change.ADDED
    return Change.SAME if first == second else Change.CHANGED
