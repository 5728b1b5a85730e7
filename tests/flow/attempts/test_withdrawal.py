"""Withdrawal: a re-run that no worker has claimed is undone without a trace on the analysis; a claimed one is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions
from ba2_trade_platform.core.base.errors import NotFound, Refused, TooMany
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.worker.buffers import End
from ba2_trade_platform.vocabulary import ErrorCode, Mode, Outcome, Status
from tests.fakes.experts import Catalog, Scripted, hold
from tests.platforms import TRADER
from tests.sql import ask, change, one
from tests.stepped import Desk, failure_of, make_desk, worked

LEFT = (
    "SELECT * FROM analysis_output ORDER BY id",
    "SELECT * FROM analysis_raw_data ORDER BY output_id",
    "SELECT * FROM analysis_step ORDER BY id",
    "SELECT * FROM analysis_step_result ORDER BY step_id",
    "SELECT * FROM expert_recommendation ORDER BY id",
)
PASSING = ("updated_at", "version")  # of the analysis: what changes whenever anything does


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(can_resume=True), Scripted("Other")))
    yield made
    made.close()


def failed(desk: Desk, **limits: Any) -> int:
    """Return an analysis that failed after a retry and left 15 outputs, a step, a state and a recommendation."""
    analysis_id, worker = desk.submit(desk.expert(max_retries=1, **limits)), desk.worker()
    worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT)
    desk.clock.advance(3_600)
    claim = worker.claim(analysis_id)
    write_batch = worked(claim, desk.clock.now(), outputs=15)
    write_batch.provisional = hold()
    write_batch.end = End(Outcome.FAILED, desk.clock.advance(2), failure=failure_of(claim))
    worker.tick(write_batch)
    assert desk.row(analysis_id).status is Status.FAILED
    return analysis_id


def standing(desk: Desk) -> list[Any]:
    """Return all that an analysis is and has, but for what changes whenever anything does."""
    columns = [name for (_, name, *_) in ask(desk.file, "PRAGMA table_info(market_analysis)") if name not in PASSING]
    return [ask(desk.file, f"SELECT {', '.join(columns)} FROM market_analysis")] + [ask(desk.file, sql) for sql in LEFT]


@pytest.mark.parametrize("mode", [Mode.FRESH, Mode.RESUME])
def test_a_withdrawn_rerun_leaves_the_analysis_as_it_was(desk: Desk, mode: Mode) -> None:
    analysis_id = failed(desk)
    before = standing(desk)
    desk.clock.advance(60)
    desk.analyses.rerun(analysis_id, by=TRADER, options=RerunOptions(mode=mode))
    assert standing(desk) != before
    desk.clock.advance(5)
    withdrawn = desk.analyses.withdraw(analysis_id, by=TRADER, reason="the wrong row")
    assert standing(desk) == before
    assert withdrawn.sentence == (
        f"Re-run of analysis {analysis_id} withdrawn: it stands failed as it was after attempt 2 (re-run 0/3)"
    )
    attempts = desk.platform.monitoring.details.attempts(analysis_id)
    assert [(each.number, each.outcome) for each in attempts] == [
        (3, Outcome.WITHDRAWN), (2, Outcome.FAILED), (1, Outcome.FAILED),
    ]  # fmt: skip
    (line,) = ask(desk.file, "SELECT attempt, before, after, reason FROM activity_log WHERE what = 'withdraw'")
    assert line == (3, "pending", "failed", "the wrong row")


def test_the_next_rerun_has_a_number_of_its_own_and_answers_the_same_failure(desk: Desk) -> None:
    analysis_id, worker = failed(desk), desk.worker()
    left = len(desk.platform.monitoring.details.outputs(analysis_id))
    desk.analyses.rerun(analysis_id, by=TRADER)
    desk.analyses.withdraw(analysis_id, by=TRADER)
    again = desk.analyses.rerun(analysis_id, by=TRADER)
    assert (again.attempt, again.reruns_used) == (4, 1)
    worker.succeed(worker.claim(analysis_id))
    assert desk.row(analysis_id).status is Status.COMPLETED
    fourth = desk.platform.monitoring.details.attempts(analysis_id)[0]
    assert (fourth.number, fourth.outcome) == (4, Outcome.COMPLETED)
    answered = "SELECT after_code, after_fingerprint FROM analysis_attempt WHERE number = 4"
    assert ask(desk.file, answered) == ask(
        desk.file, "SELECT error_code, fingerprint FROM analysis_attempt WHERE number = 2"
    )
    assert len(desk.platform.monitoring.details.archive(analysis_id, 2).outputs) == left


def test_it_may_be_withdrawn_as_often_as_it_is_rerun(desk: Desk) -> None:
    analysis_id = failed(desk, max_reruns=1)
    for _ in range(3):
        desk.analyses.rerun(analysis_id, by=TRADER)
        desk.analyses.withdraw(analysis_id, by=TRADER)
    desk.analyses.rerun(analysis_id, by=TRADER)
    worker = desk.worker()
    worker.fail(worker.claim(analysis_id))
    with pytest.raises(TooMany):
        desk.analyses.rerun(analysis_id, by=TRADER)


def test_what_is_no_unclaimed_rerun_is_refused_and_unchanged(desk: Desk) -> None:
    instance, worker = desk.expert("Other"), desk.worker()
    first = desk.submit(instance, "MSFT")
    refused(desk, first, "pending")
    claim = worker.claim(first)
    refused(desk, first, "running")
    worker.fail(claim)
    refused(desk, first, "failed")
    desk.analyses.rerun(first, by=TRADER)
    worker.claim(first)
    refused(desk, first, "running")
    worker.tick(releasing=True)
    refused(desk, first, "pending")  # it was claimed once, and handed back
    with pytest.raises(NotFound):
        desk.analyses.withdraw(999, by=TRADER)


def refused(desk: Desk, analysis_id: int, status: str) -> None:
    """See that a withdrawal is refused with its sentence, and changes nothing."""
    before = ask(desk.file, "SELECT * FROM market_analysis ORDER BY id")
    with pytest.raises(Refused) as error:
        desk.analyses.withdraw(analysis_id, by=TRADER)
    assert error.value.code == "NOT_WITHDRAWABLE"
    assert str(error.value) == (
        f"Only a re-run that no worker has claimed can be withdrawn: analysis {analysis_id} is {status}"
    )
    assert ask(desk.file, "SELECT * FROM market_analysis ORDER BY id") == before


def test_withdrawing_twice_is_refused_the_second_time(desk: Desk) -> None:
    analysis_id = failed(desk)
    desk.analyses.rerun(analysis_id, by=TRADER)
    desk.analyses.withdraw(analysis_id, by=TRADER)
    refused(desk, analysis_id, "failed")


def test_a_twin_may_be_queued_once_the_rerun_is_withdrawn(desk: Desk) -> None:
    analysis_id = failed(desk)
    desk.analyses.rerun(analysis_id, by=TRADER)
    desk.analyses.withdraw(analysis_id, by=TRADER)
    twin = desk.submit(desk.row(analysis_id).expert_instance_id)
    assert twin != analysis_id


def test_an_archive_that_an_earlier_version_made_is_not_enough(desk: Desk) -> None:
    analysis_id = failed(desk)
    desk.analyses.rerun(analysis_id, by=TRADER)
    change(desk.file, "UPDATE attempt_archive SET contents = NULL")
    with pytest.raises(Refused, match="cancel it instead"):
        desk.analyses.withdraw(analysis_id, by=TRADER)
    assert desk.row(analysis_id).status is Status.PENDING


def test_an_item_of_a_bulk_rerun_says_that_it_was_withdrawn(desk: Desk) -> None:
    analysis_id = failed(desk)
    bulk = desk.platform.bulk_reruns
    selection = Selection(ids=(analysis_id,))
    plan = bulk.preview(selection)
    bulk.create(selection, by=TRADER, plan_hash=plan.plan_hash, reason="again")
    desk.queue.pause(by=TRADER)
    desk.worker().tick()
    assert desk.row(analysis_id).status is Status.PENDING
    desk.analyses.withdraw(analysis_id, by=TRADER, reason="not this one")
    assert ask(desk.file, "SELECT outcome, reason, attempt FROM batch_item") == [("skipped", "not this one", None)]
    desk.worker().tick()
    assert one(desk.file, "SELECT finished_at IS NOT NULL FROM batch") == 1


def test_a_deadline_that_the_rerun_dropped_comes_back(desk: Desk) -> None:
    instance, worker = desk.expert("Other"), desk.worker()
    deadline = desk.clock.now() + timedelta(hours=1)
    analysis_id = desk.submit(instance, "MSFT", run_before=deadline)
    worker.fail(worker.claim(analysis_id))
    desk.clock.advance(7_200)
    desk.analyses.rerun(analysis_id, by=TRADER)
    assert desk.row(analysis_id).run_before is None
    desk.analyses.withdraw(analysis_id, by=TRADER)
    assert desk.row(analysis_id).run_before == deadline


def test_a_withdrawn_rerun_counts_nowhere_and_its_settings_are_not_offered(desk: Desk) -> None:
    analysis_id = failed(desk, max_reruns=1)
    instance = desk.row(analysis_id).expert_instance_id
    desk.platform.experts.update(instance, by=TRADER, settings={"window": 7})
    desk.analyses.rerun(analysis_id, by=TRADER)
    desk.analyses.withdraw(analysis_id, by=TRADER)
    desk.platform.experts.update(instance, by=TRADER, settings={"window": 9})
    plan = desk.analyses.rerun_plan(analysis_id)
    assert "3" not in {choice.config for choice in plan.configs}
    desk.analyses.rerun(analysis_id, by=TRADER)
    worker = desk.worker()
    worker.fail(worker.claim(analysis_id))
    with pytest.raises(TooMany, match="was re-run once"):
        desk.analyses.rerun(analysis_id, by=TRADER)


def test_an_attempt_without_a_traceback_leaves_no_empty_archive(desk: Desk) -> None:
    worker = desk.worker()
    claim = worker.claim(desk.submit(desk.expert("Other")))
    bare = replace(failure_of(claim), traceback=None)
    worker.tick(worked(claim, desk.clock.now(), End(Outcome.FAILED, desk.clock.now(), failure=bare)))
    desk.analyses.rerun(claim.analysis_id, by=TRADER)
    desk.analyses.withdraw(claim.analysis_id, by=TRADER)
    assert one(desk.file, "SELECT COUNT(*) FROM attempt_archive") == 0


def rerun_after_three_days(folder: Path) -> tuple[Desk, int, list[Any]]:
    """Return a desk that packs after a day, an analysis queued for its re-run, and all that it was before."""
    desk = make_desk(folder, Catalog(Scripted()), archive_days=1)
    worker = desk.worker()
    analysis_id = desk.submit(desk.expert())
    worker.fail(worker.claim(analysis_id))
    before = standing(desk)
    desk.clock.advance(3 * 86_400)
    desk.analyses.rerun(analysis_id, by=TRADER)
    return desk, analysis_id, before


def test_what_was_packed_away_meanwhile_comes_back_with_its_traceback(tmp_path: Path) -> None:
    desk, analysis_id, before = rerun_after_three_days(tmp_path)
    desk.platform.retention.pack_away(by=TRADER)
    assert one(desk.file, "SELECT packed_into FROM analysis_attempt WHERE number = 1") is not None
    desk.analyses.withdraw(analysis_id, by=TRADER)
    assert standing(desk) == before
    assert str(desk.platform.monitoring.details.archive(analysis_id, 1).traceback).startswith("Traceback of")
    desk.close()


def test_a_packed_file_that_is_gone_or_broken_leaves_the_rerun_waiting(tmp_path: Path) -> None:
    desk, analysis_id, before = rerun_after_three_days(tmp_path)
    file = Path(desk.platform.retention.pack_away(by=TRADER).file)
    content, queued = file.read_bytes(), standing(desk)
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(NotFound, match="which cannot be read"):
        desk.analyses.withdraw(analysis_id, by=TRADER)
    file.unlink()
    with pytest.raises(NotFound, match="which is not there"):
        desk.analyses.withdraw(analysis_id, by=TRADER)
    assert standing(desk) == queued
    file.write_bytes(content)
    desk.analyses.withdraw(analysis_id, by=TRADER)
    assert standing(desk) == before
    desk.close()


def test_the_rerun_of_an_expert_archived_since_can_be_withdrawn(desk: Desk) -> None:
    analysis_id = failed(desk)
    before = standing(desk)
    desk.analyses.rerun(analysis_id, by=TRADER)
    desk.platform.experts.archive(desk.row(analysis_id).expert_instance_id, by=TRADER)
    desk.analyses.withdraw(analysis_id, by=TRADER)
    assert standing(desk) == before
