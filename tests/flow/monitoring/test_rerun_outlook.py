"""The re-run outlook: whether one is worth it, how its like ended, and the operator's word above it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.monitoring.rerun_outlook import RerunOutlook
from ba2_trade_platform.vocabulary import ActorKind, ErrorCode, FailureKind
from tests.platforms import TRADER
from tests.sql import ask, change
from tests.stepped import Desk, SteppedWorker, make_desk

SLOW_DOWN = "429: too many requests"
UNREADABLE = "The answer could not be read"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, slots=64)
    made.expert(max_concurrent=64, max_reruns=100)
    yield made
    made.close()


@pytest.fixture
def worker(desk: Desk) -> SteppedWorker:
    return desk.worker()


def fail(
    desk: Desk, worker: SteppedWorker, symbol: str, code: ErrorCode = ErrorCode.RATE_LIMIT, message: str = SLOW_DOWN
) -> int:
    """Return an analysis that has failed."""
    analysis_id = desk.submit(1, symbol)
    worker.fail(worker.claim(analysis_id), code, message)
    return analysis_id


def rerun(desk: Desk, worker: SteppedWorker, analysis_id: int, *, after: float, well: bool) -> None:
    """Re-run a failed analysis some seconds after its failure, and have it end well or fail as before."""
    row = desk.row(analysis_id)
    desk.clock.advance(after)
    desk.analyses.rerun(analysis_id, by=TRADER)
    claim = worker.claim(analysis_id)
    if well:
        worker.succeed(claim)
    else:
        worker.fail(claim, ErrorCode(row.error_code), row.error_message)


def outlook(desk: Desk, analysis_id: int) -> RerunOutlook:
    """Return what is said of a failed analysis."""
    return desk.platform.monitoring.outlook.of([desk.row(analysis_id)])[analysis_id]


def test_what_never_began_is_no_evidence(desk: Desk, worker: SteppedWorker) -> None:
    stood = [fail(desk, worker, symbol) for symbol in ("A", "B", "C")]
    desk.platform.experts.update(1, by=TRADER, enabled=False)
    for analysis_id in stood:
        desk.analyses.rerun(analysis_id, by=TRADER)
    worker.tick()
    assert ask(desk.file, "SELECT DISTINCT error_code FROM market_analysis") == [("EXPERT_UNAVAILABLE",)]
    desk.platform.experts.update(1, by=TRADER, enabled=True)
    assert outlook(desk, fail(desk, worker, "AAPL")).tried == 0


def test_a_first_failure_has_its_kind_and_no_evidence_yet(desk: Desk, worker: SteppedWorker) -> None:
    said = outlook(desk, fail(desk, worker, "AAPL"))
    assert said.headline == "Transient: likely to work (no re-run of this error has ended yet)"
    assert (said.chip, said.tried, said.median_wait_seconds) == ("transient", 0, None)
    assert said.hint == "The provider asked to slow down. A re-run in a moment is likely to work."


def test_what_became_of_the_reruns_of_the_same_error_is_the_evidence(desk: Desk, worker: SteppedWorker) -> None:
    for symbol, after, well in (("A", 60, True), ("B", 90, True), ("C", 120, True), ("D", 900, False)):
        rerun(desk, worker, fail(desk, worker, symbol), after=after, well=well)
    said = outlook(desk, fail(desk, worker, "AAPL"))
    assert said.headline == ("Transient: likely to work (3 of 4 re-runs of this error succeeded, median wait 90 s)")
    assert (said.by, said.tried, said.succeeded, said.median_wait_seconds) == ("fingerprint", 4, 3, pytest.approx(90))
    assert said.chip == "transient 3/4"
    assert said.rule.startswith("By its code, RATE_LIMIT, it is transient. Counted are the newest 200 attempts")


def test_the_middle_wait_of_an_even_number_lies_between_the_two(desk: Desk, worker: SteppedWorker) -> None:
    for symbol, after in (("A", 10), ("B", 20), ("C", 40), ("D", 80)):
        rerun(desk, worker, fail(desk, worker, symbol), after=after, well=True)
    assert outlook(desk, fail(desk, worker, "AAPL")).median_wait_seconds == pytest.approx(30)


def test_a_transient_error_that_seldom_went_away_is_said_to_be_less_likely_to_work(
    desk: Desk, worker: SteppedWorker
) -> None:
    for symbol, well in (("A", True), ("B", False), ("C", False), ("D", False)):
        rerun(desk, worker, fail(desk, worker, symbol), after=60, well=well)
    assert outlook(desk, fail(desk, worker, "AAPL")).headline == (
        "Transient: less likely to work (1 of 4 re-runs of this error succeeded, median wait 60 s)"
    )


def test_an_error_with_fewer_than_three_answers_is_judged_by_its_code(desk: Desk, worker: SteppedWorker) -> None:
    for symbol in ("A", "B", "C"):
        rerun(desk, worker, fail(desk, worker, symbol), after=30, well=True)
    for symbol in ("D", "E"):
        rerun(desk, worker, fail(desk, worker, symbol, message="quota exceeded"), after=30, well=False)
    said = outlook(desk, fail(desk, worker, "AAPL", message="quota exceeded"))
    assert (said.by, said.tried, said.succeeded) == ("code", 5, 3)
    assert "(3 of 5 re-runs of RATE_LIMIT succeeded, median wait 30 s)" in said.headline


def test_what_has_not_ended_or_was_cancelled_is_no_evidence(desk: Desk, worker: SteppedWorker) -> None:
    for symbol in ("A", "B"):
        desk.analyses.rerun(fail(desk, worker, symbol), by=TRADER)
    desk.analyses.cancel(2, by=TRADER)
    assert outlook(desk, fail(desk, worker, "AAPL")).tried == 0


def test_only_the_newest_two_hundred_answers_count(desk: Desk, worker: SteppedWorker) -> None:
    rerun(desk, worker, fail(desk, worker, "A"), after=60, well=False)
    rerun(desk, worker, fail(desk, worker, "B"), after=60, well=True)
    columns = (
        "number, trigger, mode, base_attempt, actor_id, queued_at, started_at, finished_at, outcome, currency, "
        "after_fingerprint, after_code, after_failed_at"
    )
    change(
        desk.file,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 199) "
        f"INSERT INTO analysis_attempt (analysis_id, {columns}) SELECT 2, i + 2, {columns.removeprefix('number, ')} "
        "FROM n, analysis_attempt WHERE analysis_id = 2 AND number = 2",
    )
    said = outlook(desk, fail(desk, worker, "AAPL"))
    assert (said.tried, said.succeeded) == (200, 200)


def test_a_permanent_error_names_what_to_fix_and_whose_key_it_is(desk: Desk, worker: SteppedWorker) -> None:
    analysis_id = fail(desk, worker, "AAPL", ErrorCode.AUTH, "401")
    assert outlook(desk, analysis_id).headline == "Permanent: fix first (API key refused)"
    change(desk.file, "UPDATE failure_group SET provider = 'openai'")
    said = outlook(desk, analysis_id)
    assert said.headline == "Permanent: fix first (API key refused by openai)"
    assert said.warns
    assert (
        said.hint
        == "The API key was refused. Enter it anew on the page Providers, or in the expert's settings, then re-run."
    )


def test_an_unknown_error_is_to_be_read(desk: Desk, worker: SteppedWorker) -> None:
    for symbol, well in (("A", True), ("B", True), ("C", False), ("D", False), ("E", False)):
        analysis_id = fail(desk, worker, symbol, ErrorCode.OUTPUT_INVALID, UNREADABLE)
        rerun(desk, worker, analysis_id, after=7_200, well=well)
    said = outlook(desk, fail(desk, worker, "AAPL", ErrorCode.OUTPUT_INVALID, UNREADABLE))
    assert said.headline == ("Unknown: read it and decide (2 of 5 re-runs of this error succeeded, median wait 2 h)")


def test_what_has_not_failed_is_not_assessed_and_what_waits_for_its_retry_is(desk: Desk, worker: SteppedWorker) -> None:
    patient = desk.expert(alias="Patient", max_retries=2)
    waiting, running = desk.submit(patient, "MSFT"), desk.submit(1, "AAPL")
    worker.fail(worker.claim(waiting), ErrorCode.RATE_LIMIT, SLOW_DOWN)
    done = desk.submit(1, "IBM")
    worker.succeed(worker.claim(done))
    found = desk.platform.monitoring.outlook.of([desk.row(each) for each in (waiting, running, done)])
    assert set(found) == {waiting}


def test_the_operators_word_goes_before_the_codes_until_it_is_taken_back(desk: Desk, worker: SteppedWorker) -> None:
    analysis_id = fail(desk, worker, "AAPL")
    assessments, fingerprint = desk.platform.monitoring.outlook, desk.row(analysis_id).fingerprint
    said = assessments.set_kind(fingerprint, FailureKind.PERMANENT, by=TRADER, reason="The quota is gone for good")
    assert said == outlook(desk, analysis_id)
    assert (said.kind, said.own_kind) == (FailureKind.PERMANENT, FailureKind.TRANSIENT)
    assert said.headline == "Permanent: fix first (too many requests)"
    assert (said.overridden_by, said.override_reason) == ("trader", "The quota is gone for good")
    assert said.overridden_at == desk.clock.now()
    assert said.rule.startswith("The operator says so; by its code, RATE_LIMIT, it would be transient.")
    assert [(each.fingerprint, each.kind, each.own_kind, each.by) for each in assessments.overrides()] == [
        (fingerprint, FailureKind.PERMANENT, FailureKind.TRANSIENT, "trader")
    ]
    assert assessments.clear_kind(fingerprint, by=TRADER).kind is FailureKind.TRANSIENT
    assert assessments.overrides() == []


def test_an_override_is_noted_once_however_often_it_is_said(desk: Desk, worker: SteppedWorker) -> None:
    fingerprint = desk.row(fail(desk, worker, "AAPL")).fingerprint
    assessments, script = desk.platform.monitoring.outlook, Actor(ActorKind.API, "script")
    for _ in range(2):
        assessments.set_kind(fingerprint, FailureKind.UNKNOWN, by=script)
    for _ in range(2):
        assessments.clear_kind(fingerprint, by=TRADER)
    noted = "SELECT what, subject_key, before, after FROM activity_log WHERE subject_type = 'failure_group' ORDER BY id"
    said = ("reclassify", fingerprint)
    assert ask(desk.file, noted) == [(*said, None, "unknown"), (*said, "unknown", None)]


def test_of_a_group_that_is_not_there_nothing_can_be_said(desk: Desk) -> None:
    assessments = desk.platform.monitoring.outlook
    for asked in (
        lambda: assessments.set_kind("f00", FailureKind.UNKNOWN, by=TRADER),
        lambda: assessments.clear_kind("f00", by=TRADER),
        lambda: assessments.of_fingerprint("f00"),
    ):
        with pytest.raises(NotFound, match="There is no group of failures f00"):
            asked()


def test_the_evidence_names_the_attempts_that_answered(desk: Desk, worker: SteppedWorker) -> None:
    first, second = fail(desk, worker, "AAPL"), fail(desk, worker, "MSFT")
    rerun(desk, worker, first, after=60, well=True)
    desk.analyses.rerun(second, by=TRADER)
    found = desk.platform.monitoring.outlook.evidence(desk.row(fail(desk, worker, "IBM")).fingerprint)
    assert [(each.analysis_id, each.number, each.symbol, each.outcome) for each in found] == [
        (second, 2, "MSFT", None),
        (first, 2, "AAPL", "completed"),
    ]
    assert [each.wait_seconds for each in found][1] == 60


def test_a_retry_that_somebody_stopped_before_it_began_is_no_evidence(desk: Desk, worker: SteppedWorker) -> None:
    desk.platform.experts.update(1, by=TRADER, max_retries=2)
    analysis_id = fail(desk, worker, "AAPL")
    desk.platform.waiting_retries.stop(analysis_id, by=TRADER)
    assert outlook(desk, analysis_id).tried == 0


def test_a_hint_promises_nothing_that_the_record_denies(desk: Desk, worker: SteppedWorker) -> None:
    first = fail(desk, worker, "AAPL")
    assert outlook(desk, first).hint.endswith("A re-run in a moment is likely to work.")
    for symbol in ("A", "B", "C"):
        rerun(desk, worker, fail(desk, worker, symbol), after=60, well=False)
    assert outlook(desk, first).hint == "The provider asked to slow down."
