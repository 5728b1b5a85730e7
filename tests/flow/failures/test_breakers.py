"""Breakers: many equal failures are one incident, one probe runs, and success lets the rest go bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.core.analyses.waiting_retries import WaitingRetries
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.worker.buffers import End
from ba2_trade_platform.vocabulary import BreakerState, ErrorCode, Outcome, Status
from tests.fakes.experts import Catalog, Scripted
from tests.platforms import TRADER
from tests.sql import ask, one
from tests.stepped import Desk, SteppedWorker, failure_of, make_desk, worked

POLICY = {
    "breaker_failures": 4,
    "breaker_window_seconds": 60,
    "breaker_cooldown_seconds": 30,
    "breaker_drain_per_minute": 60,
}
SYMBOLS = ("AAPL", "MSFT", "AMD", "COST", "INTC", "GPS", "MMM", "DELL", "CERN", "IBM")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    experts = Catalog(Scripted(asks=("openai",)), Scripted("Other", asks=("anthropic",)))
    made = make_desk(tmp_path, experts, slots=16, **POLICY)
    yield made
    made.close()


def worker_of(desk: Desk) -> SteppedWorker:
    return desk.worker()


def expert(desk: Desk, name: str = "Scripted", **limits: Any) -> int:
    return desk.expert(name, **{"max_concurrent": 16, "max_retries": 5, "retry_base_seconds": 1, **limits})


def fail(desk: Desk, worker: SteppedWorker, ids: list[int], code: ErrorCode = ErrorCode.PROVIDER_DOWN) -> None:
    """Let these running analyses fail together."""
    now = desk.clock.now()
    claims = [worker.leased[analysis_id] for analysis_id in ids]
    whys = [replace(failure_of(claim, code, "It is down"), retry_after=None) for claim in claims]
    ends = [End(Outcome.FAILED, now, failure=why) for why in whys]
    worker.tick(*(worked(claim, now, end) for claim, end in zip(claims, ends, strict=True)))


def outage(desk: Desk, worker: SteppedWorker, count: int = 4, name: str = "Scripted") -> list[int]:
    """Submit analyses and let all of them fail at once; return their ids."""
    instance = expert(desk, name)
    ids = [desk.submit(instance, symbol) for symbol in SYMBOLS[:count]]
    worker.tick()
    fail(desk, worker, ids)
    return ids


def retrying(desk: Desk) -> WaitingRetries:
    return desk.platform.waiting_retries


def state(desk: Desk) -> BreakerState:
    return desk.platform.breakers.list()[0].state


def test_many_equal_failures_of_one_provider_are_one_incident(desk: Desk) -> None:
    worker = worker_of(desk)
    outage(desk, worker, 6)
    found = desk.platform.breakers.list()
    assert len(found) == 1
    assert (found[0].provider, found[0].code, found[0].state) == ("openai", "PROVIDER_DOWN", "open")
    assert (found[0].failures, found[0].waiting) == (6, 6)
    assert found[0].probe_at == desk.clock.now() + timedelta(seconds=30)
    assert found[0].sentence == "openai is held back (6 failures PROVIDER_DOWN within 60 s): 6 retries wait"


def test_too_few_too_slow_or_permanent_failures_open_nothing(desk: Desk) -> None:
    worker = worker_of(desk)
    instance = expert(desk, max_retries=0)
    for symbol in SYMBOLS[:8]:
        fail(desk, worker, [claimed(desk, worker, instance, symbol)])
        desk.clock.advance(25)
    ids = [desk.submit(instance, symbol) for symbol in SYMBOLS[:8]]
    desk.clock.advance(100)
    worker.tick()
    fail(desk, worker, ids, ErrorCode.AUTH)
    assert desk.platform.breakers.list() == []


def claimed(desk: Desk, worker: SteppedWorker, instance: int, symbol: str) -> int:
    analysis_id = desk.submit(instance, symbol)
    worker.claim(analysis_id)
    return analysis_id


def test_only_retries_for_that_provider_wait(desk: Desk) -> None:
    worker = worker_of(desk)
    ids = outage(desk, worker)
    other = desk.submit(expert(desk, "Other"), "AAPL")
    new = desk.submit(desk.row(ids[0]).expert_instance_id, "IBM")
    desk.clock.advance(20)
    assert {claim.analysis_id for claim in worker.tick().claims} == {other, new}
    fail(desk, worker, [other], ErrorCode.PROVIDER_DOWN)
    desk.clock.advance(5)
    assert {claim.analysis_id for claim in worker.tick().claims} == {other}


def test_one_probe_runs_and_its_success_drains_the_rest_at_the_set_rate(desk: Desk) -> None:
    worker = worker_of(desk)
    ids = outage(desk, worker)
    desk.clock.advance(30)
    probe = [claim.analysis_id for claim in worker.tick().claims]
    assert len(probe) == 1
    assert state(desk) is BreakerState.PROBING
    assert worker.tick().claims == []
    worker.succeed(worker.leased[probe[0]])
    begun = [claim.analysis_id for claim in worker.leased.values()]
    assert state(desk) is BreakerState.DRAINING
    seconds = 0
    while len(begun) < 3:
        begun += [claim.analysis_id for claim in worker.tick().claims]
        desk.clock.advance(1)
        seconds += 1
        assert len(begun) <= seconds
    worker.tick()
    assert state(desk) is BreakerState.CLOSED
    assert {*probe, *begun} == set(ids)
    closed = desk.platform.breakers.list()[0]
    assert closed.close_reason == f"analysis {probe[0]} got an answer"
    assert closed.released == 3


def test_a_probe_that_fails_doubles_the_wait_for_the_next(desk: Desk) -> None:
    worker = worker_of(desk)
    outage(desk, worker)
    for wait in (30, 60, 120, 240, 480, 600, 600):
        breaker = desk.platform.breakers.list()[0]
        assert (breaker.state, breaker.cooldown_seconds) == (BreakerState.OPEN, wait)
        desk.clock.advance(wait - 1)
        assert worker.tick().claims == []
        desk.clock.advance(1)
        (probe,) = worker.tick().claims
        fail(desk, worker, [probe.analysis_id])
    assert desk.platform.breakers.list()[0].probes == 7


@pytest.mark.parametrize(
    ("code", "after"),
    [(ErrorCode.AUTH, BreakerState.DRAINING), (ErrorCode.BUG, BreakerState.PROBING)],
)
def test_a_probe_that_fails_otherwise_is_an_answer_or_says_nothing(
    desk: Desk, code: ErrorCode, after: BreakerState
) -> None:
    worker = worker_of(desk)
    outage(desk, worker)
    desk.clock.advance(30)
    (first,) = worker.tick().claims
    fail(desk, worker, [first.analysis_id], code)
    worker.tick()
    assert state(desk) is after


def test_a_probe_that_is_cancelled_or_deleted_makes_way_for_another(desk: Desk) -> None:
    worker = worker_of(desk)
    outage(desk, worker)
    desk.clock.advance(30)
    worker.tick()
    for verb in (desk.analyses.cancel, desk.analyses.delete):
        (probe,) = worker.leased.values()
        verb(probe.analysis_id, by=TRADER)
        worker.tick()
        worker.tick()
        (following,) = worker.leased.values()
        assert following.analysis_id != probe.analysis_id
        assert state(desk) is BreakerState.PROBING


def test_a_probe_that_was_interrupted_goes_on_as_the_probe(desk: Desk) -> None:
    worker = worker_of(desk)
    outage(desk, worker)
    desk.clock.advance(30)
    (probe,) = worker.tick().claims
    worker.tick(releasing=True)
    following = worker_of(desk)
    claims = [claim for _ in range(3) for claim in following.tick(boot=False).claims]
    assert [(claim.analysis_id, claim.attempt) for claim in claims] == [(probe.analysis_id, probe.attempt + 1)]
    following.succeed(claims[0])
    assert state(desk) is BreakerState.DRAINING


def test_failures_while_draining_open_it_again(desk: Desk) -> None:
    worker = worker_of(desk)
    ids = outage(desk, worker, 8)
    desk.clock.advance(30)
    (probe,) = worker.tick().claims
    worker.succeed(probe)
    for _ in range(4):
        desk.clock.advance(1)
        worker.tick()
        fail(desk, worker, list(worker.leased))
    assert state(desk) is BreakerState.OPEN
    waiting = [analysis_id for analysis_id in ids if desk.row(analysis_id).status is Status.PENDING]
    assert len(waiting) == 7


def test_when_nothing_waits_any_more_it_closes_by_itself(desk: Desk) -> None:
    worker = worker_of(desk)
    for analysis_id in outage(desk, worker):
        desk.analyses.cancel(analysis_id, by=TRADER)
    desk.clock.advance(30)
    worker.tick()
    assert state(desk) is BreakerState.CLOSED


def test_a_person_holds_a_provider_back_until_a_person_lets_it_go(desk: Desk) -> None:
    breakers, worker, instance = desk.platform.breakers, worker_of(desk), expert(desk)
    opened = breakers.open("openai", by=TRADER, reason="they announced maintenance")
    assert (opened.opened_by, opened.reason, opened.probe_at) == ("trader", "they announced maintenance", None)
    analysis_id = claimed(desk, worker, instance, "AAPL")
    fail(desk, worker, [analysis_id])
    desk.clock.advance(10_000)
    assert worker.tick().claims == []
    closing = breakers.close("openai", by=TRADER, reason="maintenance is over")
    assert (closing.state, closing.closed_by) == (BreakerState.DRAINING, "trader")
    worker.tick()
    assert [claim.analysis_id for claim in worker.leased.values()] == [analysis_id]
    assert breakers.active() == []
    noted = ask(desk.file, "SELECT what, reason FROM activity_log WHERE what = 'open'")
    assert noted == [("open", "they announced maintenance")]


def test_a_person_s_rerun_does_not_wait_for_the_breaker(desk: Desk) -> None:
    worker = worker_of(desk)
    instance = expert(desk, max_retries=0)
    desk.platform.breakers.open("openai", by=TRADER, reason="maintenance")
    analysis_id = claimed(desk, worker, instance, "AAPL")
    fail(desk, worker, [analysis_id])
    desk.analyses.rerun(analysis_id, by=TRADER)
    assert [claim.analysis_id for claim in worker.tick().claims] == [analysis_id]


def test_what_makes_no_sense_is_refused(desk: Desk) -> None:
    breakers = desk.platform.breakers
    with pytest.raises(Invalid, match="Say why"):
        breakers.open("openai", by=TRADER, reason="  ")
    with pytest.raises(Invalid, match="Name the provider"):
        breakers.open(" ", by=TRADER, reason="why not")
    breakers.open("openai", by=TRADER, reason="maintenance")
    with pytest.raises(Refused, match="Retries for openai already wait"):
        breakers.open("openai", by=TRADER, reason="again")
    with pytest.raises(NotFound, match="No breaker holds back retries for anthropic"):
        breakers.close("anthropic", by=TRADER, reason="over")
    breakers.close("openai", by=TRADER, reason="over")
    with pytest.raises(Refused, match="already going again"):
        breakers.close("openai", by=TRADER, reason="over")


def test_after_it_was_closed_old_failures_do_not_open_it_again(desk: Desk) -> None:
    worker = worker_of(desk)
    ids = outage(desk, worker)
    desk.platform.breakers.close("openai", by=TRADER, reason="I know better")
    for _ in range(6):
        worker.tick()
        desk.clock.advance(2)
    assert state(desk) is BreakerState.CLOSED
    fail(desk, worker, [ids[0]])
    assert one(desk.file, "SELECT COUNT(*) FROM breaker") == 1


def test_a_probe_that_is_stopped_before_it_began_says_nothing_of_the_provider(desk: Desk) -> None:
    worker = worker_of(desk)
    outage(desk, worker)
    desk.clock.advance(30)
    desk.queue.pause(by=TRADER)
    worker.tick()
    probe = desk.platform.breakers.list()[0].probe_analysis_id
    assert probe is not None
    retrying(desk).stop(probe, by=TRADER)
    worker.tick()
    worker.tick()
    breaker = desk.platform.breakers.list()[0]
    assert (breaker.state, breaker.cooldown_seconds) == (BreakerState.PROBING, 30)
    assert breaker.probe_analysis_id not in (None, probe)


def test_a_probe_never_asks_a_provider_before_the_time_that_it_named(desk: Desk) -> None:
    worker, instance = worker_of(desk), expert(desk)
    ids = [desk.submit(instance, symbol) for symbol in SYMBOLS[:4]]
    worker.tick()
    named, now = 120.0, desk.clock.now()
    whys = [
        replace(failure_of(worker.leased[key], ErrorCode.RATE_LIMIT, "Slow down"), retry_after=named) for key in ids
    ]
    ends = [End(Outcome.FAILED, now, failure=why) for why in whys]
    worker.tick(*(worked(worker.leased[key], now, end) for key, end in zip(ids, ends, strict=True)))
    desk.clock.advance(named - 1)
    assert worker.tick().claims == []
    probe_at = desk.platform.breakers.list()[0].probe_at
    assert probe_at is not None
    assert probe_at >= now + timedelta(seconds=named)
    desk.clock.advance((probe_at - desk.clock.now()).total_seconds())
    assert len(worker.tick().claims) == 1


def test_one_that_a_person_opened_cools_down_too_when_it_opens_again(desk: Desk) -> None:
    breakers, worker = desk.platform.breakers, worker_of(desk)
    breakers.open("openai", by=TRADER, reason="they announced maintenance")
    outage(desk, worker, 8)
    breakers.close("openai", by=TRADER, reason="it should be back")
    for _ in range(5):
        desk.clock.advance(1)
        worker.tick()
        fail(desk, worker, list(worker.leased))
    again = breakers.list()[0]
    assert (again.state, again.cooldown_seconds) == (BreakerState.OPEN, 30)
    assert again.sentence.startswith("openai is held back (4 failures PROVIDER_DOWN within 60 s)")


def test_troubles_of_this_console_hold_nobody_back(desk: Desk) -> None:
    worker, instance = worker_of(desk), expert(desk)
    ids = [desk.submit(instance, symbol) for symbol in SYMBOLS[:6]]
    worker.tick()
    fail(desk, worker, ids, ErrorCode.MEMORY_STORE)
    assert desk.platform.breakers.list() == []


def test_a_suspended_machine_does_not_let_all_go_at_once_when_it_wakes(desk: Desk) -> None:
    worker = worker_of(desk)
    outage(desk, worker, 10)
    desk.clock.advance(30)
    (probe,) = worker.tick().claims
    worker.succeed(probe)
    desk.clock.advance(3600)
    assert len(worker.tick().claims) <= 3
    desk.clock.advance(1)
    assert len(worker.tick().claims) == 1
