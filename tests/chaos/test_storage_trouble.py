"""Storage trouble, a lock or a full disk: wishes are refused with a sentence, results wait, and nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError, Verdict
from ba2_trade_platform.vocabulary import ErrorCode, Status
from tests.fakes.experts import Gate, Scripted, hold
from tests.locks import another_program_locking
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, drain, row, wait_until
from tests.scripted_console import console, impatient, instance, submit_to
from tests.sql import ask, change, dump, file_of, one

LOCKED = "the database is locked by another program"
FULL = "the disk is full"


@contextmanager
def a_full_disk(platform: Platform) -> Iterator[None]:
    """Let the file grow by no page for the length of a block, on every connection that is opened in it."""

    def fill(connection: Any, record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    engine = platform.store.engine
    event.listen(engine, "connect", fill)
    engine.dispose()
    try:
        yield
    finally:
        event.remove(engine, "connect", fill)
        engine.dispose()


def fill_last_page(platform: Platform) -> None:
    """Fill what is left of the activity log's last page."""
    for _ in range(100):
        platform.queue.pause(by=TRADER, reason="y" * 500)


TROUBLES = {
    LOCKED: lambda platform: another_program_locking(file_of(platform)),
    FULL: a_full_disk,
}


async def fails(context: AnalysisContext) -> Verdict:
    context.output("note", "Long", Random(1).randbytes(50_000).hex())  # the archive of it takes new pages
    raise ExpertError(ErrorCode.AUTH, "The key is wrong")


@pytest.mark.parametrize("trouble", TROUBLES, ids=["locked", "full"])
def test_every_wish_is_refused_with_a_sentence_and_no_row_changes(tmp_path: Path, trouble: str) -> None:
    with console(tmp_path, Scripted("Failing", fails)) as platform:
        failed = submit_to(platform, "Failing")
        drain(platform)
        platform.queue.pause(by=TRADER, reason="x" * 100)
        waiting, steady = submit_to(platform, "Steady"), instance(platform, "Steady")
        impatient(platform)
        with TROUBLES[trouble](platform):
            with pytest.raises(Unavailable, match=trouble):
                fill_last_page(platform)
            before = dump(file_of(platform))
            with pytest.raises(Unavailable) as refused:
                platform.analyses.rerun(failed, by=TRADER, reason="y" * 500)
            assert str(refused.value) == f"Error re-running analysis: {trouble}"
            assert (refused.value.http_status, refused.value.retry_after_seconds) == (503, 5)
            for wish in (
                lambda: platform.queue.submit_batch([steady], [f"S{number}" for number in range(500)], by=TRADER),
                lambda: platform.analyses.cancel(waiting, by=TRADER, reason="y" * 500),
                lambda: platform.analyses.delete(waiting, by=TRADER, reason="y" * 500),
                lambda: platform.queue.pause(by=TRADER, reason="y" * 500),
            ):
                with pytest.raises(Unavailable, match=trouble):
                    wish()
            assert row(platform, failed).status is Status.FAILED
            assert platform.monitoring.jobs.counts(row(platform, failed).created_at).pending == 1
        assert dump(file_of(platform)) == before
        assert platform.analyses.rerun(failed, by=TRADER).attempt == 2


@pytest.mark.parametrize("trouble", TROUBLES, ids=["locked", "full"])
def test_results_wait_in_memory_and_are_written_when_the_trouble_is_over(tmp_path: Path, trouble: str) -> None:
    gate = Gate()

    async def writes(context: AnalysisContext) -> Verdict:
        await context.step("Wait", gate.hold)
        context.output("note", "Large", "x" * 200_000)
        return hold(details="kept")

    with console(tmp_path, Scripted("Writing", writes)) as platform:
        impatient(platform)
        jobs = [submit_to(platform, "Writing", symbol) for symbol in ("AAPL", "MSFT", "INTC")]
        wait_until(platform, lambda: platform.worker.status.busy == 3, "starting")
        wait_until(platform, lambda: all(platform.monitoring.details.steps(job) for job in jobs), "the gate")
        with TROUBLES[trouble](platform):
            gate.open()
            wait_until(platform, lambda: platform.worker.status.storage_problem == trouble, "noticing the trouble")
            assert {row(platform, job).status for job in jobs} == {Status.RUNNING}
            assert one(file_of(platform), "SELECT COUNT(*) FROM analysis_output") == 0
        drain(platform)
        assert {row(platform, job).status for job in jobs} == {Status.COMPLETED}
        assert {row(platform, job).attempt for job in jobs} == {1}
        assert ask(file_of(platform), "SELECT market_analysis_id, COUNT(*) FROM analysis_output GROUP BY 1") == [
            (job, 1) for job in jobs
        ]
        wait_until(platform, lambda: platform.worker.status.storage_problem is None, "going on")


def test_another_programs_pending_row_is_picked_up_by_itself(tmp_path: Path) -> None:
    with console(tmp_path) as platform:
        earlier = submit_to(platform, "Steady", "MSFT")
        drain(platform)
        added = insert_like(file_of(platform), earlier, "AAPL")
        wait_until(platform, lambda: row(platform, added).status is Status.COMPLETED, "picking it up")
        assert [attempt.outcome for attempt in platform.monitoring.details.attempts(added)] == ["completed"]


def test_another_programs_change_is_told_to_who_watches(tmp_path: Path) -> None:
    with console(tmp_path) as platform:
        earlier = submit_to(platform, "Steady", "MSFT")
        drain(platform)
        told: list[Change] = []
        subscription = platform.store.feed.subscribe(told.append)
        wait_until(platform, lambda: platform.worker.status.busy == 0, "coming to rest")
        change(file_of(platform), "UPDATE market_analysis SET source = 'bulk' WHERE id = ?", earlier)
        wait_until(platform, lambda: any(heard.ids is None for heard in told), "telling of it")
        subscription.close()
        assert row(platform, earlier).source == "bulk"


def test_what_is_overdue_is_ended_while_the_queue_is_paused(tmp_path: Path) -> None:
    with console(tmp_path) as platform:
        platform.queue.pause(by=TRADER)
        soon = platform.store.clock.now() + timedelta(seconds=1)
        late = submit_to(platform, "Steady", run_before=soon)
        wait_until(platform, lambda: row(platform, late).status is Status.SKIPPED, "expiring")
        assert row(platform, late).error_code == "RUN_BEFORE"


def insert_like(file: Path, analysis_id: int, symbol: str) -> int:
    """Insert a pending analysis like a finished one, with its first attempt, as another program would."""
    columns = (
        "expert_instance_id, subtype, source, priority, created_at, updated_at, available_at, reruns_used, "
        "retries_used, rescues_used, config_id, version"
    )
    with closing(sqlite3.connect(file, timeout=EVENT_SECONDS)) as connection, connection:
        new_id = connection.execute(
            f"INSERT INTO market_analysis (symbol, status, attempt, progress, dedupe_key, {columns}) "
            f"SELECT ?, 'pending', 1, 0, 'from outside', {columns} FROM market_analysis WHERE id = ?",
            (symbol, analysis_id),
        ).lastrowid
        connection.execute(
            "INSERT INTO analysis_attempt (analysis_id, number, trigger, mode, base_attempt, actor_id, queued_at, "
            "config_id, currency) SELECT ?, 1, 'first', 'fresh', 1, actor_id, queued_at, config_id, currency "
            "FROM analysis_attempt WHERE analysis_id = ?",
            (new_id, analysis_id),
        )
    assert new_id is not None
    return new_id
