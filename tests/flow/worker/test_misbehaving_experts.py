"""Misbehaving experts: the analysis of each ends with a reason, and the others go on."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError, Skipped, Verdict
from ba2_trade_platform.vocabulary import ErrorCode, Signal, Status
from tests.fakes.experts import Gate, Scripted, hold
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, drain, row, wait_until
from tests.scripted_console import console, submit_to
from tests.sql import ask, file_of

SYMBOLS = ["AAPL", "MSFT", "INTC", "AMD", "CERN", "COST", "GPS", "MMM"]


class UnspeakableError(Exception):
    """Cannot be put into words."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


async def exits(context: AnalysisContext) -> Verdict:
    sys.exit(3)


async def interrupts(context: AnalysisContext) -> Verdict:
    raise KeyboardInterrupt


async def exits_in_a_thread(context: AnalysisContext) -> Verdict:
    return await context.step("Leave", lambda: sys.exit(3))


async def exits_in_a_task_of_its_own(context: AnalysisContext) -> Verdict:
    await asyncio.gather(exits(context), asyncio.sleep(0))
    return hold()


async def returns_garbage(context: AnalysisContext) -> Any:
    return {"action": "BUY"}


async def returns_a_hollow_verdict(context: AnalysisContext) -> Verdict:
    return Verdict.model_construct(details="no action, no confidence")


async def recommends_garbage(context: AnalysisContext) -> Verdict:
    context.recommend("BUY")  # type: ignore[arg-type]  # wrong on purpose
    return hold()


async def cancels_itself(context: AnalysisContext) -> Verdict:
    raise asyncio.CancelledError


async def cannot_say_what_happened(context: AnalysisContext) -> Verdict:
    raise UnspeakableError


async def expects_a_negative_number_of_steps(context: AnalysisContext) -> Verdict:
    context.expect(-5)
    await context.step("One", lambda: 1)
    raise ExpertError(ErrorCode.AUTH, "the key is wrong")


async def stops_iterating(context: AnalysisContext) -> Verdict:
    return await context.step("Next", lambda: next(iter(())))


async def keeps_too_much_state(context: AnalysisContext) -> Verdict:
    context.save_state({"everything": "x" * 300_000})
    return hold()


MISCHIEF = [
    (exits, "BUG", "SystemExit"),
    (interrupts, "BUG", "KeyboardInterrupt"),
    (exits_in_a_thread, "BUG", "SystemExit"),
    (exits_in_a_task_of_its_own, "BUG", "SystemExit"),
    (returns_garbage, "BUG", "returned dict instead of a Verdict"),
    (returns_a_hollow_verdict, "BUG", "AttributeError"),
    (recommends_garbage, "BUG", "recommended str instead of a Verdict"),
    (cancels_itself, "BUG", "cancelled itself"),
    (cannot_say_what_happened, "BUG", "cannot be put into words"),
    (expects_a_negative_number_of_steps, "AUTH", "the key is wrong"),
    (stops_iterating, "BUG", "StopIteration"),
    (keeps_too_much_state, "BUG", "at most 262144 are kept"),
]


