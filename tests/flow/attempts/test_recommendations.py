"""Recommendations: one is current per expert, symbol and subtype, the newest completed one by its as_of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ba2_trade_platform.core.worker.buffers import End
from ba2_trade_platform.vocabulary import Outcome, Signal
from tests.fakes.experts import Catalog, Scripted, hold
from tests.platforms import TRADER
from tests.sql import ask
from tests.stepped import Desk, failure_of, make_desk, worked

MAY, JUNE, JULY, AUGUST = (datetime(2014, month, 2, 20, tzinfo=UTC) for month in (5, 6, 7, 8))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, Catalog(Scripted(), Scripted("Other")))
    yield made
    made.close()


def current(desk: Desk) -> list[int]:
    """Return the analyses whose recommendations are current."""
    return [
        found for (found,) in ask(desk.file, "SELECT market_analysis_id FROM expert_recommendation WHERE is_current")
    ]


def completed(desk: Desk, expert: int, as_of: datetime | None = None, symbol: str = "AAPL") -> int:
    analysis_id, worker = desk.submit(expert, symbol, as_of=as_of), desk.worker()
    worker.succeed(worker.claim(analysis_id))
    return analysis_id


def test_the_newest_as_of_is_current_whenever_it_was_analysed(desk: Desk) -> None:
    expert = desk.expert()
    july = completed(desk, expert, JULY)
    assert current(desk) == [july]
    completed(desk, expert, JUNE)
    assert current(desk) == [july]
    august = completed(desk, expert, AUGUST)
    assert current(desk) == [august]
    assert len(ask(desk.file, "SELECT 1 FROM expert_recommendation")) == 3


def test_of_two_at_the_same_instant_the_later_analysis_is_current(desk: Desk) -> None:
    expert = desk.expert()
    completed(desk, expert)
    later = completed(desk, expert)
    assert current(desk) == [later]


def test_each_expert_and_symbol_has_its_own(desk: Desk) -> None:
    one, other = desk.expert(), desk.expert("Other")
    assert sorted([completed(desk, one), completed(desk, other), completed(desk, one, symbol="MSFT")]) == sorted(
        current(desk)
    )


def test_what_failed_is_never_current_even_when_it_recommended(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    good = completed(desk, expert, JUNE)
    claim = worker.claim(desk.submit(expert, as_of=JULY))
    write_batch = worked(claim, desk.clock.now())
    write_batch.provisional = hold(99)
    worker.tick(write_batch)
    assert current(desk) == [good]
    write_batch = worked(claim, desk.clock.now(), End(Outcome.FAILED, desk.clock.now(), failure=failure_of(claim)))
    worker.tick(write_batch)
    assert current(desk) == [good]
    completed(desk, expert, MAY)
    assert current(desk) == [good]
    left = desk.platform.monitoring.details.recommendation(claim.analysis_id)
    assert left is not None
    assert (left.confidence, left.is_current) == (99, False)


def test_a_verdict_replaces_what_was_recommended_on_the_way(desk: Desk) -> None:
    worker = desk.worker()
    claim = worker.claim(desk.submit(desk.expert()))
    write_batch = worked(claim, desk.clock.now())
    write_batch.provisional = hold(20, details="at first sight")
    worker.tick(write_batch)
    worker.succeed(claim, confidence=80)
    final = desk.platform.monitoring.details.recommendation(claim.analysis_id)
    assert final is not None
    assert (final.confidence, final.details, final.action, final.is_current) == (80, "", Signal.HOLD, True)
    found = desk.row(claim.analysis_id)
    assert (found.action, found.confidence, found.expected_profit) == (Signal.HOLD, 80, 0)


def test_when_the_current_one_is_deleted_the_one_before_it_is_current_again(desk: Desk) -> None:
    expert = desk.expert()
    june, july = completed(desk, expert, JUNE), completed(desk, expert, JULY)
    desk.analyses.delete(july, by=TRADER)
    assert current(desk) == [june]


def test_a_cancelled_or_rerun_analysis_has_none_that_is_current(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    claim = worker.claim(desk.submit(expert))
    write_batch = worked(claim, desk.clock.now())
    write_batch.provisional = hold(99)
    worker.tick(write_batch)
    desk.analyses.cancel(claim.analysis_id, by=TRADER)
    assert current(desk) == []
