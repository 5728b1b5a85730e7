"""Bad results: one that the database cannot take ends as BUG and never costs another."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.contracts.experts import Verdict
from ba2_trade_platform.core.worker.buffers import End, OutputRecord, StepRecord, WriteBatch
from ba2_trade_platform.vocabulary import Outcome, RiskLevel, Signal, Status, StepStatus, TimeHorizon
from tests.fakes.experts import Scripted, hold
from tests.platforms import TRADER, drain, row
from tests.scripted_console import console, submit_to
from tests.sql import ask, file_of, one
from tests.stepped import Desk, make_desk, worked

SYMBOLS = ["AAPL", "AMD", "CERN", "COST", "GPS", "INTC", "MMM"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


def smuggled(**values: Any) -> Verdict:
    """Return a verdict that nobody validated."""
    plain = {
        "action": Signal.HOLD, "confidence": 50.0, "expected_profit_percent": 0.0, "price": None, "target_price": None,
        "stop_price": None, "currency": "USD", "risk_level": RiskLevel.LOW, "time_horizon": TimeHorizon.SHORT,
        "details": "",
    }  # fmt: skip
    return Verdict.model_construct(**{**plain, **values})


def with_verdict(write_batch: WriteBatch, **values: Any) -> None:
    write_batch.end = End(Outcome.COMPLETED, write_batch.claim.started_at, smuggled(**values))


def with_output(write_batch: WriteBatch, text: Any, raw: Any = None) -> None:
    write_batch.outputs.append(OutputRecord(1, "note", "Poison", text, write_batch.claim.started_at, raw))


def with_result(write_batch: WriteBatch, result: Any) -> None:
    at = write_batch.claim.started_at
    write_batch.steps[2] = StepRecord(2, "Poison", StepStatus.COMPLETED, "hash", at, at, result)


POISONS = {
    "a confidence beyond 64 bits": lambda write_batch: with_verdict(write_batch, confidence=2**70),
    "a confidence of 500": lambda write_batch: with_verdict(write_batch, confidence=500),
    "an unknown action": lambda write_batch: with_verdict(write_batch, action="MAYBE"),
    "no action at all": lambda write_batch: with_verdict(write_batch, action=None),
    "a price that is no number": lambda write_batch: with_verdict(write_batch, price=Decimal("NaN")),
    "a signalling price": lambda write_batch: with_verdict(write_batch, price=Decimal("sNaN")),
    "a price beyond 64 bits": lambda write_batch: with_verdict(write_batch, price=Decimal(10) ** 30),
    "a lone surrogate": lambda write_batch: with_output(write_batch, "\ud800"),
    "an output that is no text": lambda write_batch: with_output(write_batch, {"not": "text"}),
    "raw data that are no bytes": lambda write_batch: with_output(write_batch, "text", object()),
    "a result that JSON cannot hold": lambda write_batch: with_result(write_batch, object()),
    "a result that holds itself": lambda write_batch: with_result(write_batch, (cycle := [], cycle.append(cycle))[0]),
    "an integer of 5,000 digits": lambda write_batch: with_result(write_batch, 10**5_000),
    "a recommendation that is none": lambda write_batch: (
        setattr(write_batch, "provisional", "BUY") or setattr(write_batch, "end", None)
    ),
    "an impossible progress": lambda write_batch: (
        setattr(write_batch, "progress", -20) or setattr(write_batch, "end", None)
    ),
    "a state that is none": lambda write_batch: setattr(write_batch, "state", {"at": object()}),
}


@pytest.mark.parametrize("poison", POISONS, ids=lambda name: name.replace(" ", "-"))
def test_the_poisoned_one_ends_as_bug_and_every_other_of_its_batch_completes(desk: Desk, poison: str) -> None:
    worker, expert = desk.worker(), desk.expert(max_concurrent=8)
    jobs = [desk.submit(expert, symbol) for symbol in SYMBOLS]
    worker.tick()
    now = desk.clock.advance(1)
    write_batches = [worked(worker.leased[job], now, End(Outcome.COMPLETED, now, hold())) for job in jobs]
    POISONS[poison](write_batches[3])
    told: list[Any] = []
    subscription = desk.platform.store.feed.subscribe(told.append)
    ticked = worker.tick(*write_batches)
    subscription.close()
    assert ticked.stale == 0
    rows = [desk.row(job) for job in jobs]
    bad = rows.pop(3)
    assert (bad.status, bad.error_code, bad.failure_kind) == (Status.FAILED, "BUG", "unknown")
    assert bad.error_message
    assert "Traceback" in (desk.platform.monitoring.details.archive(bad.id, 1).traceback or "")
    assert {found.status for found in rows} == {Status.COMPLETED}
    assert one(desk.file, "SELECT COUNT(*) FROM analysis_output") == len(rows)
    assert one(desk.file, "SELECT COUNT(*) FROM expert_recommendation") == len(rows)
    assert set().union(*(change.ids for change in told)) >= set(jobs)


def test_a_poisoned_one_that_was_cancelled_meanwhile_is_only_late(desk: Desk) -> None:
    worker, analysis_id = desk.worker(), desk.submit(desk.expert())
    claim = worker.claim(analysis_id)
    write_batch = worked(claim, desk.clock.now())
    with_verdict(write_batch, confidence=2**70)
    desk.analyses.cancel(analysis_id, by=TRADER)
    assert worker.tick(write_batch).stale == 1
    assert desk.row(analysis_id).status is Status.CANCELLED


def test_a_lock_in_the_middle_of_writing_one_by_one_undoes_all_so_that_nothing_is_written_twice(desk: Desk) -> None:

    worker, expert = desk.worker(), desk.expert(max_concurrent=8)
    jobs = [desk.submit(expert, symbol) for symbol in SYMBOLS[:3]]
    worker.tick()
    write_batches = [worked(worker.leased[job], desk.clock.now()) for job in jobs]
    with_output(write_batches[1], "\ud800")
    outputs = []

    def lock(connection: Any, cursor: Any, text: str, *rest: Any) -> None:
        if text.startswith("INSERT INTO analysis_output"):
            outputs.append(text)
            if len(outputs) == 4:
                raise OperationalError(text, {}, sqlite3.OperationalError("database is locked"))

    event.listen(desk.store.engine, "before_cursor_execute", lock)
    with pytest.raises(Unavailable):
        worker.tick(*write_batches)
    event.remove(desk.store.engine, "before_cursor_execute", lock)
    assert one(desk.file, "SELECT COUNT(*) FROM analysis_output") == 0
    worker.tick(*write_batches)
    assert ask(desk.file, "SELECT market_analysis_id, COUNT(*) FROM analysis_output GROUP BY 1") == [
        (jobs[0], 1), (jobs[2], 1),
    ]  # fmt: skip


def test_surrogates_nul_nan_and_huge_texts_are_stored(tmp_path: Path) -> None:
    async def writes_anything(context: Any) -> Verdict:
        def write() -> dict[str, Any]:
            context.output("note\x00", "na\ud800me", "a\ud800b\x00c", {"nan": float("nan"), "text": "\udfff"})
            context.output("note", "huge", "x" * (4 * 1024 * 1024 + 10))
            return {"nan": float("nan"), "inf": float("inf"), "text": "\ud800\x00", "big": 2**80, 3: {1, 2}}

        await context.step("st\x00ep", write, inputs={"nan": float("nan"), "text": "\ud800"})
        context.save_state({"text": "\ud800", "nan": float("nan")})
        return hold(details="d\ud800\x00")

    with console(tmp_path, Scripted("Writer", writes_anything)) as platform:
        done = submit_to(platform, "Writer")
        drain(platform)
        assert row(platform, done).status is Status.COMPLETED
        note, huge = platform.monitoring.details.outputs(done)
        assert (note.type, note.name, note.text) == ("note", "na?me", "a?bc")
        assert platform.monitoring.details.raw(note.id) == {"nan": None, "text": "?"}
        assert len(huge.text) == 4 * 1024 * 1024
        assert platform.monitoring.details.state(done) == {"text": "?", "nan": None}
        assert one(file_of(platform), "SELECT result FROM analysis_step_result") == (
            '{"nan": null, "inf": null, "text": "?", "big": 1208925819614629174706176, "3": [1, 2]}'
        )
