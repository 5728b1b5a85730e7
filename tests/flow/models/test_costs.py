"""Costs of model calls: by everything that tells them apart, all attempts, deleted analyses too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.contracts.language_models import CallEnd, CallStart
from ba2_trade_platform.core.models.costs import GROUPS, Costs
from ba2_trade_platform.vocabulary import CallOutcome
from tests.fakes.callers import CENTS, PRICES
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk on which analysis 1 failed, was re-run and completed, each attempt with one call of 0.04 USD."""
    (tmp_path / "prices.csv").write_text(PRICES)
    made = make_desk(tmp_path)
    expert, worker = made.expert(), made.worker()
    analysis_id = made.submit(expert)
    failing = worker.claim(analysis_id)
    call(made, analysis_id, 1)
    worker.fail(failing)
    made.analyses.rerun(analysis_id, by=TRADER)
    completing = worker.claim(analysis_id)
    call(made, analysis_id, 2)
    worker.succeed(completing)
    yield made
    made.close()


@pytest.fixture
def costs(desk: Desk) -> Costs:
    return desk.platform.models.costs


def call(desk: Desk, analysis_id: int, attempt: int, model: str = "dear", symbol: str = "AAPL") -> None:
    """Make one call; `dear` takes 0.04 USD."""
    start = CallStart(analysis_id, attempt, 1, symbol, "Bull", "lab", model, 1000, 1000)
    desk.platform.models.calls.end(desk.platform.models.calls.begin(start), CallEnd(CallOutcome.ANSWERED, 1000, 1000))


def by(costs: Costs, group_by: str) -> dict[str, Decimal]:
    """Return what each group took."""
    return {group.label: group.spend.cost for group in costs.by(group_by).groups}


def test_every_attempt_counts_under_its_own_outcome(costs: Costs) -> None:
    assert by(costs, "outcome") == {"completed": CENTS, "failed": CENTS}
    assert by(costs, "analysis") == {"1": 2 * CENTS}
    assert by(costs, "expert") == {"Scripted": 2 * CENTS}
    assert costs.read("7d").failed.cost == CENTS


def test_an_attempt_that_runs_is_called_so(desk: Desk, costs: Costs) -> None:
    second = desk.submit(1, "MSFT")
    desk.worker().claim(second)
    call(desk, second, 1, symbol="MSFT")
    assert by(costs, "outcome")["running"] == CENTS
    assert by(costs, "symbol") == {"AAPL": 2 * CENTS, "MSFT": CENTS}


def test_a_test_of_a_connection_is_called_so_and_is_no_deleted_analysis(desk: Desk, costs: Costs) -> None:
    start = CallStart(0, 0, 0, "", "Test connection", "lab", "dear", 1000, 1000)
    desk.platform.models.calls.end(desk.platform.models.calls.begin(start), CallEnd(CallOutcome.ANSWERED, 1000, 1000))
    for group_by in ("outcome", "analysis", "expert", "symbol"):
        assert by(costs, group_by)["connection test"] == CENTS
    assert [one.analysis_id for one in costs.read("7d").dearest] == [1]


def test_what_a_deleted_analysis_cost_stays_in_every_sum(desk: Desk, costs: Costs) -> None:
    desk.analyses.delete(1, by=TRADER)
    assert by(costs, "outcome") == {"deleted": 2 * CENTS}
    assert costs.by("model").total.cost == 2 * CENTS
    (dearest,) = costs.read("7d").dearest
    assert (dearest.analysis_id, dearest.exists, dearest.attempts) == (1, False, 2)


def test_a_call_under_way_makes_a_sum_at_least(desk: Desk, costs: Costs) -> None:
    assert not costs.by("model").total.at_least
    desk.platform.models.calls.begin(CallStart(1, 2, 1, "AAPL", "Bull", "lab", "dear", 1000, 1000))
    total = costs.by("model").total
    assert (total.cost, total.at_least, total.tokens_at_least, total.calls) == (2 * CENTS, True, True, 3)


def test_days_are_utc_days_in_their_order(desk: Desk, costs: Costs) -> None:
    desk.clock.advance(timedelta(days=1).total_seconds())
    call(desk, 1, 2)
    assert list(by(costs, "day").items()) == [("2026-03-02", 2 * CENTS), ("2026-03-03", CENTS)]
    found = costs.read("7d")
    assert (found.today.cost, found.week.cost, found.total.cost) == (CENTS, 3 * CENTS, 3 * CENTS)
    assert found.days["model"]["2026-03-02"]["lab:dear"].cost == 2 * CENTS


def test_a_period_ends_before_its_end(desk: Desk, costs: Costs) -> None:
    now = desk.clock.now()
    assert costs.by("model", now).total.calls == 2
    assert costs.by("model", None, now).total.calls == 0
    with pytest.raises(Invalid, match="must be before"):
        costs.by("model", now, now)
    with pytest.raises(Invalid, match="choose expert, model"):
        costs.by("colour")
    with pytest.raises(Invalid, match="choose 7d, 30d, 90d"):
        costs.read("1y")


def test_no_more_than_a_thousand_groups_are_listed_and_it_says_so(desk: Desk, costs: Costs) -> None:
    for number in range(1001):
        desk.platform.models.calls.begin(CallStart(1, 2, 1, f"S{number}", "Bull", "lab", "dear", 1, 1))
    found = costs.by("symbol")
    assert (len(found.groups), found.truncated, found.total.calls) == (1000, True, 1003)


def plans(desk: Desk, work: Callable[[], object]) -> list[str]:
    """Return SQLite's plans of every statement on model calls that `work` executes."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, text: str, values: Any, context: Any, many: bool) -> None:
        if "model_call" in text:
            seen.append((text, values[0] if many else values))

    event.listen(desk.store.engine, "before_cursor_execute", note)
    work()
    event.remove(desk.store.engine, "before_cursor_execute", note)
    with desk.store.read() as session:
        explain = session.connection().exec_driver_sql
        return ["\n".join(row[3] for row in explain(f"EXPLAIN QUERY PLAN {text}", values)) for text, values in seen]


def assert_no_scan(found: list[str]) -> None:
    """Fail when a plan reads every call."""
    assert found
    assert [plan for plan in found if "SCAN model_call" in plan] == []


@pytest.mark.parametrize("group_by", GROUPS)
def test_a_period_is_found_by_its_index(desk: Desk, costs: Costs, group_by: str) -> None:
    assert_no_scan(plans(desk, lambda: costs.by(group_by, desk.clock.now())))


def test_the_page_and_an_analysis_are_found_by_their_indexes(desk: Desk, costs: Costs) -> None:
    assert_no_scan(plans(desk, lambda: costs.read("30d")))
    assert_no_scan(plans(desk, lambda: costs.calls(1)))
    assert_no_scan(plans(desk, lambda: desk.platform.monitoring.details.steps(1)))
    assert_no_scan(plans(desk, lambda: desk.platform.monitoring.details.attempts(1)))


def test_a_call_and_the_end_of_an_attempt_read_no_more_than_their_own(desk: Desk) -> None:
    assert_no_scan(plans(desk, lambda: call(desk, 1, 2)))
    second = desk.submit(1, "MSFT")
    worker = desk.worker()
    claim = worker.claim(second)
    assert_no_scan(plans(desk, lambda: worker.succeed(claim)))
