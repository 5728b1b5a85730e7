"""Recovery: a dead worker's attempts are given back at boot or when their lease runs out, and never for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.worker.buffers import OutputRecord, StepRecord, WriteBatch
from ba2_trade_platform.vocabulary import ErrorCode, Status, StepStatus
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.sql import ask
from tests.stepped import MARKET_NOW, Desk, make_desk, worked


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    catalog = Catalog(Scripted(), Scripted("Once", safe_to_repeat=False), Scripted("Afresh", can_resume=False))
    made = make_desk(tmp_path, catalog)
    yield made
    made.close()


def test_at_boot_everything_that_was_running_is_rescued_at_once(desk: Desk) -> None:
    expert, dead = desk.expert(), desk.worker("dead")
    jobs = [desk.submit(expert, symbol) for symbol in ("AAPL", "MSFT", "INTC")]
    dead.tick()
    ticked = desk.worker("next").tick(boot=True)
    assert ticked.rescued == 3
    assert {(desk.row(job).attempt, desk.row(job).rescues_used) for job in jobs} == {(2, 1)}


def test_more_than_one_slice_at_boot_is_rescued_before_anything_runs(tmp_path: Path) -> None:
    desk = make_desk(tmp_path / "many", slots=256)
    expert = desk.expert(max_concurrent=256)
    for number in range(130):
        desk.submit(expert, f"S{number}")
    desk.worker("dead").tick()
    following = desk.worker("next")
    first, second = following.tick(boot=True), following.tick(boot=True)
    assert (first.rescued, first.more, len(first.claims)) == (100, True, 0)
    assert (second.rescued, second.more, len(second.claims)) == (30, False, 130)
    desk.close()


def test_a_lease_that_ran_out_is_rescued_and_one_that_holds_is_not(desk: Desk) -> None:
    expert, gone, alive = desk.expert(), desk.worker("gone"), desk.worker("alive")
    lost = desk.submit(expert, "AAPL")
    gone.claim(lost)
    desk.clock.advance(20)
    held = desk.submit(expert, "MSFT")
    alive.claim(held)
    desk.clock.advance(11)
    assert alive.tick().rescued == 1
    assert (desk.row(lost).attempt, desk.row(held).attempt) == (2, 1)


def test_the_interrupted_attempt_is_closed_and_archived_and_the_next_one_tells_why(desk: Desk) -> None:
    worker, analysis_id = desk.worker("dead"), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    worker.tick(worked(claim, desk.clock.now(), outputs=2))
    died = desk.clock.advance(40)
    desk.queue.pause(by=TRADER)
    desk.worker("next").tick()
    found, (second, first) = desk.row(analysis_id), desk.platform.monitoring.details.attempts(analysis_id)
    assert (found.status, found.current_step, found.started_at) == (Status.PENDING, None, None)
    assert (first.outcome, first.error_code, first.finished_at) == ("interrupted", "INTERRUPTED", died)
    assert (first.failure_kind, first.error_message) == ("transient", "The worker stopped before the analysis ended")
    assert (second.trigger, second.mode, second.base_attempt) == ("rescue", "resume", 1)
    assert (second.actor_kind, second.effective_as_of) == ("system", MARKET_NOW)
    left = desk.platform.monitoring.details.archive(analysis_id, 1)
    assert (len(left.outputs), len(left.steps), left.state) == (2, 1, {"attempt": 1})


def test_a_resumed_attempt_keeps_the_finished_steps_and_what_they_wrote_and_nothing_else(desk: Desk) -> None:
    worker, analysis_id = desk.worker("dead"), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    now = desk.clock.now()
    write_batch = worked(claim, now, outputs=2)
    write_batch.steps[2] = StepRecord(2, "Unfinished", StepStatus.RUNNING, "hash", now)
    write_batch.outputs += [
        OutputRecord(2, "note", "Half", "half", now),
        OutputRecord(None, "note", "Outside", "out", now),
    ]
    worker.tick(write_batch)
    desk.clock.advance(40)
    following = desk.worker("next")
    following.tick()
    resumed = following.leased[analysis_id]
    assert [(step.position, step.name, step.result) for step in resumed.recorded] == [(1, "Look", {"seen": "AAPL"})]
    assert resumed.state == {"attempt": 1}
    (step,) = desk.platform.monitoring.details.steps(analysis_id)
    assert (step.attempt, step.reused_from_attempt, step.tokens, step.cost) == (2, 1, 0, 0)
    assert [(output.name, output.attempt) for output in desk.platform.monitoring.details.outputs(analysis_id)] == [
        ("Note 0", 2), ("Note 1", 2),
    ]  # fmt: skip


def test_an_expert_that_cannot_resume_begins_afresh_at_the_same_as_of(desk: Desk) -> None:
    worker, analysis_id = desk.worker("dead"), desk.submit(desk.expert("Afresh"))
    worker.tick()
    worker.tick(worked(worker.leased[analysis_id], desk.clock.now(), outputs=2))
    desk.clock.advance(40)
    following = desk.worker("next")
    following.tick()
    begun = following.leased[analysis_id]
    assert (begun.mode, begun.recorded, begun.state, begun.as_of) == ("fresh", (), None, MARKET_NOW)
    assert desk.platform.monitoring.details.outputs(analysis_id) == []
    assert desk.platform.monitoring.details.steps(analysis_id) == []
    assert desk.platform.monitoring.details.attempts(analysis_id)[0].base_attempt == 2
    assert len(desk.platform.monitoring.details.archive(analysis_id, 1).outputs) == 2


def test_when_the_rescues_are_used_up_it_fails_as_interrupted(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, max_rescues=2)
    analysis_id = desk.submit(desk.expert())
    for _ in range(3):
        desk.worker("dies").tick()
        desk.clock.advance(40)
    desk.worker("last").tick()
    found = desk.row(analysis_id)
    assert (found.status, found.error_code, found.rescues_used) == (Status.FAILED, "INTERRUPTED", 2)
    assert found.error_message == "The worker stopped 3 times while it ran"
    assert [attempt.outcome for attempt in desk.platform.monitoring.details.attempts(analysis_id)] == [
        "failed",
        "interrupted",
        "interrupted",
    ]
    assert desk.analyses.rerun(analysis_id, by=TRADER).attempt == 4
    assert desk.row(analysis_id).rescues_used == 0


def test_an_expert_that_is_not_safe_to_repeat_is_not_rescued_and_its_steps_do_not_stay_running(desk: Desk) -> None:
    worker, analysis_id = desk.worker("dead"), desk.submit(desk.expert("Once"))
    claim = worker.claim(analysis_id)
    worker.tick(WriteBatch(claim, steps={1: StepRecord(1, "Order", StepStatus.RUNNING, "hash", desk.clock.now())}))
    desk.worker("next").tick(boot=True)
    found = desk.row(analysis_id)
    assert (found.status, found.error_code, found.rescues_used) == (Status.FAILED, "INTERRUPTED", 0)
    assert found.error_message == "The worker stopped while it ran, and this expert is not safe to repeat by itself"
    assert [step.status for step in desk.platform.monitoring.details.steps(analysis_id)] == ["failed"]


def test_after_its_second_rescue_an_analysis_runs_alone(desk: Desk) -> None:
    expert = desk.expert(max_concurrent=8)
    killer = desk.submit(expert, "AAPL")
    for _ in range(2):
        desk.worker("dies").tick()
        desk.clock.advance(40)
    others = [desk.submit(expert, symbol) for symbol in ("MSFT", "INTC")]
    worker = desk.worker("careful")
    worker.tick()
    assert set(worker.leased) == {killer}
    assert worker.leased[killer].alone
    worker.tick()
    assert set(worker.leased) == {killer}
    worker.succeed(worker.leased[killer])
    assert set(worker.leased) == set(others)


def test_one_that_must_run_alone_waits_until_nothing_else_runs(desk: Desk) -> None:
    expert = desk.expert(max_concurrent=8)
    killer = desk.submit(expert, "AAPL", priority=5)
    for _ in range(2):
        desk.worker("dies").tick()
        desk.clock.advance(40)
    urgent, later = desk.submit(expert, "MSFT"), desk.submit(expert, "INTC", priority=9)
    worker = desk.worker("careful")
    for _ in range(2):
        worker.tick()
        assert set(worker.leased) == {urgent}
    worker.succeed(worker.leased[urgent])
    assert set(worker.leased) == {killer}
    worker.succeed(worker.leased[killer])
    assert set(worker.leased) == {later}


def test_a_clean_stop_hands_back_what_runs_and_it_counts_against_nothing(desk: Desk) -> None:
    worker, analysis_id = desk.worker("leaving"), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    worker.tick(worked(claim, desk.clock.now()), releasing=True)
    found, (second, first) = desk.row(analysis_id), desk.platform.monitoring.details.attempts(analysis_id)
    assert (found.status, found.rescues_used, found.retries_used, found.reruns_used) == (Status.PENDING, 0, 0, 0)
    assert (first.outcome, first.error_code) == ("released", None)
    assert (second.trigger, second.mode, second.base_attempt) == ("release", "resume", 1)
    assert ask(desk.file, "SELECT lease_token, lease_until, worker_id FROM market_analysis") == [(None, None, None)]


def test_another_workers_jobs_are_not_released(desk: Desk) -> None:
    expert, stays, leaves = desk.expert(), desk.worker("stays"), desk.worker("leaves")
    first = desk.submit(expert, "AAPL")
    stays.claim(first)
    second = desk.submit(expert, "MSFT")
    leaves.claim(second)
    leaves.tick(releasing=True)
    assert (desk.row(first).status, desk.row(second).status) == (Status.RUNNING, Status.PENDING)


def test_what_was_to_run_before_a_time_that_has_passed_is_skipped_with_code_and_reason(desk: Desk) -> None:
    expert = desk.expert(max_concurrent=1)
    in_time = desk.submit(expert, "AAPL")
    late = [desk.submit(expert, f"S{number}", run_before=desk.clock.now().replace(hour=10)) for number in range(120)]
    desk.clock.advance(7_200)
    worker = desk.worker()
    ticked = worker.tick()
    assert ticked.more
    assert set(worker.leased) == {in_time}
    worker.tick()
    rows = [desk.row(job) for job in late]
    assert {(found.status, found.error_code) for found in rows} == {(Status.SKIPPED, ErrorCode.RUN_BEFORE)}
    assert rows[0].error_message == "It was to run before a time that has passed"
    assert desk.platform.monitoring.details.attempts(late[0])[0].outcome == "skipped"


def test_what_is_over_is_never_claimed_however_many_there_are(desk: Desk) -> None:
    expert = desk.expert(max_concurrent=8)
    for number in range(110):
        desk.submit(expert, f"S{number}", run_before=desk.clock.now().replace(hour=10))
    desk.clock.advance(7_200)
    worker = desk.worker()
    worker.tick()
    assert worker.leased == {}
