"""Attempt buffers: each entry is taken once, and after the end nothing more comes in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.failures.classification import failure
from ba2_trade_platform.core.worker.buffers import AttemptBuffer, End, OutputRecord, StepRecord, WriteBatch
from ba2_trade_platform.vocabulary import ErrorCode, Mode, Outcome, StepStatus, Subtype
from tests.fakes.experts import hold

NOW = datetime(2026, 3, 2, tzinfo=UTC)
RUNNING = StepRecord(1, "Look", StepStatus.RUNNING, "hash", NOW)
DONE = StepRecord(1, "Look", StepStatus.COMPLETED, "hash", NOW, NOW, 1)
FAILED = End(Outcome.FAILED, NOW, failure=failure(ErrorCode.AUTH, "no key"))


@pytest.fixture
def buffer() -> AttemptBuffer:
    claim = Claim(7, 1, "token", 1, "Alias", "Scripted", {}, 600, "AAPL", Subtype.ENTER_MARKET, Mode.FRESH, NOW, NOW)
    return AttemptBuffer(claim)


def note(buffer: AttemptBuffer, *steps: StepRecord, **parts: object) -> None:
    """Note steps and other parts of what is to be written, as a context does."""

    def write(batch: WriteBatch) -> None:
        batch.steps |= {step.position: step for step in steps}
        for name, part in parts.items():
            setattr(batch, name, part)

    buffer.note(write)


def test_what_is_taken_is_taken_once_and_only_the_newest_of_a_step_is_kept(buffer: AttemptBuffer) -> None:
    note(buffer, RUNNING, progress=10, current_step="Look")
    note(buffer, DONE, progress=50, current_step=None)
    buffer.note(lambda batch: batch.outputs.append(OutputRecord(1, "note", "One", "text", NOW)))
    note(buffer, state={"seen": 1}, provisional=hold())
    write_batch = buffer.take()
    assert (write_batch.steps, write_batch.progress, write_batch.current_step, write_batch.state) == (
        {1: DONE},
        50,
        None,
        {"seen": 1},
    )
    assert [output.name for output in write_batch.outputs] == ["One"]
    assert write_batch.provisional == hold()
    assert buffer.take().empty


def test_the_first_end_counts_and_nothing_comes_after_it(buffer: AttemptBuffer) -> None:
    buffer.end(FAILED)
    buffer.end(End(Outcome.COMPLETED, NOW, verdict=hold()))
    note(buffer, DONE, progress=50, current_step=None, state={}, provisional=hold())
    buffer.note(lambda batch: batch.outputs.append(OutputRecord(1, "note", "Late", "text", NOW)))
    assert buffer.closed
    assert not buffer.settled
    assert buffer.take() == WriteBatch(buffer.claim, end=FAILED)
    assert buffer.settled


def test_what_is_dropped_is_never_written(buffer: AttemptBuffer) -> None:
    note(buffer, RUNNING, progress=10, current_step="Look")
    buffer.drop()
    buffer.end(FAILED)
    assert buffer.closed
    assert buffer.settled
    assert buffer.take().empty


@pytest.mark.parametrize(
    "part", [{"progress": 0}, {"state": {}}, {"end": FAILED}, {"steps": {1: DONE}}, {"provisional": hold()}]
)
def test_a_sheet_is_blank_only_when_it_says_nothing(buffer: AttemptBuffer, part: dict[str, object]) -> None:
    assert WriteBatch(buffer.claim).empty
    assert not WriteBatch(buffer.claim, **part).empty  # type: ignore[arg-type]  # one part at a time
