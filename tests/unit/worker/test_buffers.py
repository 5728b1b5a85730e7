"""Attempt buffers: what is taken once is taken, and after the end nothing more comes in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.failures.classification import failure
from ba2_trade_platform.core.worker.buffers import End, Ledger, OutputRecord, Sheet, StepRecord
from ba2_trade_platform.vocabulary import ErrorCode, Mode, Outcome, StepStatus, Subtype
from tests.fakes.experts import hold

NOW = datetime(2026, 3, 2, tzinfo=UTC)
RUNNING = StepRecord(1, "Look", StepStatus.RUNNING, "hash", NOW)
DONE = StepRecord(1, "Look", StepStatus.COMPLETED, "hash", NOW, NOW, 1)
FAILED = End(Outcome.FAILED, NOW, failure=failure(ErrorCode.AUTH, "no key"))


@pytest.fixture
def ledger() -> Ledger:
    claim = Claim(7, 1, "token", 1, "Alias", "Scripted", {}, 600, "AAPL", Subtype.ENTER_MARKET, Mode.FRESH, NOW, NOW)
    return Ledger(claim)


def test_what_is_taken_is_taken_once_and_only_the_newest_of_a_step_is_kept(ledger: Ledger) -> None:
    ledger.step(RUNNING, 10, "Look")
    ledger.step(DONE, 50, None)
    ledger.output(OutputRecord(1, "note", "One", "text", NOW))
    ledger.state({"seen": 1})
    ledger.recommend(hold())
    sheet = ledger.take()
    assert (sheet.steps, sheet.progress, sheet.current_step, sheet.state) == ({1: DONE}, 50, None, {"seen": 1})
    assert [output.name for output in sheet.outputs] == ["One"]
    assert sheet.provisional == hold()
    assert ledger.take().blank


def test_the_first_end_counts_and_nothing_comes_after_it(ledger: Ledger) -> None:
    ledger.end(FAILED)
    ledger.end(End(Outcome.COMPLETED, NOW, verdict=hold()))
    ledger.step(DONE, 50, None)
    ledger.output(OutputRecord(1, "note", "Late", "text", NOW))
    ledger.state({})
    ledger.recommend(hold())
    assert ledger.closed
    assert not ledger.settled
    assert ledger.take() == Sheet(ledger.claim, end=FAILED)
    assert ledger.settled


def test_what_is_dropped_is_never_written(ledger: Ledger) -> None:
    ledger.step(RUNNING, 10, "Look")
    ledger.drop()
    ledger.end(FAILED)
    assert ledger.closed
    assert ledger.settled
    assert ledger.take().blank


@pytest.mark.parametrize(
    "part", [{"progress": 0}, {"state": {}}, {"end": FAILED}, {"steps": {1: DONE}}, {"provisional": hold()}]
)
def test_a_sheet_is_blank_only_when_it_says_nothing(ledger: Ledger, part: dict[str, object]) -> None:
    assert Sheet(ledger.claim).blank
    assert not Sheet(ledger.claim, **part).blank  # type: ignore[arg-type]  # one part at a time
