"""Attempt costs: calls, tokens and money of attempts, budgets that stop them, and resuming past one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.core.base.app_settings import BUDGET_PER_DAY
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import CallEnd, CallStart, Charge
from ba2_trade_platform.vocabulary import CallOutcome, ErrorCode, Mode, Status
from tests.fakes.callers import CENTS, PRICES, Caller, settings_of
from tests.platforms import TRADER, drain, make_platform, row, submit
from tests.scripted_console import console, impatient, instance
from tests.sql import ask, change, file_of, one
from tests.stepped import Desk, make_desk

CALL = CallStart(1, 1, 1, "AAPL", "Bull", "scripted", "rules", 1000, 1000)
ANSWERED = CallEnd(CallOutcome.ANSWERED, 1000, 1000)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the write lock of a database, as another program would."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def calling(folder: Path, caller: Caller, **budgets: float) -> Iterator[tuple[Platform, int]]:
    """A console at work with this caller under these budgets; its calls go into the console's own book."""
    (folder / "prices.csv").write_text(PRICES)
    with console(folder, caller.expert) as platform:
        caller.call_log = platform.models.calls
        expert = instance(platform, "Caller")
        if budgets:
            platform.experts.update(expert, by=TRADER, settings=settings_of(**budgets))
        yield platform, expert


def attempts(platform: Platform, analysis_id: int) -> list[tuple[Any, ...]]:
    """Return (outcome, tokens, cost in millionths) of each attempt."""
    statement = "SELECT outcome, tokens, cost FROM analysis_attempt WHERE analysis_id = ? ORDER BY number"
    return ask(file_of(platform), statement, analysis_id)


def test_an_attempt_keeps_what_its_calls_took(tmp_path: Path) -> None:
    with calling(tmp_path, Caller()) as (platform, expert):
        analysis_id = submit(platform, expert)
        drain(platform)
        assert attempts(platform, analysis_id) == [("completed", 6000, 120_000)]
        assert [step.cost for step in platform.monitoring.details.steps(analysis_id)] == [CENTS] * 3


def test_an_attempt_with_an_unpriced_call_has_an_unknown_cost(tmp_path: Path) -> None:
    with calling(tmp_path, Caller(models={"Two": "brand-new"})) as (platform, expert):
        analysis_id = submit(platform, expert)
        drain(platform)
        assert attempts(platform, analysis_id) == [("completed", 6000, None)]


@pytest.mark.parametrize("budget", ["budget_per_analysis_usd", "budget_per_day_usd"])
def test_over_its_budget_an_analysis_stops_and_goes_on_once_the_budget_is_raised(tmp_path: Path, budget: str) -> None:
    caller = Caller()
    with calling(tmp_path, caller, **{budget: 0.1}) as (platform, expert):
        analysis_id = submit(platform, expert)
        drain(platform)
        failed = row(platform, analysis_id)
        assert (failed.status, failed.error_code) == (Status.FAILED, "BUDGET")
        assert "is 0.10 USD: 0.08 USD are spent and this call may take up to 0.04 USD" in failed.error_message
        assert "Raise it in the expert's settings, then re-run: Resume keeps what is done" in failed.error_message
        platform.experts.update(expert, by=TRADER, settings=settings_of(**{budget: 0.2}))
        platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode=Mode.RESUME))
        drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        assert caller.made == ["One", "Two", "Three"]
        assert attempts(platform, analysis_id) == [("failed", 4000, 80_000), ("completed", 2000, 40_000)]
        kept = [
            (step.name, step.reused_from_attempt, step.cost) for step in platform.monitoring.details.steps(analysis_id)
        ]
        assert kept == [("One", 1, Decimal(0)), ("Two", 1, Decimal(0)), ("Three", None, CENTS)]


def test_the_budget_of_the_whole_desk_is_changed_while_it_runs(tmp_path: Path) -> None:
    caller = Caller()
    with calling(tmp_path, caller) as (platform, expert):
        platform.app_settings.change(BUDGET_PER_DAY, "0.05", by=TRADER)
        analysis_id = submit(platform, expert)
        drain(platform)
        failed = row(platform, analysis_id)
        assert failed.error_code == "BUDGET"
        assert "The budget of the whole desk for today is 0.05 USD" in failed.error_message
        assert "on the page Costs" in failed.error_message
        platform.app_settings.change(BUDGET_PER_DAY, None, by=TRADER)
        platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode=Mode.RESUME))
        drain(platform)
        assert caller.made == ["One", "Two", "Three"]


def test_a_plan_says_what_keeping_the_paid_steps_saves(tmp_path: Path) -> None:
    with calling(tmp_path, Caller(), budget_per_analysis_usd=0.1) as (platform, expert):
        analysis_id = submit(platform, expert)
        drain(platform)
        for saved in (2, 2):  # the second time from what an attempt before the last had done
            plan = platform.analyses.rerun_plan(analysis_id, RerunOptions(mode=Mode.RESUME))
            assert (plan.tokens_saved, plan.cost_saved_usd) == (2000 * saved, CENTS * saved)
            platform.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode=Mode.RESUME))
            drain(platform)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "prices.csv").write_text(PRICES)
    made = make_desk(tmp_path)
    yield made
    made.close()


