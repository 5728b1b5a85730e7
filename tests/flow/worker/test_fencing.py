"""Fencing: a stale worker that finishes late changes no row, for its lease guards everything it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ba2_trade_platform.core.worker.buffers import End, OutputRecord, StepRecord, WriteBatch
from ba2_trade_platform.vocabulary import Outcome, Status, StepStatus
from tests.fakes.experts import hold
from tests.platforms import TRADER
from tests.sql import dump, one
from tests.stepped import Desk, make_desk, worked


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


def everything(desk: Desk, claim: object) -> WriteBatch:
    """Return the sheet of a late worker that writes everything a worker can write."""
    now = desk.clock.now()
    write_batch = worked(claim, now, End(Outcome.COMPLETED, now, hold(90)), outputs=2)  # type: ignore[arg-type]  # a Claim
    write_batch.steps[2] = StepRecord(2, "More", StepStatus.COMPLETED, "hash", now, now, {"more": True}, replaces=True)
    write_batch.outputs.append(OutputRecord(2, "note", "With data", "text", now, b"raw"))
    return write_batch


def test_after_a_rescue_the_first_workers_result_changes_nothing_and_is_counted(desk: Desk) -> None:
    stale, fresh = desk.worker("stale"), desk.worker("fresh")
    analysis_id = desk.submit(desk.expert())
    late = stale.claim(analysis_id)
    desk.clock.advance(31)
    fresh.tick()
    current = fresh.leased[analysis_id]
    assert (late.attempt, current.attempt) == (1, 2)
    before = dump(desk.file)
    assert stale.tick(everything(desk, late)).stale == 1
    assert dump(desk.file) == before
    assert fresh.succeed(current).stale == 0
    found = desk.row(analysis_id)
    assert (found.status, found.attempt, found.confidence) == (Status.COMPLETED, 2, 50)
    assert one(desk.file, "SELECT COUNT(*) FROM analysis_output") == 1


@pytest.mark.parametrize("verb", ["cancel", "delete"])
def test_a_result_for_what_was_cancelled_or_deleted_meanwhile_is_discarded(desk: Desk, verb: str) -> None:
    worker, analysis_id = desk.worker(), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    {"cancel": desk.analyses.cancel, "delete": desk.analyses.delete}[verb](analysis_id, by=TRADER)
    before = dump(desk.file)
    assert worker.tick(everything(desk, claim)).stale == 1
    assert dump(desk.file) == before


def test_the_token_alone_makes_the_difference(desk: Desk) -> None:
    worker, analysis_id = desk.worker(), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    for forged in (replace(claim, token=claim.token[::-1]), replace(claim, attempt=2), replace(claim, analysis_id=99)):
        before = dump(desk.file)
        assert desk.worker().tick(everything(desk, forged)).stale == 1
        assert dump(desk.file) == before


def test_each_claim_mints_a_token_of_its_own(desk: Desk) -> None:
    worker, expert = desk.worker(), desk.expert()
    tokens = set()
    for symbol in ("AAPL", "MSFT", "INTC"):
        desk.submit(expert, symbol)
    worker.tick()
    tokens |= {claim.token for claim in worker.leased.values()}
    worker.tick(releasing=True)
    worker.tick()
    tokens |= {claim.token for claim in worker.leased.values()}
    assert len(tokens) == 6


def test_a_late_result_aborts_nobody_elses_in_the_same_tick(desk: Desk) -> None:
    worker, expert = desk.worker(), desk.expert()
    gone, good = desk.submit(expert, "AAPL"), desk.submit(expert, "MSFT")
    worker.tick()
    claims = dict(worker.leased)
    desk.analyses.cancel(gone, by=TRADER)
    ticked = worker.tick(everything(desk, claims[gone]), everything(desk, claims[good]))
    assert ticked.stale == 1
    assert desk.row(good).status is Status.COMPLETED
    assert desk.row(gone).status is Status.CANCELLED
    assert one(desk.file, "SELECT COUNT(*) FROM analysis_output WHERE market_analysis_id = ?", good) == 3


def test_the_worker_is_told_which_leases_it_has_lost(desk: Desk) -> None:
    worker, analysis_id = desk.worker(), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    desk.analyses.cancel(analysis_id, by=TRADER)
    assert worker.tick().lost == [claim]
    assert worker.leased == {}


def test_the_same_end_written_twice_counts_once(desk: Desk) -> None:
    worker, analysis_id = desk.worker(), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    assert worker.succeed(claim).stale == 0
    before = dump(desk.file)
    assert worker.succeed(claim).stale == 1
    assert dump(desk.file) == before


def test_a_lease_that_is_renewed_is_not_taken_over(desk: Desk) -> None:
    worker, other, analysis_id = desk.worker("one"), desk.worker("two"), desk.submit(desk.expert())
    worker.claim(analysis_id)
    for _ in range(4):
        desk.clock.advance(20)
        worker.tick(renew=True)
        assert other.tick().rescued == 0
    assert desk.row(analysis_id).attempt == 1


def test_after_a_suspend_a_worker_does_not_rescue_what_it_holds_itself(desk: Desk) -> None:
    worker, analysis_id = desk.worker(), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    desk.clock.advance(3_600)
    assert worker.tick().rescued == 0
    assert worker.succeed(claim).stale == 0
    assert (desk.row(analysis_id).status, desk.row(analysis_id).attempt) == (Status.COMPLETED, 1)


def test_a_boot_that_takes_several_ticks_does_not_rescue_what_it_has_claimed_itself(tmp_path: Path) -> None:
    desk = make_desk(tmp_path / "boot")
    expert = desk.expert()
    first = desk.submit(expert, "AAPL")
    worker = desk.worker()
    worker.tick(boot=True)
    assert worker.tick(boot=True).rescued == 0
    assert (desk.row(first).status, desk.row(first).attempt) == (Status.RUNNING, 1)
    desk.close()
