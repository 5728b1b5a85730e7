"""Background jobs: called, never twice at once, and a new start begins with the same jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.errors import Unavailable
from tests.patience import EVENT_SECONDS

SOON = 0.02


@pytest.fixture
def jobs() -> Iterator[BackgroundJobs]:
    made = BackgroundJobs()
    yield made
    made.stop()


def counted(times: int) -> tuple[Callable[[], None], threading.Event]:
    """Return a job, and what is set once it was called so often."""
    enough, calls = threading.Event(), []

    def work() -> None:
        calls.append(1)
        if len(calls) >= times:
            enough.set()

    return work, enough


def test_a_job_is_called_again_and_again(jobs: BackgroundJobs) -> None:
    work, enough = counted(3)
    jobs.every(SOON, "look", work)
    jobs.start()
    assert enough.wait(EVENT_SECONDS)


def test_a_job_that_is_asked_for_later_is_called_too(jobs: BackgroundJobs) -> None:
    jobs.start()
    work, enough = counted(1)
    jobs.every(600, "look", work, first_seconds=0)
    assert enough.wait(EVENT_SECONDS)


def test_a_job_that_raises_is_called_again_at_its_next_time(
    jobs: BackgroundJobs, caplog: pytest.LogCaptureFixture
) -> None:
    work, enough = counted(2)

    def broken() -> None:
        work()
        raise RuntimeError("it broke")

    jobs.every(SOON, "look", broken)
    jobs.start()
    assert enough.wait(EVENT_SECONDS)
    jobs.stop()
    assert "it broke" in caplog.text


def test_a_job_that_the_database_cannot_serve_is_a_warning_and_no_error(
    jobs: BackgroundJobs, caplog: pytest.LogCaptureFixture
) -> None:
    work, enough = counted(2)

    def unserved() -> None:
        work()
        raise Unavailable("the disk is full")

    jobs.every(SOON, "look", unserved)
    jobs.start()
    assert enough.wait(EVENT_SECONDS)
    assert "The job look waits: the disk is full" in caplog.text
    assert not [record for record in caplog.records if record.exc_info and isinstance(record.exc_info[1], Unavailable)]


def test_one_job_is_never_at_work_twice(jobs: BackgroundJobs) -> None:
    at_work, most, go_on = [], [], threading.Event()
    other, several = counted(5)

    def slow() -> None:
        at_work.append(1)
        most.append(len(at_work))
        go_on.wait(EVENT_SECONDS)
        at_work.pop()

    jobs.every(SOON, "slow", slow)
    jobs.every(SOON, "other", other)
    jobs.start()
    assert several.wait(EVENT_SECONDS)
    go_on.set()
    jobs.stop()
    assert max(most) == 1


def test_a_later_wish_under_the_same_name_replaces_the_earlier(jobs: BackgroundJobs) -> None:
    jobs.start()
    first, too_late = counted(1)
    second, enough = counted(1)
    now = datetime.now(UTC)
    jobs.run_at(now + timedelta(hours=1), "wake", first)
    jobs.run_at(now, "wake", second)
    assert enough.wait(EVENT_SECONDS)
    assert not too_late.is_set()


def test_what_is_forgotten_is_not_called(jobs: BackgroundJobs) -> None:
    jobs.start()
    work, called = counted(1)
    other, enough = counted(1)
    jobs.run_at(datetime.now(UTC) + timedelta(seconds=0.3), "wake", work)
    jobs.forget("wake")
    jobs.forget("never asked for")
    jobs.run_at(datetime.now(UTC) + timedelta(seconds=0.6), "after", other)
    assert enough.wait(EVENT_SECONDS)
    assert not called.is_set()


def test_a_new_start_begins_with_the_same_jobs(jobs: BackgroundJobs) -> None:
    work, enough = counted(1)
    jobs.every(600, "look", work, first_seconds=0.2)
    assert not jobs.alive
    jobs.start()
    jobs.stop()
    assert not jobs.alive
    jobs.start()
    assert jobs.alive
    assert enough.wait(EVENT_SECONDS)


def test_a_new_start_still_calls_what_was_asked_for_once_and_no_more_than_once(jobs: BackgroundJobs) -> None:
    work, enough = counted(1)
    twice, called_twice = counted(2)
    jobs.start()
    jobs.run_at(datetime.now(UTC) + timedelta(seconds=0.3), "wake", work)
    once, done = counted(1)

    def now() -> None:
        twice()
        once()

    jobs.run_at(datetime.now(UTC), "now", now)
    assert done.wait(EVENT_SECONDS)
    jobs.start()
    assert enough.wait(EVENT_SECONDS)
    assert not called_twice.is_set()


def test_what_was_asked_for_once_before_the_start_is_called_after_it(jobs: BackgroundJobs) -> None:
    work, enough = counted(1)
    jobs.run_at(datetime.now(UTC), "wake", work)
    jobs.start()
    assert enough.wait(EVENT_SECONDS)


def test_a_job_that_is_still_at_work_is_not_begun_again_by_a_new_start(jobs: BackgroundJobs) -> None:
    began, go_on, calls = threading.Event(), threading.Event(), []

    def slow() -> None:
        calls.append(1)
        began.set()
        go_on.wait(EVENT_SECONDS)

    jobs.every(SOON, "slow", slow, first_seconds=0)
    jobs.start()
    assert began.wait(EVENT_SECONDS)
    other, several = counted(5)
    jobs.every(SOON, "other", other)
    jobs.start()
    assert several.wait(EVENT_SECONDS)
    jobs.forget("slow")
    go_on.set()
    assert len(calls) == 1


def test_jobs_that_wait_for_the_outside_world_hold_up_no_other(jobs: BackgroundJobs) -> None:
    go_on = threading.Event()

    def slow() -> None:
        go_on.wait(EVENT_SECONDS)

    for number in range(8):
        jobs.every(600, f"slow {number}", slow, first_seconds=0)
    jobs.start()
    work, called = counted(1)
    jobs.run_at(datetime.now(UTC) + timedelta(seconds=0.1), "schedules", work)
    in_time = called.wait(EVENT_SECONDS)
    go_on.set()
    assert in_time


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_stop_while_jobs_come_due_ends_the_thread_without_an_error(jobs: BackgroundJobs) -> None:
    for _ in range(100):
        work, called = counted(1)
        now = datetime.now(UTC)
        jobs.run_at(now, "first", work)
        for number in range(20):
            jobs.run_at(now, f"due {number}", work)
        jobs.start()
        assert called.wait(EVENT_SECONDS)
        jobs.stop()
