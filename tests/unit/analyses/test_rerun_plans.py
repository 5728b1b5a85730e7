"""Re-run plans: steps kept, done again or checked again, over recorded steps of every kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ba2_trade_platform.core.analyses.rerun_plans import Done, StepDisposition, ago, describe, plan_steps, sum_up
from ba2_trade_platform.vocabulary import Mode

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def step(position: int, name: str, *after: str, **changes: Any) -> Done:
    """Return a completed step that took two seconds a minute ago."""
    finished = NOW - timedelta(minutes=1)
    return replace(
        Done(position, position, name, True, False, after, 1, True, finished, 2.0, 100, Decimal("0.01")), **changes
    )


LOAD, NEWS, CHART = step(1, "Load"), step(2, "News", "Load"), step(3, "Chart", "Load")
DECIDE = step(4, "Decide", "News", "Chart")


def fates(steps: list[Done], mode: Mode, chosen: Done | None = None) -> list[StepDisposition]:
    """Return what becomes of the steps."""
    return [planned.fate for planned in plan_steps(steps, mode, chosen, NOW)]


def test_a_failed_step_takes_what_builds_on_it_and_leaves_its_siblings() -> None:
    failed = replace(CHART, completed=False)
    assert fates([LOAD, NEWS, failed, DECIDE], Mode.RESUME) == ["reused", "reused", "re-run", "re-run"]


def test_steps_that_do_not_say_what_they_build_on_build_on_all_before_them() -> None:
    unsaid = replace(CHART, depends_on=None)
    assert fates([LOAD, replace(NEWS, completed=False), unsaid], Mode.RESUME) == ["reused", "re-run", "re-run"]


def test_each_reason_is_a_sentence_that_names_the_cause() -> None:
    steps = [LOAD, replace(NEWS, completed=False), CHART, DECIDE]
    assert [planned.reason for planned in plan_steps(steps, Mode.RESUME, None, NOW)] == [
        "done in attempt 1, with the same settings",
        "it did not complete",
        "done in attempt 1, with the same settings",
        "it builds on News, which is done again",
    ]


def test_other_settings_and_old_results_are_looked_at_again() -> None:
    other = replace(LOAD, same_settings=False)
    old = replace(NEWS, finished_at=NOW - timedelta(days=3))
    planned = plan_steps([other, old, CHART], Mode.RESUME, None, NOW)
    assert [(one.fate, one.reason) for one in planned] == [
        ("stale", "its settings were others in attempt 1; kept if its inputs are the same"),
        ("stale", "done 3 d ago; kept if its inputs are the same"),
        ("reused", "done in attempt 1, with the same settings"),
    ]


def test_what_is_done_in_every_attempt_is_planned_so_and_what_builds_on_it_is_looked_at() -> None:
    steps = [replace(LOAD, always=True), NEWS, CHART, DECIDE]
    assert fates(steps, Mode.RESUME) == ["re-run", "stale", "stale", "stale"]
    reasons = [step.reason for step in plan_steps(steps, Mode.RESUME, None, NOW)]
    assert reasons[2].startswith(f"it builds on {LOAD.name}, which is done in every attempt")
    assert reasons[3].startswith(f"it builds on {NEWS.name}, which is looked at again too")
    assert fates(steps, Mode.ONLY, CHART) == ["re-run", "stale", "re-run", "re-run"]
    assert fates(steps, Mode.FRESH) == ["re-run"] * 4


def test_time_tokens_and_cost_are_summed_over_what_is_kept() -> None:
    planned = plan_steps([LOAD, NEWS, replace(CHART, completed=False), DECIDE], Mode.RESUME, None, NOW)
    sums = sum_up(planned, usual_seconds=30.0)
    assert (sums.estimated_seconds, sums.seconds_saved) == (26.0, 4.0)
    assert (sums.tokens_saved, sums.cost_saved) == (200, Decimal("0.02"))
    assert describe(Mode.RESUME, planned, sums) == "2 of 4 steps kept, 2 done again; about 26 s"
    assert sum_up((), None).estimated_seconds is None
    assert sum_up(planned, None).estimated_seconds == 4.0


def test_what_costs_nothing_known_saves_nothing_known() -> None:
    sums = sum_up(plan_steps([replace(LOAD, tokens=None, cost=None)], Mode.RESUME, None, NOW), None)
    assert (sums.tokens_saved, sums.cost_saved) == (None, None)


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (59.9, "59 s"), (60, "1 min"), (7199, "1 h"), (90_000, "1 d")]
)
def test_ago_is_said_in_the_largest_unit(seconds: float, words: str) -> None:
    assert ago(seconds) == words
