"""Schedule commands: schedules and their runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ba2_trade_platform.core.schedules.drafts import Draft
from tests.platforms import TRADER, make_platform, practice
from tests.unit.cli.command_line import Run


@pytest.fixture
def planned(tmp_path: Path) -> None:
    """A console that has stopped, with one schedule."""
    platform = make_platform(tmp_path)
    timing = {"kind": "times", "days": list(range(7)), "times": ["09:30"]}
    draft = Draft("Morning", practice(platform), timing, "UTC", symbols=("AAPL",))
    platform.schedules.service.create(draft, by=TRADER)
    platform.stop()


@pytest.mark.usefixtures("planned")
def test_a_schedule_is_listed_foreseen_run_switched_and_its_runs_are_read(run: Run) -> None:
    assert "every day at 09:30, UTC" in run("schedules", "list").out
    assert len(run("schedules", "next", "morning", "--count", "3").out.splitlines()) == 3
    assert run("schedules", "disable", "1").out == "Morning is disabled; it waits for no time\n"
    assert run("schedules", "enable", "Morning").out.startswith("Morning is enabled; its next time is 20")
    begun = run("schedules", "run", "Morning")
    assert begun.out == "Morning runs now (run 1)\n"
    assert "running" in run("runs", "--schedule", "Morning").out
    assert run("runs", "--state", "missed").out == "No run matches.\n"
    assert run("runs", "--acknowledge", "1").out == "Run 1 is acknowledged\n"
    assert run("schedules", "next", "Evening").code == 4


def test_without_schedules_the_list_says_where_to_make_one(run: Run) -> None:
    assert run("schedules", "list").out.startswith("No schedules.")
