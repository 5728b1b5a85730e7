"""Keyset pages against a plain Python sort: everything exactly once, in order, NULLs last, for any values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.pages import Page
from ba2_trade_platform.core.monitoring.job_list import SORTS, AnalysisRow
from ba2_trade_platform.vocabulary import Status
from tests.patience import EVENT_SECONDS
from tests.stepped import Desk, make_desk

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
# Few different values, so that equal ones meet at the edge of a page; None where the column may be NULL.
VALUES: dict[str, list[Any]] = {
    "symbol": ["AAPL", "BRK.B", "MSFT"],
    "status": ["cancelled", "completed", "failed", "skipped"],
    "subtype": ["enter_market", "open_positions"],
    "source": ["api", "manual"],
    "error_code": [None, "AUTH", "BUG"],
    "result_action": [None, "BUY", "SELL"],
    "result_confidence": [None, 1.0, 55.5, 100.0],
    "result_expected_profit": [None, -3.25, 0.0, 1e300],
    "attempt": [1, 2],
    "created_at": ["2026-01-01 00:00:00.000000", "2026-01-01 00:00:00.000001", "2026-01-02 00:00:00.000000"],
    "finished_at": [None, "2026-01-01 00:00:00.000000", "2026-01-03 12:00:00.500000"],
    "duration_ms": [None, 0, 7, 2**40],
}
COLUMN = {
    "expert": "expert_instance_id", "failure": "error_code", "recommendation": "result_action",
    "confidence": "result_confidence", "expected_profit": "result_expected_profit", "created": "created_at",
    "finished": "finished_at", "duration": "duration_ms",
}  # fmt: skip
rows = st.lists(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}), max_size=25)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = make_desk(tmp_path_factory.mktemp("paging"))
    made.expert(alias="one")
    made.expert(alias="two")
    yield made
    made.close()


def fill(desk: Desk, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the table hold exactly these rows and return them with their ids."""
    with closing(sqlite3.connect(desk.file, timeout=EVENT_SECONDS)) as connection, connection:
        connection.execute("DELETE FROM market_analysis")
        return [insert(connection, values) for values in wanted]


def insert(connection: sqlite3.Connection, values: dict[str, Any]) -> dict[str, Any]:
    full = {
        "expert_instance_id": 1 + len(values["symbol"]) % 2, "priority": 0, "updated_at": "2026-01-01 00:00:00.000000",
        "available_at": "2026-01-01 00:00:00.000000", "reruns_used": 0, "retries_used": 0, "rescues_used": 0,
        "progress": 0, "dedupe_key": "key", "version": 1, **values,
    }  # fmt: skip
    names = ", ".join(full)
    cursor = connection.execute(
        f"INSERT INTO market_analysis ({names}) VALUES ({', '.join('?' * len(full))})", [*full.values()]
    )
    return {"id": cursor.lastrowid, **full}


def ordered(known: list[dict[str, Any]], sort: str, descending: bool) -> list[int]:
    """Return the ids as a plain sort puts them: those with a value by (value, id), then the NULLs by id."""
    column = COLUMN.get(sort, sort)
    some = sorted(
        (row for row in known if row[column] is not None), key=lambda row: (row[column], row["id"]), reverse=descending
    )
    none = sorted((row for row in known if row[column] is None), key=lambda row: row["id"], reverse=descending)
    return [row["id"] for row in [*some, *none]]


def pages(desk: Desk, **options: Any) -> Iterator[Page[AnalysisRow]]:
    """Walk from the first page to the last."""
    cursor = None
    for _ in range(60):
        page = desk.platform.monitoring.jobs.page(cursor=cursor, **options)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return
    raise AssertionError("the pages do not end")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(wanted=rows, sort=st.sampled_from(sorted(SORTS)), descending=st.booleans(), limit=st.integers(1, 7))