def call_of(desk: Desk, analysis_id: int) -> int:
    """Begin a call of this analysis' first attempt and return its id."""
    return desk.platform.models.calls.begin(CallStart(analysis_id, 1, 1, "AAPL", "Bull", "lab", "dear", 1000, 1000))


def cost_of(desk: Desk, analysis_id: int) -> Any:
    """Return the first attempt's cost in millionths."""
    statement = "SELECT cost FROM analysis_attempt WHERE analysis_id = ? AND number = 1"
    return one(desk.file, statement, analysis_id)


def test_a_call_that_ends_after_its_attempt_was_cancelled_is_added_to_it(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert())
    desk.worker().claim(analysis_id)
    first, late = call_of(desk, analysis_id), call_of(desk, analysis_id)
    desk.platform.models.calls.end(first, ANSWERED)
    desk.analyses.cancel(analysis_id, by=TRADER)
    assert cost_of(desk, analysis_id) is None  # one call is still under way
    desk.platform.models.calls.end(late, ANSWERED)
    assert cost_of(desk, analysis_id) == 80_000


@pytest.mark.parametrize("end", ["cancel", "release", "rescue"])
def test_every_way_to_end_an_attempt_adds_it_up(desk: Desk, end: str) -> None:
    analysis_id = desk.submit(desk.expert())
    worker = desk.worker()
    worker.claim(analysis_id)
    desk.platform.models.calls.end(call_of(desk, analysis_id), ANSWERED)
    if end == "cancel":
        desk.analyses.cancel(analysis_id, by=TRADER)
    elif end == "release":
        worker.tick(releasing=True)
    else:
        desk.worker("two").tick(boot=True)
    assert cost_of(desk, analysis_id) == 40_000


def test_a_deleted_analysis_leaves_its_calls_behind(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert())
    desk.platform.models.calls.end(call_of(desk, analysis_id), ANSWERED)
    desk.analyses.delete(analysis_id, by=TRADER)
    assert one(desk.file, "SELECT SUM(cost) FROM model_call") == 40_000


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM model_call",
        "UPDATE model_call SET cost = 0",
        "UPDATE model_call SET outcome = 'failed'",
        "REPLACE INTO model_call SELECT * FROM model_call",
    ],
)
def test_the_database_refuses_to_rewrite_what_was_paid(desk: Desk, statement: str) -> None:
    desk.platform.models.calls.end(call_of(desk, 1), ANSWERED)
    with pytest.raises(sqlite3.IntegrityError):
        change(desk.file, statement)
    assert one(desk.file, "SELECT SUM(cost) FROM model_call") == 40_000


def test_a_call_under_way_can_only_be_ended(desk: Desk) -> None:
    call_of(desk, 1)
    for statement in ("UPDATE model_call SET reserved = 0", "UPDATE model_call SET model = 'x', outcome = 'failed'"):
        with pytest.raises(sqlite3.IntegrityError, match="changed once, when it ends"):
            change(desk.file, statement)


def test_the_next_start_ends_what_a_dead_console_left_under_way(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES)
    first = make_platform(tmp_path)
    first.models.calls.begin(CallStart(1, 1, 1, "AAPL", "Bull", "lab", "dear", 1000, 1000))
    first.stop()
    second = make_platform(tmp_path)
    assert ask(file_of(second), "SELECT outcome, cost, reserved FROM model_call") == [("interrupted", None, 40_000)]
    second.app_settings.change(BUDGET_PER_DAY, "0.05", by=TRADER)
    with pytest.raises(ExpertError, match="without an answer") as refused:
        second.models.calls.begin(CallStart(2, 1, 1, "AAPL", "Bull", "lab", "dear", 1000, 1000))
    assert refused.value.code is ErrorCode.BUDGET
    second.models.calls.begin(CALL)  # what costs nothing goes on
    second.stop()


def test_while_the_database_is_locked_no_call_is_made_and_no_paid_answer_is_lost(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES)
    platform = make_platform(tmp_path)
    impatient(platform)
    start = CallStart(1, 1, 1, "AAPL", "Bull", "lab", "dear", 1000, 1000)
    call = platform.models.calls.begin(start)
    with locked(file_of(platform)):
        assert platform.models.calls.end(call, ANSWERED) == Charge(2000, CENTS)
        with pytest.raises(Unavailable, match="the database is locked"):
            platform.models.calls.begin(start)
        assert one(file_of(platform), "SELECT outcome FROM model_call") is None
    platform.stop()
    assert ask(file_of(platform), "SELECT outcome, cost FROM model_call") == [("answered", 40_000)]


@pytest.mark.parametrize("tokens", [-1, 10**30])
def test_a_count_that_cannot_be_one_gives_no_budget_back(desk: Desk, tokens: int) -> None:
    desk.platform.models.calls.end(call_of(desk, 1), CallEnd(CallOutcome.ANSWERED, tokens, 10))
    assert ask(desk.file, "SELECT tokens_in, cost, reserved FROM model_call") == [(None, None, 40_000)]
