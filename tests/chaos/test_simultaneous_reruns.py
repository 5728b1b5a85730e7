"""Simultaneous verbs: of a hundred clicks on one failed row one is accepted, and a claim and a withdrawal exclude."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.rerun import RerunAccepted
from ba2_trade_platform.core.base.errors import PlatformError, Refused
from ba2_trade_platform.vocabulary import Status
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, drain, make_platform, practice, row, running, submit
from tests.sql import ask, file_of, one

CLICKS = 100


def click_together(platform: Platform, analysis_id: int) -> list[RerunAccepted | PlatformError]:
    """Press the button from a hundred threads at one moment and return what each was told."""
    together = threading.Barrier(CLICKS)

    def click(_: int) -> RerunAccepted | PlatformError:
        together.wait(EVENT_SECONDS)
        try:
            return platform.analyses.rerun(analysis_id, by=TRADER)
        except PlatformError as error:
            return error

    with ThreadPoolExecutor(CLICKS) as pool:
        return list(pool.map(click, range(CLICKS)))


def test_one_of_a_hundred_threads_is_accepted_and_one_attempt_is_made(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    instance = practice(platform, fail_with="AUTH", fail_times=1)
    with running(platform):
        analysis_id = submit(platform, instance)
        drain(platform)
        platform.queue.pause(by=TRADER)
        answers = click_together(platform, analysis_id)
        accepted = [answer for answer in answers if isinstance(answer, RerunAccepted)]
        refused = [answer for answer in answers if isinstance(answer, Refused)]
        assert len(accepted) == 1
        assert len(refused) == CLICKS - 1
        assert {answer.code for answer in refused} == {"ALREADY_QUEUED"}
        assert all(
            str(answer).startswith("Already queued ") and str(answer).endswith(" s ago by trader") for answer in refused
        )
        assert one(file_of(platform), "SELECT COUNT(*) FROM analysis_attempt WHERE analysis_id = ?", analysis_id) == 2
        assert row(platform, analysis_id).reruns_used == 1
        platform.queue.resume(by=TRADER)
        drain(platform)
        assert (row(platform, analysis_id).status, row(platform, analysis_id).attempt) == (Status.COMPLETED, 2)


def test_while_the_worker_runs_the_others_are_told_where_the_row_stands(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    instance = practice(platform, fail_with="AUTH", fail_times=1)
    with running(platform):
        analysis_id = submit(platform, instance)
        drain(platform)
        answers = click_together(platform, analysis_id)
        drain(platform)
        assert sum(isinstance(answer, RerunAccepted) for answer in answers) == 1
        refused = [answer for answer in answers if isinstance(answer, Refused)]
        assert len(refused) == CLICKS - 1
        assert {answer.code for answer in refused} <= {"ALREADY_QUEUED", "NOT_FAILED"}
        assert [attempt.number for attempt in platform.monitoring.details.attempts(analysis_id)] == [2, 1]
        assert one(file_of(platform), "SELECT COUNT(*) FROM analysis_output WHERE attempt = 1") == 0


def test_a_rerun_is_either_claimed_or_withdrawn(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    instance = practice(platform, fail_with="AUTH", fail_times=-1, max_reruns=100)
    withdrawn, refused = 0, list[str | None]()
    with running(platform), ThreadPoolExecutor(1) as pool:
        analysis_id = submit(platform, instance)
        drain(platform)
        for turn in range(40):
            platform.queue.pause(by=TRADER)
            platform.analyses.rerun(analysis_id, by=TRADER)
            resumed = pool.submit(platform.queue.resume, by=TRADER)
            if turn % 2:  # the worker may begin: otherwise the withdrawal is nearly always the first
                resumed.result(EVENT_SECONDS)
            try:
                platform.analyses.withdraw(analysis_id, by=TRADER)
                withdrawn += 1
            except Refused as error:
                refused.append(error.code)
            resumed.result(EVENT_SECONDS)
            drain(platform)
            assert row(platform, analysis_id).status is Status.FAILED
    outcomes = dict(ask(file_of(platform), "SELECT outcome, COUNT(*) FROM analysis_attempt GROUP BY outcome"))
    assert outcomes.get("withdrawn", 0) == withdrawn
    assert outcomes["failed"] == 1 + len(refused)
    assert set(refused) <= {"NOT_WITHDRAWABLE"}
    assert row(platform, analysis_id).reruns_used == len(refused)