def test_pages_show_every_row_once_in_the_order_of_a_plain_sort(
    desk: Desk, wanted: list[dict[str, Any]], sort: str, descending: bool, limit: int
) -> None:
    known = fill(desk, wanted)
    walked = list(pages(desk, sort=sort, descending=descending, limit=limit))
    assert [row.id for page in walked for row in page.items] == ordered(known, sort, descending)
    assert all(len(page.items) == limit for page in walked[:-1])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=rows,
    sort=st.sampled_from(sorted(SORTS)),
    descending=st.booleans(),
    status=st.sampled_from(["failed", "completed"]),
)
def test_with_a_filter_the_pages_show_what_matches_and_nothing_else(
    desk: Desk, wanted: list[dict[str, Any]], sort: str, descending: bool, status: str
) -> None:
    known = [row for row in fill(desk, wanted) if row["status"] == status]
    chosen = Filter(status=(Status(status),))
    walked = [
        row.id for page in pages(desk, chosen=chosen, sort=sort, descending=descending, limit=3) for row in page.items
    ]
    assert walked == ordered(known, sort, descending)
    assert desk.platform.monitoring.jobs.count(chosen) == len(known)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=rows,
    added=rows,
    sort=st.sampled_from(["id", "created", "status", "duration"]),
    descending=st.booleans(),
    data=st.data(),
)
def test_rows_that_stay_are_shown_exactly_once_while_others_come_and_go(
    desk: Desk,
    wanted: list[dict[str, Any]],
    added: list[dict[str, Any]],
    sort: str,
    descending: bool,
    data: st.DataObject,
) -> None:
    known = fill(desk, wanted)
    leaving = {row["id"] for row in known if data.draw(st.booleans(), "leaves")}
    shown: list[int] = []
    for page in pages(desk, sort=sort, descending=descending, limit=4):
        shown += [row.id for row in page.items]
        with closing(sqlite3.connect(desk.file, timeout=EVENT_SECONDS)) as connection, connection:
            for analysis_id in list(leaving)[:2]:
                connection.execute("DELETE FROM market_analysis WHERE id = ?", (analysis_id,))
                leaving.discard(analysis_id)
            for values in added[:2]:
                insert(connection, values)
            added = added[2:]
    stayed = [row for row in known if row["id"] not in leaving and desk.platform.monitoring.jobs.rows([row["id"]])]
    expected = ordered(stayed, sort, descending)
    assert [analysis_id for analysis_id in shown if analysis_id in set(expected)] == expected
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "!!!!", "bnVsbA", "W10", "WzFd", "WzEsMiwzXQ", "eyJhIjoxfQ", "é", "W1tdLDFd", "W251bGwsbnVsbF0", "MQ",
        "WzFlNDAwLDFlNDAwXQ", "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5LDk5OTk5OTk5OTk5OTk5OTk5OTk5OV0", "W3t9LCJ4Il0", "Ww" * 4000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("sort", sorted(SORTS))
def test_a_broken_cursor_is_refused_with_a_sentence_and_never_an_error(desk: Desk, sort: str, cursor: str) -> None:
    with pytest.raises(Invalid) as refused:
        desk.platform.monitoring.jobs.page(sort=sort, cursor=cursor)
    assert str(refused.value) == "This page's cursor is broken; start at the first page"
    assert (refused.value.code, refused.value.http_status) == ("INVALID_CURSOR", 409)


def answer(desk: Desk, sort: str, cursor: str | None) -> str:
    """Return "page", or the code of the refusal."""
    try:
        desk.platform.monitoring.jobs.page(sort=sort, cursor=cursor)
    except Invalid as refused:
        return refused.code
    return "page"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cursor=st.text(max_size=60) | st.text("WzEsMl0abcdefghij0123456789", max_size=60),
    sort=st.sampled_from(sorted(SORTS)),
)
def test_any_text_as_a_cursor_gives_a_page_or_a_refusal(desk: Desk, cursor: str, sort: str) -> None:
    assert answer(desk, sort, cursor) in {"page", "INVALID_CURSOR"}


@pytest.mark.parametrize("other", sorted(SORTS))
@pytest.mark.parametrize("sort", ["status", "created", "confidence", "symbol"])
def test_the_cursor_of_another_sort_gives_a_page_or_a_refusal(desk: Desk, sort: str, other: str) -> None:
    fill(desk, [{name: values[-1] for name, values in VALUES.items()}] * 3)
    cursor = desk.platform.monitoring.jobs.page(sort=other, limit=1).next_cursor
    assert answer(desk, sort, cursor) in ({"page"} if sort == other else {"page", "INVALID_CURSOR"})


def test_an_unknown_sort_and_a_limit_out_of_bounds_are_refused(desk: Desk) -> None:
    with pytest.raises(Invalid, match="Cannot sort by mood; choose one of id, symbol"):
        desk.platform.monitoring.jobs.page(sort="mood")
    for limit in (0, 501, -1):
        with pytest.raises(Invalid, match=f"between 1 and 500, not {limit}"):
            desk.platform.monitoring.jobs.page(limit=limit)


def test_equal_instants_of_one_microsecond_are_told_apart_by_their_ids(desk: Desk) -> None:
    same = {name: values[-1] for name, values in VALUES.items()}
    known = fill(desk, [same] * 9)
    walked = [row.id for page in pages(desk, sort="created", limit=2) for row in page.items]
    assert walked == [row["id"] for row in reversed(known)]
    assert desk.platform.monitoring.jobs.rows(walked)[0].created_at == BEGIN + timedelta(days=1)
