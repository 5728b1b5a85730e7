"""Transitions: however an attempt ends, the same follows, once, in the transaction that ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.attempts.attempts import Change, standings
from ba2_trade_platform.core.attempts.lifecycle import EFFECTS, TRANSITIONS, Event
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.language_models import CallEnd, CallStart, KeptAnswer
from ba2_trade_platform.core.contracts.queue import Claim, EndedAttempt
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.worker.buffers import End, StepRecord, WriteBatch
from ba2_trade_platform.vocabulary import CallOutcome, ErrorCode, Outcome, Status, StepStatus
from tests.fakes.experts import Catalog, Scripted, hold
from tests.platforms import TRADER
from tests.sql import ask, one
from tests.stepped import Desk, SteppedWorker, failure_of, make_desk, worked

LAST = "SELECT what, before, after FROM activity_log WHERE subject_type = 'analysis' ORDER BY id DESC LIMIT 1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Once", safe_to_repeat=False)))
    yield made
    made.close()


def keep_answer(desk: Desk, claim: Claim) -> None:
    """Write down a model call with its answer, as a debate does that goes on after a kill."""
    calls = desk.platform.models.calls
    start = CallStart(claim.analysis_id, claim.attempt, claim.expert_instance_id, "AAPL", "Bull", "lab", "dear", 10, 10)
    calls.end(calls.begin(start), CallEnd(CallOutcome.ANSWERED, 10, 10, answer=KeptAnswer("digest", {"message": {}})))


def answers(desk: Desk) -> int:
    """Return how many paid answers are kept."""
    return int(one(desk.file, "SELECT COUNT(*) FROM model_answer"))


def waiting_retry(desk: Desk, worker: SteppedWorker) -> int:
    """Return an analysis that waits for its retry, with the provider that failed on its row."""
    analysis_id = desk.submit(desk.expert(max_retries=2))
    worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, "Too many requests")
    assert desk.row(analysis_id).status is Status.PENDING
    return analysis_id


def cancelled(desk: Desk, worker: SteppedWorker) -> None:
    claim = worker.claim(desk.submit(desk.expert()))
    keep_answer(desk, claim)
    desk.analyses.cancel(claim.analysis_id, by=TRADER)


def cancelled_with_its_batch(desk: Desk, worker: SteppedWorker) -> None:
    batch = desk.queue.submit_batch([desk.expert()], ["AAPL"], by=TRADER)
    worker.tick()
    keep_answer(desk, next(iter(worker.leased.values())))
    desk.platform.batches.cancel(batch.batch_id, by=TRADER)
    worker.tick()


def given_up(desk: Desk, worker: SteppedWorker) -> None:
    keep_answer(desk, worker.claim(desk.submit(desk.expert("Once"))))
    worker.leased = {}
    desk.worker("two").tick(boot=True)


def stopped(desk: Desk, worker: SteppedWorker) -> None:
    analysis_id = desk.submit(desk.expert(max_retries=2))
    claim = worker.claim(analysis_id)
    worker.fail(claim, ErrorCode.RATE_LIMIT, "Too many requests")
    keep_answer(desk, worker_claims_and_dies(desk, worker, analysis_id))
    desk.worker("two").tick(boot=True)  # rescued: the answer is kept for the attempt that follows
    assert answers(desk) == 1
    desk.analyses.cancel(analysis_id, by=TRADER)


def worker_claims_and_dies(desk: Desk, worker: SteppedWorker, analysis_id: int) -> Claim:
    """Claim the retry of an analysis with a worker that then writes nothing more."""
    desk.clock.advance(3_600)
    claim = worker.claim(analysis_id)
    worker.leased = {}
    return claim


def completed(desk: Desk, worker: SteppedWorker) -> None:
    claim = worker.claim(desk.submit(desk.expert()))
    keep_answer(desk, claim)
    worker.succeed(claim)


@pytest.mark.parametrize("end", [cancelled, cancelled_with_its_batch, given_up, stopped, completed])
def test_every_end_drops_the_paid_answers_at_once(desk: Desk, end: Callable[[Desk, SteppedWorker], None]) -> None:
    end(desk, desk.worker())
    assert answers(desk) == 0


def test_an_answer_that_comes_after_the_end_is_not_kept(desk: Desk) -> None:
    claim = desk.worker().claim(desk.submit(desk.expert()))
    desk.analyses.cancel(claim.analysis_id, by=TRADER)
    keep_answer(desk, claim)
    assert answers(desk) == 0
    assert one(desk.file, "SELECT outcome FROM model_call") == "answered"


@pytest.mark.parametrize("verb", ["cancel", "stop", "disable"])
def test_every_end_of_a_waiting_retry_clears_its_provider(desk: Desk, verb: str) -> None:
    worker = desk.worker()
    analysis_id = waiting_retry(desk, worker)
    assert one(desk.file, "SELECT available_at > updated_at FROM market_analysis") == 1
    if verb == "cancel":
        desk.analyses.cancel(analysis_id, by=TRADER)
    elif verb == "stop":
        desk.platform.waiting_retries.stop(analysis_id, by=TRADER)
    else:
        desk.platform.experts.update(desk.row(analysis_id).expert_instance_id, by=TRADER, enabled=False)
        worker.tick()
    assert desk.row(analysis_id).status in (Status.CANCELLED, Status.FAILED)
    assert one(desk.file, "SELECT retry_provider FROM market_analysis") is None


def test_every_end_and_every_hand_back_leaves_its_line(desk: Desk) -> None:
    worker, instance = desk.worker(), desk.expert(max_retries=1)
    lines = []

    def line() -> None:
        lines.extend(ask(desk.file, LAST))

    worker.succeed(worker.claim(desk.submit(instance, "AAPL")))
    line()
    worker.fail(worker.claim(desk.submit(instance, "MSFT")))
    line()
    worker.skip(worker.claim(desk.submit(instance, "INTC")))
    line()
    worker.fail(worker.claim(desk.submit(instance, "AMD")), ErrorCode.RATE_LIMIT)
    line()
    desk.analyses.cancel(desk.submit(instance, "MMM"), by=TRADER)
    line()
    worker.claim(desk.submit(instance, "GPS"))
    worker.tick(releasing=True)
    line()
    worker.tick()
    worker.leased = {}
    desk.worker("two").tick(boot=True)
    line()
    assert lines == [
        ("succeed", "running", "completed"),
        ("fail", "running", "failed"),
        ("skip", "running", "skipped"),
        ("retry", "running", "pending"),
        ("cancel", "pending", "cancelled"),
        ("release", "running", "pending"),
        ("rescue", "running", "pending"),
    ]


def test_outbox_and_metrics_hear_of_each_end_once(desk: Desk) -> None:
    desk.platform.notifications.channels.create("Mail", "json://127.0.0.1:9", by=TRADER, occasions=[EventType.FAILED])
    worker, once = desk.worker(), desk.expert("Once")
    worker.fail(worker.claim(desk.submit(once, "AAPL")))
    worker.claim(desk.submit(once, "MSFT"))
    worker.leased = {}
    desk.worker("two").tick(boot=True)
    refused = desk.submit(once, "INTC")
    desk.platform.experts.update(once, by=TRADER, enabled=False)
    worker.tick()
    assert desk.row(refused).status is Status.FAILED
    told = ask(desk.file, "SELECT json_extract(facts, '$.analysis_id') FROM notice WHERE event = 'failed' ORDER BY 1")
    assert told == [(1,), (2,), (3,)]
    text = desk.platform.telemetry.metrics.exposition()
    ended = sum(
        float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("analysis_attempts_total{")
    )
    assert ended == 3


def test_whoever_subscribes_hears_of_every_end_in_its_transaction(desk: Desk) -> None:
    heard: list[tuple[str, bool, Outcome]] = []

    def listen(transaction: Transaction, ended: object) -> None:
        for each in ended:  # type: ignore[attr-defined]  # a sequence of Ended
            assert isinstance(each, EndedAttempt)
            heard.append((each.event, each.final, each.outcome))

    analysis_id = desk.submit(desk.expert())
    with desk.store.write() as transaction:
        change = Change(standings(transaction.session, [analysis_id])[analysis_id], desk.clock.now())
        Transitions([listen]).apply(transaction, Event.CANCEL, [change], by=1)
    assert heard == [("cancel", True, Outcome.CANCELLED)]
    assert desk.row(analysis_id).status is Status.CANCELLED


def test_what_stands_otherwise_than_was_read_is_not_changed(desk: Desk) -> None:
    analysis_id = desk.submit(desk.expert())
    with desk.store.read() as session:
        read = standings(session, [analysis_id])[analysis_id]
    desk.worker().tick()
    with pytest.raises(RuntimeError, match="1 analyses stood pending, 0 do now"), desk.store.write() as transaction:
        Transitions().apply(transaction, Event.CANCEL, [Change(read, desk.clock.now())], by=1)
    assert desk.row(analysis_id).status is Status.RUNNING


def test_the_archive_of_a_retried_attempt_says_how_its_steps_ended(desk: Desk) -> None:
    worker, now = desk.worker(), desk.clock.now()
    claim = worker.claim(desk.submit(desk.expert(max_retries=1)))
    slow = StepRecord(1, "Slow", StepStatus.RUNNING, "hash", now)
    worker.tick(WriteBatch(claim, steps={1: slow}))
    late = failure_of(claim, ErrorCode.TIMEOUT, "too slow")
    worker.tick(WriteBatch(claim, end=End(Outcome.FAILED, now, failure=late)))
    (step,) = desk.platform.monitoring.details.archive(claim.analysis_id, 1).steps
    assert (step["name"], step["status"], step["error_message"]) == ("Slow", "failed", "too slow")


def test_a_group_whose_answer_completes_in_the_same_tick_has_not_come_back(desk: Desk) -> None:
    worker, instance = desk.worker(), desk.expert()
    first = desk.submit(instance, "AAPL")
    worker.fail(worker.claim(first))
    desk.analyses.rerun(first, by=TRADER)
    answer = worker.claim(first)
    other = worker.claim(desk.submit(instance, "MSFT"))
    now = desk.clock.advance(1)
    worker.tick(
        worked(answer, now, End(Outcome.COMPLETED, now, hold())),
        worked(other, now, End(Outcome.FAILED, now, failure=failure_of(other))),
    )
    assert ask(desk.file, "SELECT seen, regressed_at FROM failure_group") == [(2, None)]


def test_an_item_of_a_retry_that_was_stopped_shows_its_failure(desk: Desk) -> None:
    worker, instance = desk.worker(), desk.expert(max_retries=2)
    desk.queue.submit_batch([instance], ["AAPL"], by=TRADER)
    worker.tick()
    (claim,) = worker.leased.values()
    worker.fail(claim, ErrorCode.RATE_LIMIT, "Too many requests")
    desk.platform.waiting_retries.stop(claim.analysis_id, by=TRADER, reason="enough")
    assert ask(desk.file, "SELECT outcome, reason FROM batch_item") == [("failed", "Too many requests")]


def test_every_event_that_changes_a_status_has_its_effect() -> None:
    assert set(EFFECTS) == {event for _, event in TRANSITIONS} - {Event.CLAIM}


@pytest.mark.parametrize("column", ["status", "attempt", "lease_token", "lease_until"])
def test_no_caller_says_what_the_event_says(desk: Desk, column: str) -> None:
    desk.submit(desk.expert())
    with desk.store.read() as session:
        (standing,) = standings(session, [1]).values()
    with pytest.raises(ValueError, match=f"{column}: the event says that"):
        Change(standing, desk.clock.now(), columns={column: None})
