"""Query plans of failures: verdicts and the inbox are read from indexes, without a scan of the large tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.failures.group_states import GroupState
from ba2_trade_platform.core.failures.groups import Seen, note_failures
from ba2_trade_platform.vocabulary import ErrorCode, Status
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk

BIG = ("market_analysis", "analysis_attempt", "failure_hour", "a", "b")
ALL = tuple(GroupState)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path, slots=64)
    expert, worker = made.expert(max_concurrent=64), made.worker()
    for number in range(30):
        analysis_id = made.submit(expert, f"S{number}")
        worker.fail(worker.claim(analysis_id), ErrorCode.RATE_LIMIT, f"{'abc'[number % 3]} is slow")
        if number % 2:
            made.analyses.rerun(analysis_id, by=TRADER)
            worker.succeed(worker.claim(analysis_id))
    yield made
    made.close()


def plans(desk: Desk, work: Callable[[], object]) -> str:
    """Return SQLite's plans of every statement that `work` executes."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, text: str, parameters: Any, context: Any, many: bool) -> None:
        seen.append((text, parameters[0] if many else parameters))

    event.listen(desk.store.engine, "before_cursor_execute", note)
    work()
    event.remove(desk.store.engine, "before_cursor_execute", note)
    with desk.store.read() as session:
        explain = session.connection().exec_driver_sql
        return "\n".join(
            row[3]
            for text, values in seen
            if text.split()[0] in ("SELECT", "WITH", "INSERT", "UPDATE")
            for row in explain(f"EXPLAIN QUERY PLAN {text}", values)
        )


def assert_indexed(plan: str, *covered: str) -> None:
    """Fail when a big table is scanned, or when one of the `covered` indexes is not read alone."""
    assert plan
    scans = [line for line in plan.splitlines() if line.startswith("SCAN") and line.split()[1] in BIG]
    assert not [line for line in scans if "INDEX" not in line], plan
    for index in covered:
        assert f"COVERING INDEX {index}" in plan, plan
        assert f"USING INDEX {index}" not in plan, plan


def test_the_track_record_of_a_page_is_read_from_its_two_indexes_alone(desk: Desk) -> None:
    rows = desk.platform.monitoring.jobs.page(Filter(status=(Status.FAILED,))).items
    outlooks = desk.platform.monitoring.outlook
    plan = plans(desk, lambda: outlooks.of(rows))
    assert_indexed(plan, "ix_analysis_attempt_after_fingerprint")
    assert "TEMP B-TREE" not in plan
    few = desk.submit(1, "FEW")
    worker = desk.worker("two")
    worker.fail(worker.claim(few), ErrorCode.AUTH, "no key")
    only = [desk.row(few)]
    assert_indexed(plans(desk, lambda: outlooks.of(only)), "ix_analysis_attempt_after_code")


@pytest.mark.parametrize("states", [None, ALL, (GroupState.RECOVERED,)])
def test_a_page_of_the_inbox_counts_what_stands_failed_from_the_partial_index_alone(
    desk: Desk, states: tuple[GroupState, ...] | None
) -> None:
    inbox = desk.platform.monitoring.failures
    plan = plans(desk, lambda: inbox.groups(*([states] if states else [])))
    assert_indexed(plan, "ix_market_analysis_failed_fingerprint", "ix_analysis_attempt_open_after")


def test_the_rails_count_jumps_from_group_to_group(desk: Desk) -> None:
    plan = plans(desk, desk.platform.monitoring.failures.needs_person)
    assert_indexed(plan, "ix_market_analysis_failed_fingerprint")
    assert "(fingerprint>?)" in plan


def test_the_groups_of_a_tick_are_found_by_their_keys(desk: Desk) -> None:
    seen = Seen("f00", "AUTH", "no key", None, desk.clock.now())

    def note() -> None:
        with desk.store.write() as transaction:
            note_failures(transaction.session, [seen], desk.clock.now())

    assert_indexed(plans(desk, note), "ix_market_analysis_failed_fingerprint", "ix_analysis_attempt_open_after")


def test_the_monitor_filtered_by_a_group_walks_the_groups_index(desk: Desk) -> None:
    chosen = Filter(status=(Status.FAILED,), fingerprint=desk.row(1).fingerprint)
    plan = plans(desk, lambda: desk.platform.monitoring.jobs.page(chosen))
    assert "ix_market_analysis_fingerprint (fingerprint=?)" in plan
    assert "TEMP B-TREE" not in plan
