"""Failure points of jobs and their readers: the other half of docs/failure-points.md, one test each."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ba2_trade_platform.core.analyses.batch_submissions import NewBatch
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.attempts.submissions import Submission
from ba2_trade_platform.core.base.actors import actor_id
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.requests import BatchRequest
from ba2_trade_platform.core.contracts.experts import AnalysisContext, InstrumentInfo, Verdict
from ba2_trade_platform.vocabulary import BatchKind, ErrorCode, Source, Status
from tests.fakes.experts import Gate, Scripted
from tests.platforms import TRADER, drain, row, wait_until
from tests.scripted_console import console, impatient, submit_to
from tests.sql import file_of
from tests.stepped import Desk, make_desk

BIG = ("state", "analysis_output.text", "details", "contents", "traceback", "analysis_raw_data.data", "result ")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


def statements(desk: Desk, work: Callable[[], object]) -> list[str]:
    """Return the SQL that `work` executes."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, text: str, *rest: Any) -> None:
        seen.append(text)

    event.listen(desk.store.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(desk.store.engine, "before_cursor_execute", note)
    return seen


def test_large_payloads_do_not_slow_the_lists_for_lists_never_read_them(desk: Desk) -> None:
    failed, worker = desk.submit(desk.expert()), desk.worker()
    worker.fail(worker.claim(failed))
    jobs, details = desk.platform.monitoring.jobs, desk.platform.monitoring.details

    def look() -> None:
        for sort in ("id", "created", "status", "confidence"):
            jobs.page(Filter(status=(Status.FAILED,), text="key"), sort=sort)
            jobs.page(sort=sort)
        jobs.counts(desk.clock.now())
        jobs.rows([failed])
        details.attempts(failed)
        details.steps(failed)

    seen = statements(desk, look)
    assert len(seen) > 15
    for text in seen:
        columns = text.partition("FROM")[0]
        assert not any(big in columns for big in BIG if big != "state"), text
        assert "market_analysis.state" not in text
        assert (
            "error_message" not in columns
            or "substr(" in columns
            or "analysis_attempt" in text
            or "analysis_step" in text
        )


def test_an_error_is_on_the_row_and_not_only_in_a_log_file(tmp_path: Path) -> None:
    async def divides(context: AnalysisContext) -> Verdict:
        return 1 / 0  # type: ignore[return-value]  # the bug to be seen

    with console(tmp_path, Scripted("Dividing", divides)) as platform:
        failed = submit_to(platform, "Dividing")
        drain(platform)
        found = row(platform, failed)
        assert (found.error_code, found.error_message) == ("BUG", "ZeroDivisionError: division by zero")
        assert found.failure_kind == "unknown"
        assert found.fingerprint
        trace = platform.monitoring.details.archive(failed, 1).traceback
        assert trace is not None
        assert Path(__file__).name in trace
        (attempt,) = platform.monitoring.details.attempts(failed)
        assert (attempt.error_code, attempt.error_message) == (found.error_code, found.error_message)


def test_every_end_has_its_start_and_end_times_on_the_row_and_on_the_attempt(desk: Desk) -> None:
    expert, worker = desk.expert(max_concurrent=8), desk.worker()
    jobs = [desk.submit(expert, symbol) for symbol in ("AAPL", "MSFT", "INTC", "AMD")]
    queued, started = desk.clock.now(), desk.clock.advance(5)
    worker.tick()
    ended = desk.clock.advance(2.5)
    worker.succeed(worker.leased[jobs[0]])
    worker.fail(worker.leased[jobs[1]])
    worker.skip(worker.leased[jobs[2]])
    desk.analyses.cancel(jobs[3], by=TRADER)
    for analysis_id in jobs:
        found, (attempt,) = desk.row(analysis_id), desk.platform.monitoring.details.attempts(analysis_id)
        assert (found.created_at, found.started_at, found.finished_at, found.duration_ms) == (
            queued,
            started,
            ended,
            2_500,
        )
        assert (attempt.queued_at, attempt.started_at, attempt.finished_at) == (queued, started, ended)


def test_a_status_is_written_from_whatever_thread_the_work_was_done_in(tmp_path: Path) -> None:
    threads = set()

    async def in_threads(context: AnalysisContext) -> Verdict:
        def work() -> int:
            threads.add(threading.current_thread().name)
            context.output("note", "From a thread", context.symbol)
            raise ValueError("broken in a thread")

        return await context.step("Work", work)  # type: ignore[return-value]  # it never returns

    with console(tmp_path, Scripted("Threaded", in_threads)) as platform:
        jobs = [submit_to(platform, "Threaded", symbol) for symbol in ("AAPL", "MSFT", "INTC", "AMD")]
        drain(platform)
        assert len(threads) == len(jobs)
        assert {(row(platform, job).status, row(platform, job).error_message) for job in jobs} == {
            (Status.FAILED, "ValueError: broken in a thread")
        }
        assert all(len(platform.monitoring.details.outputs(job)) == 1 for job in jobs)


def scheduled(desk: Desk, expert: int, symbol: str) -> int:
    """Queue a run of a schedule, as the scheduler does: in its own transaction."""
    with desk.store.write() as transaction:
        new = NewBatch(BatchKind.SCHEDULE_RUN, "Open", Source.SCHEDULE, actor_id(transaction.session, TRADER))
        return desk.queue.insert_batch(transaction, new, [Submission(expert, symbol, priority=60)]).batch_id


def watched(desk: Desk, symbol: str) -> int:
    """Make a watchlist of one symbol; return its id."""
    info = InstrumentInfo(symbol, symbol, exchange="NYSE", currency="USD", calendar="XNYS")
    return desk.platform.instruments.watchlists.add(f"Only {symbol}", [info])


def test_the_source_of_an_analysis_is_not_lost_on_its_way(desk: Desk) -> None:
    expert, worker = desk.expert(max_retries=1), desk.worker()
    batches, jobs = desk.platform.batches, desk.platform.monitoring.jobs
    made = {
        Source.WATCHLIST: batches.submit(BatchRequest((expert,), watchlist_id=watched(desk, "AAPL")), by=TRADER).id,
        Source.BULK: batches.submit(BatchRequest((expert,), ("MSFT",)), by=TRADER).id,
        Source.SCHEDULE: scheduled(desk, expert, "INTC"),
    }

    def found() -> dict[Source, tuple[int, ...]]:
        return {
            source: tuple(row.id for row in jobs.page(Filter(source=source, batch=batch)).items)
            for source, batch in made.items()
        }

    def all_fail(code: ErrorCode) -> None:
        desk.clock.advance(600)
        worker.tick()
        assert len(worker.leased) == 3
        for claim in list(worker.leased.values()):
            worker.fail(claim, code)

    first = found()
    assert [len(ids) for ids in first.values()] == [1, 1, 1]
    all_fail(ErrorCode.CONNECTION)  # is retried by itself
    all_fail(ErrorCode.AUTH)
    ids = [analysis_id for (analysis_id,) in first.values()]
    for analysis_id in ids:
        desk.analyses.rerun(analysis_id, by=TRADER)
    all_fail(ErrorCode.AUTH)
    chosen = Selection(ids=tuple(ids))
    preview = desk.platform.bulk_reruns.preview(chosen)
    desk.platform.bulk_reruns.create(chosen, reason="key", plan_hash=preview.plan_hash, by=TRADER)
    worker.tick()
    all_fail(ErrorCode.AUTH)
    assert found() == first
    assert {desk.row(analysis_id).attempt for analysis_id in ids} == {4}
    desk.analyses.rerun(ids[0], by=TRADER)
    worker.tick()
    worker.succeed(worker.leased[ids[0]])
    again = desk.row(desk.analyses.run_again(ids[0], by=TRADER).analysis_id)
    assert (again.source, again.batch_id) == (Source.MANUAL, None)  # a new one, made by hand
    assert found() == first


def test_a_locked_database_fails_no_analysis_and_is_no_experts_fault(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()

    async def waits(context: AnalysisContext) -> Verdict:
        await gate.hold()
        raise sqlite3.OperationalError("database is locked")

    async def steady(context: AnalysisContext) -> Verdict:
        await gate.hold()
        return Verdict(action="HOLD", confidence=50)  # type: ignore[arg-type]  # as a text

    with (
        console(tmp_path, Scripted("Patient", steady), Scripted("Own lock", waits)) as platform,
        caplog.at_level(logging.WARNING),
    ):
        job, own = submit_to(platform, "Patient"), submit_to(platform, "Own lock")
        gate.arrived()
        with sqlite3.connect(file_of(platform), isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            impatient(platform)
            gate.open()
            wait_until(platform, lambda: platform.worker.status.storage_problem is not None, "noticing the lock")
            with pytest.raises(Unavailable, match="the database is locked by another program"):
                platform.analyses.cancel(job, by=TRADER)
            other.execute("ROLLBACK")
        drain(platform)
        assert (row(platform, job).status, row(platform, job).attempt) == (Status.COMPLETED, 1)
        # An expert's own database is its own affair, and says so.
        assert (row(platform, own).error_code, row(platform, own).error_message) == (
            "BUG",
            "OperationalError: database is locked",
        )
        assert "The worker waits: the database is locked by another program" in caplog.text
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_watchlist_always_knows_its_last_analysis(desk: Desk) -> None:
    one, other = desk.expert(max_concurrent=8), desk.expert(alias="Another", max_concurrent=8, max_retries=1)
    lists, reader, worker = desk.platform.instruments.watchlists, desk.platform.instruments.rows, desk.worker()
    ids = [lists.create(name, by=TRADER).id for name in ("Mine", "Yours")]
    for watchlist_id in ids:
        lists.add_text(watchlist_id, "AAPL MSFT", by=TRADER)

    def last(symbol: str = "AAPL") -> tuple[int | None, str | None]:
        (found,) = {
            (item.last_analysis_id, item.last_status, item.last_analyzed_at, item.action)
            for item in (reader.items(watchlist_id, [symbol])[symbol] for watchlist_id in ids)
        }
        analysis_id, status, at, action = found
        if analysis_id is not None:
            kept = desk.row(analysis_id)
            assert (kept.symbol, kept.status, kept.updated_at, kept.action) == (symbol, status, at, action)
        return analysis_id, None if status is None else status.value

    assert last() == (None, None)
    first = desk.submit(one)
    assert (last(), last("MSFT")) == ((first, "pending"), (None, None))
    desk.clock.advance(1)
    claim = worker.claim(first)
    assert last() == (first, "running")
    worker.fail(claim)
    assert last() == (first, "failed")
    second = desk.submit(other)
    assert last() == (second, "pending")
    desk.analyses.rerun(first, by=TRADER)  # the older one changed last
    assert last() == (first, "pending")
    worker.succeed(worker.claim(first))
    assert last() == (first, "completed")
    worker.fail(worker.leased[second], ErrorCode.RATE_LIMIT, "429")  # and is to be retried by itself
    assert last() == (second, "pending")
    desk.clock.advance(600)
    worker.claim(second)
    assert last() == (second, "running")
    desk.clock.advance(31)
    rescuer = desk.worker("two")
    rescuer.tick()  # its worker's lease has ended
    assert last() == (second, desk.row(second).status.value)
    desk.analyses.cancel(second, by=TRADER)
    assert last() == (second, "cancelled")
    desk.analyses.delete(second, by=TRADER)
    assert last() == (first, "completed")
    late = lists.create("Late", by=TRADER).id
    lists.add_text(late, "AAPL", by=TRADER)
    assert reader.items(late, ["AAPL"])["AAPL"].last_analysis_id == first
    desk.analyses.delete(first, by=TRADER)
    assert last() == (None, None)
