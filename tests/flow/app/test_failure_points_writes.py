"""Failure points of writes: the ways such desks fail, one test each, listed in docs/failure-points.md."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from ba2_trade_platform.vocabulary import Status
from tests.platforms import TRADER
from tests.scripted_console import console, instance
from tests.sql import ask, change, dump, file_of, one
from tests.stepped import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


def break_inserts(file: Path, table: str, reason: str) -> None:
    """Have the database itself refuse inserts into a table, as a broken constraint would."""
    change(file, f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, '{reason}'); END")


def test_a_database_error_is_not_taken_for_a_duplicate(desk: Desk) -> None:
    expert = desk.expert()
    break_inserts(desk.file, "market_analysis", "CHECK constraint failed: something else")
    with pytest.raises(IntegrityError, match="something else"):
        desk.queue.submit_analysis_task(expert, "AAPL", by=TRADER)
    change(desk.file, "DROP TRIGGER broken")
    assert desk.queue.submit_analysis_task(expert, "AAPL", by=TRADER).is_duplicate is False


def test_a_database_error_in_a_rerun_is_not_taken_for_a_duplicate_either(desk: Desk) -> None:
    failed, worker = desk.submit(desk.expert()), desk.worker()
    worker.fail(worker.claim(failed))
    break_inserts(desk.file, "analysis_attempt", "UNIQUE constraint failed: analysis_attempt.something")
    with pytest.raises(IntegrityError, match=r"analysis_attempt\.something"):
        desk.analyses.rerun(failed, by=TRADER)
    assert desk.row(failed).status is Status.FAILED


def test_there_are_no_results_without_their_job(desk: Desk) -> None:
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    claim = worker.claim(analysis_id)
    desk.analyses.delete(analysis_id, by=TRADER)
    worker.succeed(claim)
    for table in ("analysis_output", "analysis_step", "expert_recommendation", "analysis_attempt", "attempt_archive"):
        assert one(desk.file, f"SELECT COUNT(*) FROM {table}") == 0
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        change(desk.file, "INSERT INTO analysis_output VALUES (1, 4711, 1, NULL, 'note', 'n', 't', '2026-01-01')")


def test_there_are_no_duplicate_results(desk: Desk) -> None:
    analysis_id, worker, other = desk.submit(desk.expert()), desk.worker("one"), desk.worker("two")
    claim = worker.claim(analysis_id)
    desk.clock.advance(31)
    other.tick()
    other.succeed(other.leased[analysis_id])
    worker.succeed(claim)
    worker.succeed(claim)
    assert one(desk.file, "SELECT COUNT(*) FROM analysis_output") == 1
    assert one(desk.file, "SELECT COUNT(*) FROM expert_recommendation") == 1


@pytest.mark.parametrize("status", ["", None, "None", "unknown"])
def test_a_status_is_never_empty(desk: Desk, status: str | None) -> None:
    desk.submit(desk.expert())
    with pytest.raises(sqlite3.IntegrityError):
        change(desk.file, "UPDATE market_analysis SET status = ?", status)


def test_an_update_hits_the_row_it_was_meant_for_and_no_other(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=8), desk.worker()
    jobs = [desk.submit(expert, symbol) for symbol in ("AAPL", "MSFT", "INTC", "AMD")]
    worker.tick()
    everyone = "SELECT * FROM market_analysis WHERE id <> ? ORDER BY id"
    attempts = "SELECT * FROM analysis_attempt WHERE analysis_id <> ? ORDER BY id"

    def rest(analysis_id: int) -> object:
        return ask(desk.file, everyone, analysis_id), ask(desk.file, attempts, analysis_id)

    for analysis_id, verb in (
        (jobs[0], lambda: worker.succeed(worker.leased[jobs[0]])),
        (jobs[1], lambda: worker.fail(worker.leased[jobs[1]])),
        (jobs[1], lambda: desk.analyses.rerun(jobs[1], by=TRADER)),
        (jobs[2], lambda: desk.analyses.cancel(jobs[2], by=TRADER)),
        (jobs[3], lambda: desk.analyses.delete(jobs[3], by=TRADER)),
    ):  # fmt: skip
        desk.queue.pause(by=TRADER)
        before = rest(analysis_id)
        verb()
        assert rest(analysis_id) == before


def test_wishes_from_many_threads_all_end_in_the_database(tmp_path: Path) -> None:
    with console(tmp_path) as platform:
        expert = instance(platform, "Steady")
        platform.queue.pause(by=TRADER)
        symbols = ["AAPL", "AMD", "CERN", "COST", "GPS", "INTC", "MMM", "MSFT"] * 4
        with ThreadPoolExecutor(16) as pool:
            answers = list(
                pool.map(lambda symbol: platform.queue.submit_analysis_task(expert, symbol, by=TRADER), symbols)
            )
        assert sum(not answer.is_duplicate for answer in answers) == 8
        assert {answer.analysis_id for answer in answers} == {
            found for (found,) in ask(file_of(platform), "SELECT id FROM market_analysis")
        }


def test_a_lost_insert_is_not_counted_as_success(desk: Desk) -> None:
    expert = desk.expert()
    break_inserts(desk.file, "analysis_attempt", "disk surface damaged")
    before = dump(desk.file)
    told: list[object] = []
    subscription = desk.platform.store.feed.subscribe(told.append)
    with pytest.raises(IntegrityError):
        desk.queue.submit_analysis_task(expert, "AAPL", by=TRADER)
    with pytest.raises(IntegrityError):
        desk.queue.submit_batch([expert], ["MSFT", "INTC"], by=TRADER)
    subscription.close()
    assert dump(desk.file) == before
    assert told == []
