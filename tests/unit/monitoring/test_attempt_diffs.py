"""Attempt diffs: values by name, settings in depth, outputs line by line, and within bounds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.monitoring.attempt_diffs import (
    LINES_COMPARED,
    Change,
    LineDiff,
    Snapshot,
    compare,
    field_diffs,
    flat,
    line_diffs,
    output_diffs,
)

TEXTS = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=30)


def snapshot(number: int, **parts: Any) -> Snapshot:
    """Return a snapshot of an attempt that left nothing but these parts."""
    empty: dict[str, Any] = {"facts": {}, "recommendation": {}, "settings": {}, "outputs": ()}
    return Snapshot(number, **{**empty, **parts})


def test_values_are_compared_by_name() -> None:
    diffs = field_diffs(
        {"action": "BUY", "stop": "9.50", "risk": "low"}, {"action": "SELL", "risk": "low", "target": 12}
    )
    assert [(diff.name, diff.change) for diff in diffs] == [
        ("action", Change.CHANGED), ("stop", Change.REMOVED), ("risk", Change.SAME), ("target", Change.ADDED),
    ]  # fmt: skip


def test_settings_are_compared_key_by_key_however_deep() -> None:
    found = compare(
        7,
        snapshot(1, settings={"model": {"name": "big", "seed": 1}, "tools": ["a"]}),
        snapshot(2, settings={"model": {"name": "small", "seed": 1}, "tools": ["a", "b"]}),
    )
    changed = [(diff.name, diff.first, diff.second) for diff in found.settings if diff.change is Change.CHANGED]
    assert changed == [("model.name", "big", "small"), ("tools", ["a"], ["a", "b"])]
    assert found.changes == 2
    assert flat({"empty": {}}) == {"empty": {}}


def test_outputs_are_paired_by_name_and_place_among_their_like() -> None:
    diffs = output_diffs(
        [("Note", "one"), ("Note", "two"), ("Gone", "x")], [("Note", "one"), ("Note", "TWO"), ("New", "y")]
    )
    assert [(diff.name, diff.change) for diff in diffs] == [
        ("Note", Change.SAME), ("Note (2)", Change.CHANGED), ("Gone", Change.REMOVED), ("New", Change.ADDED),
    ]  # fmt: skip


def test_a_changed_line_stands_beside_its_successor_and_far_equal_ones_are_left_out() -> None:
    text = [f"line {number}" for number in range(20)]
    changed = [*text[:10], "another", *text[11:]]
    lines = line_diffs(text, changed)
    assert lines == [
        LineDiff(Change.SKIPPED, skipped=8),
        *(LineDiff(Change.SAME, line, line) for line in text[8:10]),
        LineDiff(Change.CHANGED, "line 10", "another"),
        *(LineDiff(Change.SAME, line, line) for line in text[11:13]),
        LineDiff(Change.SKIPPED, skipped=7),
    ]


@given(TEXTS, TEXTS)
def test_nothing_is_lost_or_made_up(first: list[str], second: list[str]) -> None:
    lines = line_diffs(first, second)
    skipped = sum(line.skipped for line in lines)
    assert sum(line.first is not None for line in lines) + skipped == len(first)
    assert sum(line.second is not None for line in lines) + skipped == len(second)
    assert (first == second) == all(line.change in (Change.SAME, Change.SKIPPED) for line in lines)


def test_a_huge_text_is_compared_within_bounds_and_says_that_it_was_cut() -> None:
    first, second = "same line\n", "same line\nother\n"
    (diff,) = output_diffs([("Log", first * 500_000)], [("Log", second * 250_000)])
    (bound,) = output_diffs([("Log", first * LINES_COMPARED)], [("Log", second * (LINES_COMPARED // 2))])
    assert diff.cut
    assert diff.change is Change.CHANGED
    assert len(diff.lines) <= 2 * LINES_COMPARED
    assert diff.lines == bound.lines, "what lies beyond the bound is not looked at"
