"""The re-run: one transaction that archives, purges and queues the same row again, or says why not."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.errors import NotFound, Refused, SwitchedOff, Unavailable
from ba2_trade_platform.vocabulary import ActorKind, ErrorCode, Source, Status
from tests.fakes.experts import Catalog, Scripted
from tests.flow.analyses.failed_analyses import failed_analysis
from tests.platforms import TRADER, drain, make_platform, practice, running, submit
from tests.sql import ask, file_of, one
from tests.stepped import MARKET_NOW, Desk, make_desk

KEPT = "SELECT id, created_at, priority, source, symbol, expert_instance_id, subtype, as_of FROM market_analysis"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Other")))
    yield made
    made.close()


def test_the_checks_of_the_seed_hold_word_for_word(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    instance = practice(platform, fail_with="RATE_LIMIT", steps=3, outputs=15, recommend_before_failing=True)
    with running(platform), closing(sqlite3.connect(file_of(platform))) as database:
        analysis = submit(platform, instance, "AAPL")
        drain(platform)

        def outputs() -> int:
            statement = "SELECT COUNT(*) FROM analysis_output WHERE market_analysis_id = ?"
            return int(database.execute(statement, (analysis,)).fetchone()[0])

        def recommendations() -> int:
            statement = "SELECT COUNT(*) FROM expert_recommendation WHERE market_analysis_id = ?"
            return int(database.execute(statement, (analysis,)).fetchone()[0])

        def status_and_state() -> tuple[str, str | None]:
            return database.execute("SELECT status, state FROM market_analysis WHERE id = ?", (analysis,)).fetchone()  # type: ignore[no-any-return]  # two columns

        assert (outputs(), recommendations()) == (15, 1)
        status, state = status_and_state()
        assert (status, bool(state)) == ("failed", True)

        platform.queue.pause(by=TRADER)
        platform.analyses.rerun(analysis, by=TRADER)
        assert (outputs(), recommendations()) == (0, 0)
        assert status_and_state() == ("pending", None)

        platform.queue.resume(by=TRADER)
        drain(platform)
        assert status_and_state()[0] == "completed"
        assert (outputs(), recommendations()) == (15, 1)


def test_id_creation_priority_and_source_stay_and_everything_else_begins_anew(desk: Desk) -> None:
    analysis_id = failed_analysis(desk, priority=30, source=Source.WATCHLIST, as_of=datetime(2014, 6, 2, tzinfo=UTC))
    before, kept = desk.row(analysis_id), ask(desk.file, KEPT)
    desk.clock.advance(60)
    desk.analyses.rerun(analysis_id, by=TRADER)
    after = desk.row(analysis_id)
    assert ask(desk.file, KEPT) == kept
    assert (after.status, after.attempt, after.reruns_used) == (Status.PENDING, 2, 1)
    assert (after.retries_used, after.rescues_used, after.progress) == (0, 0, 0)
    assert after.updated_at == after.available_at == desk.clock.now() > before.updated_at
    assert after.version > before.version
    cleared = (
        after.current_step, after.started_at, after.finished_at, after.duration_ms, after.error_code,
        after.error_message, after.failure_kind, after.fingerprint, after.action, after.confidence,
        after.expected_profit,
    )  # fmt: skip
    assert set(cleared) == {None}


def test_the_attempts_tell_who_asked_when_and_why_and_how_the_first_ended(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    asked = desk.clock.advance(60)
    desk.analyses.rerun(analysis_id, by=Actor(ActorKind.CLI, "nightly"), reason="the key is fixed")
    second, first = desk.platform.monitoring.details.attempts(analysis_id)
    assert (first.number, first.trigger, first.outcome, first.error_code) == (1, "first", "failed", "AUTH")
    assert (first.error_message, first.failure_kind, first.actor) == ("The key is wrong", "permanent", "trader")
    assert first.started_at is not None
    assert first.finished_at is not None
    assert (first.finished_at - first.started_at).total_seconds() == 3
    assert (second.number, second.trigger, second.mode, second.base_attempt) == (2, "rerun", "fresh", 2)
    assert (second.actor, second.actor_kind, second.reason, second.queued_at) == (
        "nightly",
        "cli",
        "the key is fixed",
        asked,
    )
    assert (second.started_at, second.finished_at, second.outcome) == (None, None, None)
    logged = ask(
        desk.file,
        "SELECT what, before, after, attempt, reason FROM activity_log WHERE subject_id = ? ORDER BY id DESC LIMIT 1",
        analysis_id,
    )
    assert logged == [("re-run", "failed", "pending", 2, "the key is fixed")]


def test_the_archive_keeps_all_that_the_failed_attempt_left(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    instance = practice(platform, fail_with="BUG", steps=3, outputs=15, recommend_before_failing=True)
    with running(platform):
        analysis = submit(platform, instance, "AAPL")
        drain(platform)
        outputs = platform.monitoring.details.outputs(analysis)
        texts = [
            (output.id, output.name, output.text, platform.monitoring.details.raw(output.id)) for output in outputs
        ]
        steps = [(step.name, step.status) for step in platform.monitoring.details.steps(analysis)]
        recommendation, state = (
            platform.monitoring.details.recommendation(analysis),
            platform.monitoring.details.state(analysis),
        )
        platform.analyses.rerun(analysis, by=TRADER)
        drain(platform)
        left = platform.monitoring.details.archive(analysis, 1)
    assert [(output["id"], output["name"], output["text"], output["raw"]) for output in left.outputs] == texts
    assert [(step["name"], step["status"]) for step in left.steps] == steps
    assert recommendation is not None
    assert left.recommendation is not None
    assert left.recommendation["details"] == recommendation.details
    assert left.recommendation["price_at_date"] == str(recommendation.price_at_date)
    assert left.state == state == {"attempt": 1, "steps_done": 3, "outputs_written": 15}
    assert left.traceback is not None
    assert "ZeroDivisionError" in left.traceback


def test_every_earlier_attempt_keeps_its_own_archive(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    worker = desk.worker()
    for _ in range(2):
        desk.analyses.rerun(analysis_id, by=TRADER)
        worker.fail(worker.claim(analysis_id))
    archives = [desk.platform.monitoring.details.archive(analysis_id, number) for number in (1, 2, 3)]
    assert [archive.state for archive in archives] == [{"attempt": 1}, {"attempt": 2}, None]
    assert [len(archive.outputs) for archive in archives] == [1, 1, 0]


def test_an_accepted_rerun_says_its_attempt_and_its_count(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    accepted = desk.analyses.rerun(analysis_id, by=TRADER)
    assert accepted.sentence == f"Analysis {analysis_id} queued for re-run (attempt 2, re-run 1/3)"
    assert (accepted.status, accepted.updated_at) == (Status.PENDING, desk.clock.now())


@pytest.mark.parametrize("status", ["pending", "running", "completed", "skipped", "cancelled"])
def test_what_has_not_failed_is_refused_with_its_status_and_stays_as_it_is(desk: Desk, status: str) -> None:
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    if status == "cancelled":
        desk.analyses.cancel(analysis_id, by=TRADER)
    elif status != "pending":
        claim = worker.claim(analysis_id)
        {"running": lambda _: None, "completed": worker.succeed, "skipped": worker.skip}[status](claim)
    before = ask(desk.file, "SELECT * FROM market_analysis")
    with pytest.raises(Refused) as refused:
        desk.analyses.rerun(analysis_id, by=TRADER)
    assert str(refused.value) == f"Can only re-run failed analyses: analysis {analysis_id} is {status}"
    assert (refused.value.code, refused.value.http_status, refused.value.tone) == ("NOT_FAILED", 409, "warning")
    assert refused.value.details["status"] == status
    assert ask(desk.file, "SELECT * FROM market_analysis") == before


def test_a_second_click_is_told_that_and_by_whom_it_was_queued_a_moment_ago(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    desk.analyses.rerun(analysis_id, by=TRADER)
    desk.clock.advance(12)
    with pytest.raises(Refused) as refused:
        desk.analyses.rerun(analysis_id, by=Actor(ActorKind.USER, "another"))
    assert str(refused.value) == "Already queued 12 s ago by trader"
    assert (refused.value.code, refused.value.http_status, refused.value.tone) == ("ALREADY_QUEUED", 409, "warning")
    assert len(desk.platform.monitoring.details.attempts(analysis_id)) == 2


@pytest.mark.parametrize("status", ["pending", "running"])
def test_a_duplicate_under_another_id_is_named_and_everything_rolls_back(desk: Desk, status: str) -> None:
    analysis_id = failed_analysis(desk)
    twin = desk.submit(desk.row(analysis_id).expert_instance_id)
    if status == "running":
        desk.worker().claim(twin)
    before = ask(desk.file, "SELECT * FROM market_analysis"), ask(desk.file, "SELECT * FROM analysis_output")
    with pytest.raises(Refused) as refused:
        desk.analyses.rerun(analysis_id, by=TRADER)
    assert str(refused.value) == (
        "Analysis already queued: Analysis task for expert Scripted and symbol AAPL "
        f"is already {status} (analysis {twin})"
    )
    assert (refused.value.code, refused.value.http_status, refused.value.tone) == ("DUPLICATE_PENDING", 409, "warning")
    assert refused.value.details["analysis_id"] == twin
    assert (ask(desk.file, "SELECT * FROM market_analysis"), ask(desk.file, "SELECT * FROM analysis_output")) == before


def test_an_unknown_analysis_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound) as refused:
        desk.analyses.rerun(4711, by=TRADER)
    assert (str(refused.value), refused.value.http_status, refused.value.tone) == (
        "Analysis not found",
        404,
        "negative",
    )


def test_a_stopping_console_says_so_and_leaves_the_row(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    desk.store.close()
    with pytest.raises(Unavailable) as refused:
        desk.analyses.rerun(analysis_id, by=TRADER)
    assert str(refused.value) == "Error re-running analysis: the console is stopping"
    assert (refused.value.http_status, refused.value.tone, refused.value.retry_after_seconds) == (503, "negative", 5)
    assert desk.row(analysis_id).status is Status.FAILED


def test_switched_off_it_is_refused_everywhere(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, rerun_enabled=False)
    analysis_id = failed_analysis(desk)
    with pytest.raises(SwitchedOff, match="BA2_RERUN_ENABLED"):
        desk.analyses.rerun(analysis_id, by=TRADER)
    assert desk.row(analysis_id).status is Status.FAILED
    desk.close()


def test_an_accepted_rerun_leaves_these_lines_in_the_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    analysis_id = failed_analysis(desk, priority=7)
    instance = desk.row(analysis_id).expert_instance_id
    caplog.clear()
    with caplog.at_level(logging.INFO):
        desk.analyses.rerun(analysis_id, by=TRADER)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", f"User re-running failed analysis {analysis_id} (AAPL, Scripted)"),
        ("INFO", f"Cleared 1 outputs and 0 recommendations for analysis {analysis_id}"),
        ("INFO", f"Analysis {analysis_id}: failed -> pending"),
        ("INFO", f"Analysis task {analysis_id}/2 submitted for expert {instance}, symbol AAPL, priority 7"),
    ]


def test_every_refusal_is_logged_as_a_warning(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    analysis_id = failed_analysis(desk)
    twin = desk.submit(desk.row(analysis_id).expert_instance_id)
    caplog.clear()
    for asked in (twin, analysis_id, 4711):
        with pytest.raises((Refused, NotFound)):
            desk.analyses.rerun(asked, by=TRADER)
    assert [(record.levelname, record.getMessage().split(": ")[0]) for record in caplog.records] == [
        ("WARNING", f"Re-run of analysis {asked} refused") for asked in (twin, analysis_id, 4711)
    ]


def test_it_runs_with_the_experts_present_settings(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    instance = desk.row(analysis_id).expert_instance_id
    desk.platform.experts.update(instance, by=TRADER, settings={"window": 9})
    desk.analyses.rerun(analysis_id, by=TRADER)
    claim = desk.worker().claim(analysis_id)
    assert claim.settings == {"window": 9}
    assert [attempt.config_revision for attempt in desk.platform.monitoring.details.attempts(analysis_id)] == [2, 1]


def test_without_an_as_of_a_rerun_takes_the_markets_present_anew(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    analysis_id = failed_analysis(desk)
    desk.analyses.rerun(analysis_id, by=TRADER)
    attempts = desk.platform.monitoring.details.attempts(analysis_id)
    assert [attempt.effective_as_of for attempt in attempts] == [None, MARKET_NOW]
    assert desk.worker().claim(analysis_id).as_of == MARKET_NOW
    desk.close()


def test_with_an_as_of_a_rerun_keeps_it(desk: Desk) -> None:
    chosen = datetime(2014, 6, 2, 20, tzinfo=UTC)
    analysis_id = failed_analysis(desk, as_of=chosen)
    desk.analyses.rerun(analysis_id, by=TRADER)
    assert desk.worker().claim(analysis_id).as_of == chosen


def test_three_reruns_are_counted_and_give_fresh_chances(desk: Desk) -> None:
    analysis_id, worker = failed_analysis(desk), desk.worker()
    for used in (1, 2):
        assert desk.analyses.rerun(analysis_id, by=TRADER).reruns_used == used
        worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, "slow down")
    desk.analyses.rerun(analysis_id, by=TRADER)
    worker.succeed(worker.claim(analysis_id))
    found = desk.row(analysis_id)
    assert (found.status, found.attempt, found.reruns_used, found.error_code) == (Status.COMPLETED, 4, 3, None)
    attempts = desk.platform.monitoring.details.attempts(analysis_id)
    assert [attempt.outcome for attempt in attempts] == ["completed", *["failed"] * 3]
    assert one(desk.file, "SELECT COUNT(*) FROM analysis_output WHERE market_analysis_id = ?", analysis_id) == 1


def test_an_analysis_of_a_disabled_expert_may_be_rerun_and_then_fails_saying_why(desk: Desk) -> None:
    analysis_id = failed_analysis(desk)
    desk.platform.experts.update(desk.row(analysis_id).expert_instance_id, by=TRADER, enabled=False)
    desk.analyses.rerun(analysis_id, by=TRADER)
    desk.worker().tick()
    found = desk.row(analysis_id)
    assert (found.status, found.error_code) == (Status.FAILED, "EXPERT_UNAVAILABLE")
    assert found.error_message == "Scripted cannot work: it is disabled"


def test_a_failed_row_of_the_page_is_told_of_its_rerun(desk: Desk) -> None:
    analysis_id, told = failed_analysis(desk), []
    subscription = desk.platform.store.feed.subscribe(told.append)
    desk.analyses.rerun(analysis_id, by=TRADER)
    subscription.close()
    assert [change.ids for change in told] == [frozenset({analysis_id})]
    assert not desk.row(analysis_id).offers(Event.RERUN)


def test_a_deadline_that_has_passed_does_not_stop_a_person_s_rerun(desk: Desk) -> None:
    late = failed_analysis(desk, "AAPL", run_before=desk.clock.now() + timedelta(minutes=1))
    early = failed_analysis(desk, "MSFT", run_before=desk.clock.now() + timedelta(minutes=9))
    desk.clock.advance(120)
    kept = desk.row(early).run_before
    for analysis_id in (late, early):
        desk.analyses.rerun(analysis_id, by=TRADER)
        desk.worker().claim(analysis_id)
    assert [desk.row(analysis_id).status for analysis_id in (late, early)] == [Status.RUNNING, Status.RUNNING]
    assert (desk.row(late).run_before, desk.row(early).run_before) == (None, kept)
