"""The selection: one row, a span, a page, all that a filter finds; each with the version that was seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.ui.kit.selection import Picked

ROWS: list[Any] = [SimpleNamespace(id=number, version=10 * number) for number in (9, 8, 7, 6, 5)]


def test_a_tick_keeps_the_version_and_a_second_one_takes_it_away() -> None:
    picked = Picked()
    picked.toggle(ROWS[1], ROWS)
    assert (picked.versions, bool(picked)) == ({8: 80}, True)
    picked.toggle(ROWS[1], ROWS)
    assert (picked.versions, bool(picked)) == ({}, False)


def test_shift_ticks_everything_since_the_last_tick_in_either_direction() -> None:
    picked = Picked()
    picked.toggle(ROWS[3], ROWS)
    picked.toggle(ROWS[1], ROWS, span=True)
    assert sorted(picked.versions) == [6, 7, 8]
    picked.toggle(ROWS[2], ROWS, span=True)
    assert sorted(picked.versions) == [6], "unticked from the last one to this one"


def test_a_span_that_began_on_another_page_is_this_row_alone() -> None:
    picked = Picked()
    picked.toggle(ROWS[0], ROWS)
    picked.toggle(ROWS[3], ROWS[2:], span=True)
    assert sorted(picked.versions) == [6, 9]


def test_a_page_is_ticked_and_unticked_as_a_whole() -> None:
    picked = Picked()
    picked.toggle(ROWS[0], ROWS)
    assert picked.covers(ROWS) is None
    picked.page(ROWS)
    assert picked.covers(ROWS) is True
    picked.page(ROWS[:2])
    assert sorted(picked.versions) == [5, 6, 7]
    assert picked.covers([]) is False


def test_all_that_match_are_the_filter_itself_until_a_row_is_ticked() -> None:
    picked, chosen = Picked(), Filter(code="AUTH")
    picked.page(ROWS)
    picked.all_of(chosen)
    assert picked.selection() == Selection(filter=chosen)
    picked.toggle(ROWS[0], ROWS)
    assert picked.selection() == Selection(ids=(9,))
