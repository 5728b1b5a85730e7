"""Daily totals: a day's running sum is the sum of the call log itself, in any order of ends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.core.contracts.language_models import Budgets, CallEnd, CallStart
from ba2_trade_platform.core.models.daily_totals import DailyTotals, utc_day
from ba2_trade_platform.vocabulary import CallOutcome
from tests.fakes.callers import PRICES
from tests.sql import ask
from tests.stepped import Desk, make_desk

HOUR = 3600
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.integers(1, 3)),
        st.tuples(st.just("end"), st.integers(0, 9)),
        st.tuples(st.just("lose"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.integers(1, 30)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=40,
)


def by_the_book(desk: Desk, day: datetime) -> dict[int, Decimal]:
    """Return the sums as plain SQL has them."""
    rows = ask(
        desk.file,
        "SELECT expert_instance_id, SUM(COALESCE(cost, reserved)) FROM model_call WHERE started_at >= ? GROUP BY 1",
        f"{day:%Y-%m-%d %H:%M:%S.%f}",
    )
    return {expert: Decimal(counted) / 1_000_000 for expert, counted in rows}


def in_memory(desk: Desk, sums: DailyTotals) -> dict[int, Decimal]:
    """Return the running sums."""
    with desk.store.read() as session:
        return {expert: spent.counted for expert, spent in sums.read(session, utc_day(desk.clock.now())).items()}


def call(desk: Desk, expert: int = 1) -> int:
    """Begin a call of at most 0.04 USD."""
    return desk.platform.models.calls.begin(CallStart(1, 1, expert, "AAPL", "Bull", "lab", "dear", 1000, 1000))


@given(STEPS)
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_the_running_sum_is_what_the_book_adds_up_to(steps: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "prices.csv").write_text(PRICES)
        desk, sums = make_desk(Path(folder)), DailyTotals()
        under_way: list[int] = []
        for what, number in steps:
            if what == "begin":
                under_way.append(call(desk, number))
            elif what == "wait":
                desk.clock.advance(number * HOUR)
            elif what == "look":
                in_memory(desk, sums)
            elif under_way:
                answered = CallEnd(CallOutcome.ANSWERED, 1000, 100 * number)
                lost = CallEnd(CallOutcome.FAILED, error_code="TIMEOUT")
                ended = under_way.pop(number % len(under_way))
                desk.platform.models.calls.end(ended, answered if what == "end" else lost)
        assert in_memory(desk, sums) == by_the_book(desk, utc_day(desk.clock.now()))
        desk.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "prices.csv").write_text(PRICES)
    made = make_desk(tmp_path)
    yield made
    made.close()


def test_a_check_reads_only_the_calls_since_the_first_under_way(desk: Desk) -> None:
    sums = DailyTotals()
    for _ in range(50):
        desk.platform.models.calls.end(call(desk), CallEnd(CallOutcome.ANSWERED, 1000, 1000))
    in_memory(desk, sums)
    texts: list[str] = []

    def note(connection: object, cursor: object, text: str, *rest: object) -> None:
        texts.append(text)

    event.listen(desk.store.engine, "before_cursor_execute", note)
    assert in_memory(desk, sums) == {1: Decimal(2)}
    event.remove(desk.store.engine, "before_cursor_execute", note)
    (text,) = [text for text in texts if "model_call" in text]
    with desk.store.read() as session:
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (50,)).all()
    assert [row[3] for row in plan] == ["SEARCH model_call USING INTEGER PRIMARY KEY (rowid>?)"]


def test_a_call_that_began_yesterday_is_not_of_today(desk: Desk) -> None:
    late = call(desk)
    desk.clock.advance(24 * HOUR)
    limit = Budgets(per_expert_day=Decimal("0.05"))
    start = CallStart(2, 1, 1, "AAPL", "Bull", "lab", "dear", 1000, 1000, limit)
    first = desk.platform.models.calls.begin(start)
    desk.platform.models.calls.end(late, CallEnd(CallOutcome.ANSWERED, 1000, 1000))
    with pytest.raises(ExpertError, match=r"0\.04 USD are spent"):
        desk.platform.models.calls.begin(start)
    desk.platform.models.calls.end(first, CallEnd(CallOutcome.ANSWERED, 100, 100))
    desk.platform.models.calls.begin(start)
