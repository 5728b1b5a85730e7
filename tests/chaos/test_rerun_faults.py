"""Crashes within a re-run: between any two statements they leave the old state or the new, never one between."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from ba2_trade_platform.core.worker.buffers import End
from ba2_trade_platform.vocabulary import Outcome, Status
from tests.fakes.experts import hold
from tests.platforms import TRADER
from tests.sql import dump
from tests.stepped import Desk, failure_of, make_desk, worked


class CrashError(Exception):
    """What a test raises where a process would die."""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


@contextmanager
def at_every_statement(engine: Engine, do: Callable[[str], None]) -> Iterator[None]:
    """Call `do` before every statement that this engine executes, and before every commit."""

    def statement(connection: Any, cursor: Any, text: str, *rest: Any) -> None:
        do(text)

    def commit(connection: Any) -> None:
        do("COMMIT")

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


def failed_analysis(desk: Desk) -> int:
    """Return an analysis that failed and left 15 outputs, a step, a state and a recommendation."""
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    claim = worker.claim(analysis_id)
    write_batch = worked(claim, desk.clock.now(), outputs=15)
    write_batch.provisional = hold()
    write_batch.end = End(Outcome.FAILED, desk.clock.advance(2), failure=failure_of(claim))
    worker.tick(write_batch)
    return analysis_id


def statements_of_a_rerun(folder: Path) -> list[str]:
    """Return what one undisturbed re-run executes."""
    desk, seen = make_desk(folder), list[str]()
    analysis_id = failed_analysis(desk)
    with at_every_statement(desk.store.engine, seen.append):
        desk.analyses.rerun(analysis_id, by=TRADER)
    desk.close()
    return seen


def test_a_fault_at_any_statement_leaves_the_old_state_byte_for_byte(desk: Desk, tmp_path: Path) -> None:
    analysis_id, told = failed_analysis(desk), []
    subscription = desk.platform.store.feed.subscribe(told.append)
    old, statements = dump(desk.file), statements_of_a_rerun(tmp_path / "other")
    assert statements[0] == "BEGIN IMMEDIATE"
    assert statements[-1] == "COMMIT"
    assert len(statements) > 12
    for fatal in range(len(statements)):
        seen: list[str] = []

        def crash(text: str, seen: list[str] = seen, fatal: int = fatal) -> None:
            seen.append(text)
            if len(seen) == fatal + 1:
                raise CrashError(text)

        with at_every_statement(desk.store.engine, crash), pytest.raises(CrashError):
            desk.analyses.rerun(analysis_id, by=TRADER)
        assert seen[-1] == statements[fatal]
        assert dump(desk.file) == old
    assert told == []
    subscription.close()
    accepted = desk.analyses.rerun(analysis_id, by=TRADER)
    assert (accepted.attempt, accepted.reruns_used) == (2, 1)
    assert dump(desk.file) != old


def test_a_process_that_dies_at_any_statement_leaves_the_old_file_and_after_the_commit_the_new(
    desk: Desk, tmp_path: Path
) -> None:
    analysis_id = failed_analysis(desk)
    old, files = dump(desk.file), list[Path]()

    def die(text: str) -> None:
        folder = tmp_path / f"died-{len(files)}"
        folder.mkdir()
        for part in tmp_path.glob(f"{desk.file.name}*"):
            shutil.copy(part, folder / part.name)
        files.append(folder / desk.file.name)

    with at_every_statement(desk.store.engine, die):
        desk.analyses.rerun(analysis_id, by=TRADER)
    die("after the commit")
    *during, afterwards = [dump(file) for file in files]
    assert len(during) > 12
    assert {state == old for state in during} == {True}
    assert afterwards == dump(desk.file) != old


def test_what_was_left_by_a_fault_runs_to_its_end(desk: Desk) -> None:
    analysis_id, worker = failed_analysis(desk), desk.worker()

    def crash(text: str) -> None:
        if text.startswith("INSERT INTO analysis_attempt"):
            raise CrashError(text)

    with at_every_statement(desk.store.engine, crash), pytest.raises(CrashError):
        desk.analyses.rerun(analysis_id, by=TRADER)
    desk.analyses.rerun(analysis_id, by=TRADER)
    worker.succeed(worker.claim(analysis_id))
    assert desk.row(analysis_id).status is Status.COMPLETED
    assert [attempt.number for attempt in desk.platform.monitoring.details.attempts(analysis_id)] == [2, 1]


def test_a_fault_at_any_statement_of_a_withdrawal_leaves_the_rerun_queued(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    desk.analyses.rerun(analysis_id, by=TRADER)
    old, fatal, done = dump(desk.file), 0, False
    while not done:
        seen: list[str] = []

        def crash(text: str, seen: list[str] = seen, fatal: int = fatal) -> None:
            seen.append(text)
            if len(seen) == fatal + 1:
                raise CrashError(text)

        with at_every_statement(desk.store.engine, crash):
            try:
                desk.analyses.withdraw(analysis_id, by=TRADER)
                done = True
            except CrashError:
                assert dump(desk.file) == old
        fatal += 1
    assert fatal > 30  # fifteen outputs came back one by one
    assert desk.row(analysis_id).status is Status.FAILED
    assert len(desk.platform.monitoring.details.outputs(analysis_id)) == 15
