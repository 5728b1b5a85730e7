"""Attempt history: an analysis's attempts, their differences, and the states it went through."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.core.monitoring.attempt_diffs import Change
from ba2_trade_platform.core.worker.buffers import End
from ba2_trade_platform.vocabulary import ErrorCode, Outcome
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.stepped import Desk, SteppedWorker, failure_of, make_desk, worked


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(asks=("openai", "other"))))
    yield made
    made.close()


def fail(desk: Desk, worker: SteppedWorker, analysis_id: int, outputs: int, seconds: float) -> None:
    """Work on an analysis for some seconds, write outputs, and fail."""
    claim = worker.claim(analysis_id)
    now = desk.clock.advance(seconds)
    why = failure_of(claim, ErrorCode.AUTH, "The key is wrong")
    worker.tick(worked(claim, now, End(Outcome.FAILED, now, failure=why), outputs=outputs))


def failed_and_rerun(desk: Desk) -> int:
    """Return an analysis that failed after 3 s, was re-run a minute later with other settings, and completed in 5 s."""
    instance, worker = desk.expert(), desk.worker()
    analysis_id = desk.submit(instance)
    fail(desk, worker, analysis_id, outputs=2, seconds=3)
    desk.clock.advance(60)
    desk.platform.experts.update(instance, by=TRADER, settings={"window": 9})
    desk.analyses.rerun(analysis_id, by=TRADER, reason="new key")
    desk.clock.advance(2)
    claim = worker.claim(analysis_id)
    desk.clock.advance(5)
    worker.succeed(claim, confidence=71)
    return analysis_id


def test_the_newest_attempt_is_compared_with_an_archived_one(desk: Desk) -> None:
    found = desk.platform.monitoring.details.compare(failed_and_rerun(desk), 1, 2)
    changed = {diff.name: (diff.first, diff.second) for diff in found.facts if diff.change is not Change.SAME}
    assert changed["outcome"] == ("failed", "completed")
    assert changed["error code"] == ("AUTH", None)
    assert changed["seconds"] == (3.0, 5.0)
    assert {diff.name: (diff.change, diff.second) for diff in found.recommendation}["confidence"] == (Change.ADDED, 71)
    assert [(diff.name, diff.first, diff.second) for diff in found.settings] == [("window", 2, 9)]
    assert [(diff.name, diff.change) for diff in found.outputs] == [
        ("Note 0", Change.SAME), ("Note 1", Change.REMOVED),
    ]  # fmt: skip


def test_two_archived_attempts_are_compared_either_way_round(desk: Desk) -> None:
    worker = desk.worker()
    analysis_id = desk.submit(desk.expert())
    for outputs in (1, 2, 3):
        fail(desk, worker, analysis_id, outputs, seconds=1)
        desk.analyses.rerun(analysis_id, by=TRADER)
    details = desk.platform.monitoring.details
    there, back = details.compare(analysis_id, 1, 2), details.compare(analysis_id, 2, 1)
    assert [output.change for output in there.outputs] == [Change.SAME, Change.ADDED]
    assert [output.change for output in back.outputs] == [Change.SAME, Change.REMOVED]
    assert details.compare(analysis_id, 3, 4).outputs[0].change is Change.REMOVED


def test_what_cannot_be_compared_is_refused_with_a_sentence(desk: Desk) -> None:
    analysis_id = failed_and_rerun(desk)
    with pytest.raises(NotFound, match=f"Analysis {analysis_id} has no attempt 3"):
        desk.platform.monitoring.details.compare(analysis_id, 1, 3)
    with pytest.raises(NotFound, match="Analysis not found"):
        desk.platform.monitoring.details.compare(4711, 1, 2)
    with pytest.raises(Invalid, match="two different attempts"):
        desk.platform.monitoring.details.compare(analysis_id, 2, 2)


def test_an_attempt_says_what_it_answers_whom_it_asked_and_whether_settings_changed(desk: Desk) -> None:
    second, first = desk.platform.monitoring.details.attempts(failed_and_rerun(desk))
    assert (second.after_code, second.after_fingerprint) == ("AUTH", first.fingerprint)
    assert second.after_failed_at == first.finished_at
    assert (second.actor, second.reason, second.provider) == ("trader", "new key", "openai")
    assert (first.settings_changed, second.settings_changed) == (False, True)
    assert (first.config_revision, second.config_revision) == (1, 2)


def test_settings_that_were_changed_back_have_not_changed(desk: Desk) -> None:
    analysis_id = failed_and_rerun(desk)
    instance = desk.row(analysis_id).expert_instance_id
    another = desk.submit(instance, "KO")
    fail(desk, desk.worker(), another, outputs=1, seconds=1)
    desk.platform.experts.update(instance, by=TRADER, settings={"window": 2})
    desk.platform.experts.update(instance, by=TRADER, settings={"window": 9})
    desk.analyses.rerun(another, by=TRADER)
    newest = desk.platform.monitoring.details.attempts(another)[0]
    assert (newest.config_revision, newest.settings_changed) == (4, False)


def test_the_timeline_tells_each_state_who_began_it_why_and_how_long_it_lasted(desk: Desk) -> None:
    analysis_id = failed_and_rerun(desk)
    moments = desk.platform.monitoring.details.timeline(analysis_id)
    assert [(moment.attempt, moment.state, moment.seconds) for moment in moments] == [
        (1, "pending", 0.0), (1, "running", 3.0), (1, "failed", 60.0),
        (2, "pending", 2.0), (2, "running", 5.0), (2, "completed", None),
    ]  # fmt: skip
    rerun = moments[3]
    assert (rerun.what, rerun.actor, rerun.reason) == ("re-run", "trader", "new key")
    assert moments[2].what == "AUTH: The key is wrong"
    assert moments[4].what == "claimed by one, asks openai"


def test_a_cancel_is_one_moment_with_who_and_why(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert())
    desk.clock.advance(4)
    desk.analyses.cancel(analysis_id, by=TRADER, reason="too late")
    moments = desk.platform.monitoring.details.timeline(analysis_id)
    assert [(moment.state, moment.actor, moment.reason) for moment in moments] == [
        ("pending", "trader", None), ("cancelled", "trader", "too late"),
    ]  # fmt: skip


def test_a_rescue_is_seen_as_an_interruption_and_a_new_attempt(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert())
    desk.worker().claim(analysis_id)
    desk.clock.advance(40)
    desk.worker("two").tick()
    states = [(moment.attempt, moment.state) for moment in desk.platform.monitoring.details.timeline(analysis_id)]
    assert states[:4] == [(1, "pending"), (1, "running"), (1, "interrupted"), (2, "pending")]
