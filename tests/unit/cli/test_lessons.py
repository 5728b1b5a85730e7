"""Lessons from the command line: listed and forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.memories import remembering
from tests.unit.cli.command_line import Run


@pytest.fixture
def decided(tmp_path: Path) -> None:
    """A console that has stopped, after two decisions whose horizon has passed."""
    with remembering(tmp_path) as desk:
        desk.decide(desk.instance(), "AAPL", "MSFT")


@pytest.mark.usefixtures("decided")
def test_lessons_are_learnt_listed_found_and_their_store_is_rebuilt(run: Run) -> None:
    assert "No lessons." in run("lessons", "list").out
    assert run("lessons", "learn").out == "2 new lessons; no other decision waits for its outcome\n"
    assert run("lessons", "rebuild").out == "2 of 2 lessons are in the store (hashing)\n"
    assert "BUY with confidence 70 was" in run("lessons", "list", "--symbol", "MSFT").out
    found = run("lessons", "list", "--like", "the RSI is high", "--json").json
    assert (found["found_by"], len(found["items"])) == ("similarity", 2)
