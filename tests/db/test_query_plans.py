"""Query plans: the promised queries use their indexes, without a scan of the whole table or a sort in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.monitoring.job_list import SORTS
from ba2_trade_platform.vocabulary import Status
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk

TODAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for those who only read."""
    yield from filled(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def own_desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk of a test's own."""
    yield from filled(tmp_path)


def filled(folder: Path) -> Iterator[Desk]:
    """A desk with forty analyses that have ended."""
    made = make_desk(folder)
    expert, worker = made.expert(max_concurrent=256), made.worker()
    for number in range(40):
        made.submit(expert, f"S{number}")
    worker.tick()
    for number, claim in enumerate(list(worker.leased.values())):
        (worker.fail if number % 2 else worker.succeed)(claim)
    yield made
    made.close()


def plans(desk: Desk, work: Any) -> list[tuple[str, str]]:
    """Return each SELECT or UPDATE on analyses that `work` executes, with SQLite's plan of it."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, text: str, parameters: Any, context: Any, many: bool) -> None:
        if "market_analysis" in text and text.startswith(("SELECT", "UPDATE")):
            seen.append((text, parameters[0] if many else parameters))

    event.listen(desk.store.engine, "before_cursor_execute", note)
    work()
    event.remove(desk.store.engine, "before_cursor_execute", note)
    with desk.store.read() as session:
        explain = session.connection().exec_driver_sql
        return [
            (text, "\n".join(row[3] for row in explain(f"EXPLAIN QUERY PLAN {text}", values))) for text, values in seen
        ]


def assert_indexed(found: list[tuple[str, str]], *, sorts: str | None = None) -> None:
    """Fail when a plan scans a table, or sorts in memory where `sorts` is not in the statement."""
    assert found
    for text, plan in found:
        for line in plan.splitlines():
            assert line in harmless(text) or not line.startswith("SCAN") or "INDEX" in line, f"{line}\n{text}"
            assert "TEMP B-TREE" not in line or (sorts and sorts in text), f"{line}\n{text}"


def harmless(text: str) -> set[str]:
    """Return the scans of few rows: none or one, a bounded subquery, the expert instances, and by id up to a LIMIT."""
    return {
        "SCAN CONSTANT ROW",
        "SCAN anon_1",
        "SCAN (subquery-1)",
        "SCAN i",
        "SCAN expert_instance",
        "SCAN queue_state",
    } | ({"SCAN market_analysis"} if "LIMIT" in text else set())


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", SORTS)
def test_each_sort_of_the_first_and_of_a_later_page_walks_its_index(desk: Desk, sort: str, descending: bool) -> None:
    def pages() -> None:
        first = desk.platform.monitoring.jobs.page(sort=sort, descending=descending, limit=5)
        desk.platform.monitoring.jobs.page(sort=sort, descending=descending, limit=5, cursor=first.next_cursor)

    found = plans(desk, pages)
    assert_indexed(found)
    if sort != "id":
        assert sum("USING COVERING INDEX" in plan for _, plan in found) >= 2


@pytest.mark.parametrize(
    "chosen",
    [
        Filter(status=(Status.FAILED,)), Filter(expert=1), Filter(symbol="S1"), Filter(code="AUTH"),
        Filter(batch=1), Filter(finished_since=TODAY),
    ],
    ids=["status", "expert", "symbol", "code", "batch", "finished since"],
)  # fmt: skip
def test_a_page_of_one_filter_is_found_by_an_index(desk: Desk, chosen: Filter) -> None:
    assert_indexed(
        plans(desk, lambda: desk.platform.monitoring.jobs.page(chosen)),
        sorts="finished_at >=" if chosen.finished_since else None,
    )


def test_counts_are_read_from_indexes_alone(desk: Desk) -> None:
    found = plans(desk, lambda: desk.platform.monitoring.jobs.counts(TODAY))
    assert len(found) == 5
    assert_indexed(found)
    assert all("LIMIT" in text for text, _ in found)


def test_claiming_walks_the_index_of_what_waits(own_desk: Desk) -> None:
    own_desk.submit(1, "AAPL")
    own_desk.platform.experts.update(own_desk.expert(alias="Idle"), by=TRADER, enabled=False)
    found = plans(own_desk, own_desk.worker().tick)
    assert_indexed(found, sorts="JOIN analysis_attempt")  # puts the handful that was claimed in order
    used = {name for _, plan in found for name in re.findall(r"INDEX (ix_market_analysis_\w+)", plan)}
    assert {"ix_market_analysis_claim", "ix_market_analysis_run_before"} <= used
    # This one would look at every analysis that an idle expert ever made.
    assert "ix_market_analysis_expert_instance_id" not in used


def test_a_rerun_and_a_duplicate_touch_rows_by_their_keys(own_desk: Desk) -> None:
    failed = next(found.id for found in own_desk.platform.monitoring.jobs.page(Filter(status=(Status.FAILED,))).items)
    assert_indexed(plans(own_desk, lambda: own_desk.analyses.rerun(failed, by=TRADER)))
    found = plans(own_desk, lambda: own_desk.submit(1, own_desk.row(failed).symbol))
    assert_indexed(found)
    assert any("ux_market_analysis_dedupe_key" in plan for _, plan in found)
