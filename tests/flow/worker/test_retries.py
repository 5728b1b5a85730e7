"""Retries: transient failures come back by themselves, in time, and never more often than allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.analyses.waiting_retries import WaitingRetries
from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.base.errors import NotFound, Refused
from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.worker.buffers import End
from ba2_trade_platform.core.worker.completions import back_off
from ba2_trade_platform.vocabulary import ErrorCode, Outcome, Status
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER, drain, make_platform, practice, row, running, submit
from tests.sql import ask, change, one
from tests.stepped import Desk, SteppedWorker, failure_of, make_desk, worked

SLOW = ErrorCode.RATE_LIMIT


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    catalog = Catalog(
        Scripted(asks=("openai", "other")),
        Scripted("Once only", safe_to_repeat=False),
        Scripted("Forgets", can_resume=False),
    )
    made = make_desk(tmp_path, catalog)
    yield made
    made.close()


def expert(desk: Desk, name: str = "Scripted", **limits: Any) -> int:
    return desk.expert(name, **{"max_retries": 2, "retry_base_seconds": 8, "retry_cap_seconds": 60, **limits})


def fail(desk: Desk, worker: SteppedWorker, claim: Claim, code: ErrorCode = SLOW, **more: Any) -> None:
    now = desk.clock.now()
    why = replace(failure_of(claim, code, "Slow down"), **more)
    worker.tick(worked(claim, now, End(Outcome.FAILED, now, failure=why)))


def when_due(desk: Desk, analysis_id: int) -> datetime:
    """Move the clock to the instant at which the analysis may run."""
    due: datetime = desk.row(analysis_id).available_at
    desk.clock.advance(max(0.0, (due - desk.clock.now()).total_seconds()))
    return due


def test_a_transient_failure_waits_for_its_retry_and_says_so(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id))
    found = desk.row(analysis_id)
    assert (found.status, found.attempt, found.retries_used, found.max_retries) == (Status.PENDING, 2, 1, 2)
    assert (found.error_code, found.error_message, found.retry_provider) == ("RATE_LIMIT", "Slow down", "openai")
    assert found.retrying
    assert found.offers(Event.RUN_NOW)
    assert found.offers(Event.STOP_RETRYING)
    assert not found.offers(Event.RERUN)
    assert desk.clock.now() <= found.available_at <= desk.clock.now() + timedelta(seconds=8)
    second, first = desk.platform.monitoring.details.attempts(analysis_id)
    assert (first.outcome, first.error_code) == ("failed", "RATE_LIMIT")
    assert (second.trigger, second.mode, second.reason, second.actor) == (
        "retry", "resume", "retry 1/2 after RATE_LIMIT", "console",
    )  # fmt: skip
    assert second.effective_as_of == first.effective_as_of


def test_nothing_claims_it_before_its_time_and_then_it_goes_on_with_its_completed_steps(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id), retry_after=30.0)
    desk.clock.advance(29)
    assert worker.tick().claims == []
    when_due(desk, analysis_id)
    claim = worker.claim(analysis_id)
    assert [step.name for step in claim.recorded] == ["Look"]
    assert claim.state == {"attempt": 1}
    assert desk.row(analysis_id).error_code is None
    worker.succeed(claim)
    assert desk.row(analysis_id).status is Status.COMPLETED
    assert one(desk.file, "SELECT COUNT(*) FROM attempt_archive WHERE contents IS NOT NULL") == 1


def test_an_expert_that_cannot_resume_begins_its_retry_afresh(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk, "Forgets")), desk.worker()
    fail(desk, worker, worker.claim(analysis_id))
    details = desk.platform.monitoring.details
    assert details.attempts(analysis_id)[0].mode == "fresh"
    assert (details.outputs(analysis_id), details.state(analysis_id)) == ([], None)
    assert len(details.archive(analysis_id, 1).outputs) == 1


def test_after_the_last_retry_it_stands_failed_and_a_rerun_gives_a_fresh_budget(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    for attempt in (1, 2, 3):
        when_due(desk, analysis_id)
        claim = worker.claim(analysis_id)
        assert claim.attempt == attempt
        fail(desk, worker, claim)
    assert (desk.row(analysis_id).status, desk.row(analysis_id).retries_used) == (Status.FAILED, 2)
    desk.analyses.rerun(analysis_id, by=TRADER)
    fail(desk, worker, worker.claim(analysis_id))
    found = desk.row(analysis_id)
    assert (found.status, found.retries_used, found.reruns_used) == (Status.PENDING, 1, 1)


@pytest.mark.parametrize("code", [ErrorCode.AUTH, ErrorCode.DATA_MISSING, ErrorCode.BUG, ErrorCode.OUTPUT_INVALID])
def test_what_is_not_transient_is_not_retried(desk: Desk, code: ErrorCode) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id), code)
    assert desk.row(analysis_id).status is Status.FAILED


def test_an_expert_that_is_not_safe_to_repeat_is_not_retried(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk, "Once only")), desk.worker()
    fail(desk, worker, worker.claim(analysis_id))
    assert desk.row(analysis_id).status is Status.FAILED


@pytest.mark.parametrize(
    ("code", "kind", "status"), [(SLOW, "permanent", Status.FAILED), (ErrorCode.BUG, "transient", Status.PENDING)]
)
def test_what_a_person_says_of_a_fingerprint_counts_more_than_its_code(
    desk: Desk, code: ErrorCode, kind: str, status: Status
) -> None:
    instance, worker = expert(desk), desk.worker()
    fail(desk, worker, worker.claim(desk.submit(instance, "MSFT")), code)
    change(desk.file, f"UPDATE failure_group SET kind = '{kind}'")
    analysis_id = desk.submit(instance, "AAPL")
    fail(desk, worker, worker.claim(analysis_id), code)
    assert desk.row(analysis_id).status is status


def test_a_retry_that_would_come_after_run_before_is_not_begun(desk: Desk) -> None:
    instance, worker = expert(desk), desk.worker()
    soon, later = (
        desk.submit(instance, symbol, run_before=desk.clock.now() + timedelta(seconds=seconds))
        for symbol, seconds in (("AAPL", 30), ("MSFT", 300))
    )
    worker.tick()
    for analysis_id in (soon, later):
        fail(desk, worker, worker.leased[analysis_id], retry_after=60.0)
    assert [desk.row(found).status for found in (soon, later)] == [Status.FAILED, Status.PENDING]
    assert desk.row(soon).error_code == "RATE_LIMIT"


def test_a_provider_that_asks_for_a_thousand_years_is_not_waited_for(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id), retry_after=1e15)
    assert desk.row(analysis_id).status is Status.FAILED


def test_a_stale_worker_schedules_no_retry(desk: Desk) -> None:
    analysis_id, stale = desk.submit(expert(desk)), desk.worker("stale")
    claim = stale.claim(analysis_id)
    desk.clock.advance(60)
    desk.worker("other").tick(boot=True)
    before = ask(desk.file, "SELECT * FROM market_analysis"), ask(desk.file, "SELECT * FROM analysis_attempt")
    fail(desk, stale, claim)
    assert (ask(desk.file, "SELECT * FROM market_analysis"), ask(desk.file, "SELECT * FROM analysis_attempt")) == before


def test_run_now_does_not_wait(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id), retry_after=600.0)
    done = retrying(desk).run_now(analysis_id, by=TRADER, reason="it is back")
    assert done.sentence == f"Analysis {analysis_id} runs now (retry 1/2)"
    assert worker.claim(analysis_id).attempt == 2


def test_stop_retrying_leaves_it_failed_as_its_last_attempt_was(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id))
    retrying(desk).stop(analysis_id, by=TRADER)
    found = desk.row(analysis_id)
    assert (found.status, found.error_code, found.error_message) == (Status.FAILED, "RATE_LIMIT", "Slow down")
    assert found.finished_at == desk.clock.now()
    attempts = desk.platform.monitoring.details.attempts(analysis_id)
    assert [attempt.outcome for attempt in attempts] == ["failed", "failed"]
    assert attempts[0].started_at is None
    desk.clock.advance(1000)
    assert worker.tick().claims == []
    assert desk.analyses.rerun(analysis_id, by=TRADER).attempt == 3


@pytest.mark.parametrize("verb", ["run_now", "stop"])
def test_only_what_waits_for_its_retry_knows_these_verbs(desk: Desk, verb: str) -> None:
    analysis_id = desk.submit(expert(desk))
    with pytest.raises(Refused, match=f"analysis {analysis_id} is pending") as refused:
        getattr(retrying(desk), verb)(analysis_id, by=TRADER)
    assert (refused.value.code, refused.value.http_status) == ("NOT_RETRYING", 409)
    with pytest.raises(NotFound):
        getattr(retrying(desk), verb)(4711, by=TRADER)


def test_a_waiting_retry_can_be_cancelled(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id))
    desk.analyses.cancel(analysis_id, by=TRADER)
    assert desk.row(analysis_id).status is Status.CANCELLED
    desk.clock.advance(1000)
    assert worker.tick().claims == []


def test_a_batch_waits_for_the_retries_of_its_items(desk: Desk) -> None:
    worker = desk.worker()
    batch = desk.queue.submit_batch([expert(desk)], ["AAPL", "MSFT"], by=TRADER)
    aapl, msft = (int(item.analysis_id or 0) for item in batch.items)
    worker.tick()
    fail(desk, worker, worker.leased[aapl])
    worker.succeed(worker.leased[msft])
    assert ask(desk.file, "SELECT outcome FROM batch_item ORDER BY id") == [("queued",), ("succeeded",)]
    when_due(desk, aapl)
    worker.succeed(worker.claim(aapl))
    assert ask(desk.file, "SELECT outcome FROM batch_item ORDER BY id") == [("succeeded",), ("succeeded",)]
    assert one(desk.file, "SELECT state FROM batch") == "completed"


def test_the_next_attempts_say_which_failure_they_answer(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id))
    failed_at = desk.clock.now()
    when_due(desk, analysis_id)
    worker.claim(analysis_id)
    worker.tick(releasing=True)
    answers = ask(
        desk.file, "SELECT trigger, after_code, after_fingerprint IS NOT NULL FROM analysis_attempt ORDER BY number"
    )
    assert answers == [("first", None, 0), ("retry", "RATE_LIMIT", 1), ("release", "RATE_LIMIT", 1)]
    assert desk.platform.monitoring.details.attempts(analysis_id)[2].finished_at == failed_at


def test_a_clock_that_jumps_back_or_ahead_neither_loses_nor_doubles_a_retry(desk: Desk) -> None:
    analysis_id, worker = desk.submit(expert(desk)), desk.worker()
    fail(desk, worker, worker.claim(analysis_id))
    desk.clock.advance(-3600)  # set back by hand, or by DST on a machine that keeps local time
    assert worker.tick().claims == []
    desk.clock.advance(3600 * 12)  # a laptop that slept over night
    assert [claim.attempt for claim in worker.tick().claims] == [2]
    assert worker.tick().claims == []
    assert one(desk.file, "SELECT COUNT(*) FROM analysis_attempt") == 2


@given(
    used=st.integers(0, 60),
    base=st.floats(0, 86_400),
    cap=st.floats(0, 86_400),
    asked=st.none() | st.floats(0, 1e6),
)
def test_the_back_off_stays_in_its_bounds(used: int, base: float, cap: float, asked: float | None) -> None:
    seconds = back_off(used, base, cap, asked)
    if asked is None:
        assert 0 <= seconds <= min(cap, base * 2**used)
    else:
        assert asked <= seconds <= (asked + base) * (1 + 1e-9)


def test_the_jitter_is_full(desk: Desk) -> None:
    waits = [back_off(3, 10, 1000) for _ in range(400)]
    assert min(waits) < 8
    assert max(waits) > 72


def test_a_real_console_recovers_by_itself(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    flaky = practice(platform, fail_with="CONNECTION", fail_times=2, max_retries=2, retry_base_seconds=0.05)
    with running(platform):
        analysis_id = submit(platform, flaky)
        drain(platform)
        found, attempts = row(platform, analysis_id), platform.monitoring.details.attempts(analysis_id)
    assert (found.status, found.attempt, found.retries_used, found.reruns_used) == (Status.COMPLETED, 3, 2, 0)
    assert [(attempt.trigger, attempt.outcome) for attempt in attempts] == [
        ("retry", "completed"), ("retry", "failed"), ("first", "failed"),
    ]  # fmt: skip


def retrying(desk: Desk) -> WaitingRetries:
    """Return the verbs of what waits for its retry."""

    return desk.platform.waiting_retries