@pytest.fixture(scope="module")
def mischief(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, dict[str, int]]]:
    """A console on which every kind of mischief has happened at once, among analyses that are in order."""
    experts = [Scripted(act.__name__, act) for act, _, _ in MISCHIEF]
    with console(tmp_path_factory.mktemp("mischief"), *experts, workers=16) as platform:
        jobs = {}
        for number, expert in enumerate(experts):
            jobs[expert.name] = submit_to(platform, expert.name)
            jobs[f"good {number}"] = submit_to(platform, "Steady", SYMBOLS[number % 8], priority=number // 8)
        drain(platform)
        jobs["good afterwards"] = submit_to(platform, "Steady", "MMM")
        drain(platform)
        yield platform, jobs


@pytest.mark.parametrize(("act", "code", "says"), MISCHIEF, ids=[act.__name__ for act, _, _ in MISCHIEF])
def test_mischief_ends_failed_with_its_reason(
    mischief: tuple[Platform, dict[str, int]], act: Any, code: str, says: str
) -> None:
    platform, jobs = mischief
    failed = row(platform, jobs[act.__name__])
    assert (failed.status, failed.error_code, failed.attempt) == (Status.FAILED, code, 1)
    assert says in failed.error_message


def test_the_neighbours_of_mischief_complete_at_their_first_attempt(
    mischief: tuple[Platform, dict[str, int]],
) -> None:
    platform, jobs = mischief
    good = [row(platform, analysis_id) for name, analysis_id in jobs.items() if name.startswith("good")]
    assert len(good) == len(MISCHIEF) + 1
    assert {(found.status, found.attempt) for found in good} == {(Status.COMPLETED, 1)}
    assert platform.worker.status.storage_problem is None


def test_an_expert_with_nothing_to_say_is_skipped_with_its_reason(tmp_path: Path) -> None:
    async def skips(context: AnalysisContext) -> Verdict:
        raise Skipped("It holds no position in AAPL")

    with console(tmp_path, Scripted("Skipper", skips)) as platform:
        skipped = submit_to(platform, "Skipper")
        drain(platform)
        found = row(platform, skipped)
        assert (found.status, found.error_code) == (Status.SKIPPED, "EXPERT_SKIPPED")
        assert found.error_message == "It holds no position in AAPL"
        assert found.started_at is not None
        assert found.finished_at is not None


def test_an_expert_that_blocks_the_loop_for_two_seconds_delays_the_others_but_loses_none(tmp_path: Path) -> None:
    async def blocks(context: AnalysisContext) -> Verdict:
        time.sleep(2)  # noqa: ASYNC251 - just what an expert must not do
        return hold()

    with console(tmp_path, Scripted("Blocker", blocks)) as platform:
        jobs = [submit_to(platform, "Blocker"), submit_to(platform, "Steady"), submit_to(platform, "Steady", "MSFT")]
        drain(platform)
        assert [(found.status, found.attempt) for found in (row(platform, job) for job in jobs)] == [
            (Status.COMPLETED, 1)
        ] * 3


def test_an_unreadable_answer_fails_and_leaves_a_review_that_is_never_current(tmp_path: Path) -> None:
    async def mumbles(context: AnalysisContext) -> Verdict:
        raise ExpertError(ErrorCode.OUTPUT_INVALID, "The answer is no JSON")

    with console(tmp_path, Scripted("Mumbler", mumbles)) as platform:
        failed = submit_to(platform, "Mumbler")
        drain(platform)
        review = platform.monitoring.details.recommendation(failed)
        assert row(platform, failed).error_code == "OUTPUT_INVALID"
        assert review is not None
        assert (review.action, review.is_current, review.details) == (Signal.REVIEW, False, "The answer is no JSON")


def test_what_an_expert_does_to_a_steps_result_does_not_change_what_was_recorded(tmp_path: Path) -> None:
    async def scribbles(context: AnalysisContext) -> Verdict:
        found = await context.step("Look", lambda: {"close": 1.5, "days": [1]})
        found["close"] = 99
        found["days"].append(2)
        context.save_state({"days": [1]})
        context.state["days"].append(2)  # type: ignore[index]  # it was saved a line before
        return hold()

    with console(tmp_path, Scripted("Scribbler", scribbles)) as platform:
        done = submit_to(platform, "Scribbler")
        drain(platform)
        ((result,),) = ask(file_of(platform), "SELECT result FROM analysis_step_result")
        assert result == '{"close": 1.5, "days": [1]}'
        assert platform.monitoring.details.state(done) == {"days": [1]}


def test_a_swallowed_cancel_frees_the_row_at_once_and_the_slot_when_it_returns(tmp_path: Path) -> None:
    gate = Gate()

    async def swallows(context: AnalysisContext) -> Verdict:
        while not gate.opened.is_set():
            try:
                await gate.hold()
            except asyncio.CancelledError:
                continue
        return hold(details="too late")

    with console(tmp_path, Scripted("Swallower", swallows)) as platform:
        stubborn = submit_to(platform, "Swallower")
        gate.arrived()
        platform.analyses.cancel(stubborn, by=TRADER)
        assert row(platform, stubborn).status is Status.CANCELLED
        wait_until(platform, lambda: stubborn in platform.worker.status.stopping, "showing it as stopping")
        gate.open()
        wait_until(platform, lambda: platform.worker.status.busy == 0, "freeing the slot")
        assert row(platform, stubborn).status is Status.CANCELLED
        assert platform.monitoring.details.recommendation(stubborn) is None


def test_a_running_expert_is_really_stopped_by_a_cancel(tmp_path: Path) -> None:
    gate, stopped = Gate(), threading.Event()

    async def waits(context: AnalysisContext) -> Verdict:
        try:
            await context.step("Wait", gate.hold)
        finally:
            stopped.set()
        return hold()

    with console(tmp_path, Scripted("Waiter", waits)) as platform:
        waiting = submit_to(platform, "Waiter")
        gate.arrived()
        wait_until(platform, lambda: bool(platform.monitoring.details.steps(waiting)), "showing the step")
        done = platform.analyses.cancel(waiting, by=TRADER, reason="wrong symbol")
        assert done.sentence == f"Analysis {waiting} cancelled"
        assert stopped.wait(EVENT_SECONDS)
        wait_until(platform, lambda: platform.worker.status.busy == 0, "freeing the slot")
        found = row(platform, waiting)
        assert (found.status, found.current_step, found.error_code) == (Status.CANCELLED, None, None)
        (attempt,) = platform.monitoring.details.attempts(waiting)
        assert (attempt.outcome, attempt.finished_at) == ("cancelled", found.finished_at)
        assert [(step.status, step.error_message) for step in platform.monitoring.details.steps(waiting)] == [
            ("failed", "cancelled")
        ]


def test_a_blocked_thread_that_ignores_a_cancel_keeps_its_slot_until_it_returns(tmp_path: Path) -> None:
    gate = Gate()

    async def blocks(context: AnalysisContext) -> Verdict:
        await context.step("Block", gate.block)
        return hold()

    with console(tmp_path, Scripted("Blocker", blocks), workers=1) as platform:
        deaf = submit_to(platform, "Blocker")
        gate.arrived()
        platform.analyses.cancel(deaf, by=TRADER)
        assert row(platform, deaf).status is Status.CANCELLED
        wait_until(platform, lambda: platform.worker.status.stopping == {deaf}, "showing it as stopping")
        waiting = submit_to(platform, "Steady", "MSFT")
        wait_until(platform, lambda: platform.worker.status.busy == 1, "ticking again")
        assert row(platform, waiting).status is Status.PENDING
        gate.open()
        drain(platform)
        assert row(platform, waiting).status is Status.COMPLETED
        assert row(platform, deaf).status is Status.CANCELLED
        assert platform.worker.status.stopping == frozenset()


def test_a_thread_that_asks_between_its_pieces_of_work_stops_by_itself_when_cancelled(tmp_path: Path) -> None:
    gate = Gate()

    async def asks(context: AnalysisContext) -> Verdict:
        def work() -> None:
            gate.reached.set()
            while not gate.opened.wait(0.01):
                context.check()

        await context.step("Work", work)
        return hold()

    with console(tmp_path, Scripted("Polite", asks)) as platform:
        polite = submit_to(platform, "Polite")
        gate.arrived()
        platform.analyses.cancel(polite, by=TRADER)
        wait_until(platform, lambda: platform.worker.status.busy == 0, "stopping")
        assert not gate.opened.is_set()
        assert row(platform, polite).status is Status.CANCELLED


@pytest.mark.parametrize("blocking", [False, True])
def test_out_of_time_it_fails_as_timeout_and_its_step_does_not_stay_running(tmp_path: Path, blocking: bool) -> None:
    gate = Gate()

    async def dawdles(context: AnalysisContext) -> Verdict:
        await context.step("Dawdle", gate.block if blocking else gate.hold)
        return hold()

    with console(tmp_path, Scripted("Dawdler", dawdles)) as platform:
        instance = next(found for found in platform.experts.list() if found.alias == "Dawdler")
        platform.experts.update(instance.id, by=TRADER, timeout_seconds=0.3)
        late = submit_to(platform, "Dawdler")
        wait_until(platform, lambda: row(platform, late).status is Status.FAILED, "the time limit")
        found = row(platform, late)
        assert (found.error_code, found.error_message) == (
            "TIMEOUT",
            "The attempt did not end within its limit of 0.3 s",
        )
        assert found.failure_kind == "transient"
        (step,) = platform.monitoring.details.steps(late)
        assert (step.status, step.error_message, step.finished_at) == ("failed", found.error_message, found.finished_at)
        if blocking:
            wait_until(platform, lambda: platform.worker.status.stopping == {late}, "showing it as stopping")
        gate.open()
        wait_until(platform, lambda: platform.worker.status.busy == 0, "freeing the slot")
        assert row(platform, late).status is Status.FAILED


def test_the_time_limit_is_of_each_attempt(tmp_path: Path) -> None:
    gate = Gate()

    async def dawdles_once(context: AnalysisContext) -> Verdict:
        if context.attempt == 1:
            await gate.hold()
        return hold(price=Decimal("1.5"))

    with console(tmp_path, Scripted("Dawdler", dawdles_once)) as platform:
        instance = next(found for found in platform.experts.list() if found.alias == "Dawdler")
        platform.experts.update(instance.id, by=TRADER, timeout_seconds=0.5)
        late = submit_to(platform, "Dawdler")
        wait_until(platform, lambda: row(platform, late).status is Status.FAILED, "the time limit")
        platform.analyses.rerun(late, by=TRADER)
        drain(platform)
        assert row(platform, late).status is Status.COMPLETED
