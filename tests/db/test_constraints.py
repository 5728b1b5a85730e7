"""Constraints: refusals and cascades of the database itself, tried with plain SQL from outside."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.schema import CreateIndex, CreateTable

from ba2_trade_platform.core.worker.buffers import OutputRecord
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.models.analyses import SORTABLE
from ba2_trade_platform.vocabulary import ActorKind
from tests.platforms import TRADER
from tests.sql import ask, change, one
from tests.stepped import Desk, make_desk, worked

CHILDREN = (
    "analysis_attempt", "attempt_archive", "analysis_step", "analysis_step_result", "analysis_output",
    "analysis_raw_data", "expert_recommendation",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = make_desk(tmp_path)
    yield made
    made.close()


def full_analysis(desk: Desk) -> int:
    """Return an analysis that has at least one row in every table that hangs on it."""
    analysis_id, worker = desk.submit(desk.expert()), desk.worker()
    worker.fail(worker.claim(analysis_id))
    desk.analyses.rerun(analysis_id, by=TRADER)
    claim = worker.claim(analysis_id)
    write_batch = worked(claim, desk.clock.now())
    write_batch.outputs.append(OutputRecord(1, "note", "With data", "text", desk.clock.now(), b"raw"))
    worker.tick(write_batch)
    worker.succeed(claim)
    return analysis_id


def test_deleting_an_analysis_takes_all_that_hangs_on_it_along(desk: Desk) -> None:
    analysis_id = full_analysis(desk)
    assert all(one(desk.file, f"SELECT COUNT(*) FROM {table}") for table in CHILDREN)
    change(desk.file, "DELETE FROM market_analysis WHERE id = ?", analysis_id)
    assert {table: one(desk.file, f"SELECT COUNT(*) FROM {table}") for table in CHILDREN} == dict.fromkeys(CHILDREN, 0)


def test_a_batch_item_outlives_its_analysis_and_an_analysis_its_batch(desk: Desk) -> None:
    batch = desk.queue.submit_batch([desk.expert()], ["AAPL", "MSFT"], by=TRADER)
    change(desk.file, "DELETE FROM market_analysis WHERE symbol = 'AAPL'")
    assert ask(desk.file, "SELECT symbol, analysis_id IS NULL FROM batch_item ORDER BY position") == [
        ("AAPL", 1),
        ("MSFT", 0),
    ]
    change(desk.file, "DELETE FROM batch WHERE id = ?", batch.batch_id)
    assert one(desk.file, "SELECT COUNT(*) FROM batch_item") == 0
    assert ask(desk.file, "SELECT symbol, batch_id FROM market_analysis") == [("MSFT", None)]


def test_an_expert_with_analyses_cannot_be_deleted(desk: Desk) -> None:
    desk.submit(desk.expert())
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        change(desk.file, "DELETE FROM expert_instance")


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("market_analysis", "status", "Pending"), ("market_analysis", "status", "PENDING"),
        ("market_analysis", "status", "done"), ("market_analysis", "status", ""),
        ("market_analysis", "subtype", "exit"), ("market_analysis", "source", "email"),
        ("market_analysis", "progress", 101), ("market_analysis", "progress", -1),
        ("analysis_attempt", "trigger", "magic"), ("analysis_attempt", "mode", "half"),
        ("analysis_attempt", "outcome", "lost"), ("expert_recommendation", "confidence", 0),
        ("expert_recommendation", "confidence", 101), ("expert_recommendation", "recommended_action", "buy"),
        ("expert_instance", "max_concurrent", 0), ("expert_instance", "timeout_seconds", 0),
        ("queue_state", "slots", 0), ("queue_state", "id", 2), ("actor", "kind", "robot"),
    ],
)  # fmt: skip
def test_a_value_outside_the_vocabulary_is_refused(desk: Desk, table: str, column: str, value: object) -> None:
    full_analysis(desk)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        change(desk.file, f"UPDATE {table} SET {column} = ?", value)


def test_words_are_stored_in_lower_case_and_actions_as_they_are_shown(desk: Desk) -> None:
    full_analysis(desk)
    assert ask(desk.file, "SELECT status, subtype, source, result_action FROM market_analysis") == [
        ("completed", "enter_market", "manual", "HOLD")
    ]
    assert ask(desk.file, "SELECT DISTINCT trigger, mode FROM analysis_attempt ORDER BY 1") == [
        ("first", "fresh"), ("rerun", "fresh"),
    ]  # fmt: skip


def test_the_index_refuses_a_second_active_row_of_the_same_key_and_allows_any_number_of_ended_ones(desk: Desk) -> None:
    desk.submit(desk.expert())
    columns = [
        name for _, name, *_ in ask(desk.file, "PRAGMA table_info(market_analysis)") if name not in ("id", "status")
    ]
    copied = ", ".join(columns)
    again = f"INSERT INTO market_analysis (status, {copied}) SELECT ?, {copied} FROM market_analysis LIMIT 1"
    for status in ("pending", "running"):
        with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE constraint failed: market_analysis\.dedupe_key"):
            change(desk.file, again, status)
    for status in ("completed", "failed", "failed", "skipped", "cancelled"):
        change(desk.file, again, status)
    assert one(desk.file, "SELECT COUNT(*) FROM market_analysis") == 6


def test_the_index_refuses_a_second_current_recommendation(desk: Desk) -> None:
    expert, worker = desk.expert(), desk.worker()
    for _ in range(2):
        worker.succeed(worker.claim(desk.submit(expert)))
    assert ask(desk.file, "SELECT is_current FROM expert_recommendation ORDER BY id") == [(0,), (1,)]
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        change(desk.file, "UPDATE expert_recommendation SET is_current = 1")


def test_an_id_is_never_handed_out_again(desk: Desk) -> None:
    expert = desk.expert()
    first = desk.submit(expert)
    desk.analyses.delete(first, by=TRADER)
    second = desk.submit(expert)
    assert second > first
    for table in t.metadata.tables.values():
        if "id" in table.c and table.name != "queue_state":
            created = one(desk.file, "SELECT sql FROM sqlite_master WHERE name = ?", table.name)
            assert "AUTOINCREMENT" in created, table.name


def test_no_json_is_null_and_not_the_word(desk: Desk) -> None:
    full_analysis(desk)
    with desk.store.write() as transaction:
        transaction.session.execute(t.analysis.update().values(state=None))
    assert one(desk.file, "SELECT COUNT(*) FROM market_analysis WHERE state IS NULL") == 1
    assert one(desk.file, "SELECT COUNT(*) FROM analysis_attempt WHERE warnings IS NULL") == 2


@pytest.mark.parametrize("amount", ["0.1", "123456789.123456", "-0.000001", "1E+6", "0"])
def test_money_comes_back_exactly_and_is_stored_as_an_integer(desk: Desk, amount: str) -> None:
    full_analysis(desk)
    with desk.store.write() as transaction:
        transaction.session.execute(t.recommendation.update().values(price_at_date=Decimal(amount)))
        assert transaction.session.scalar(select(t.recommendation.c.price_at_date)) == Decimal(amount)
    assert one(desk.file, "SELECT TYPEOF(price_at_date) FROM expert_recommendation") == "integer"


def test_datetimes_come_back_aware_in_utc_and_a_naive_one_is_refused(desk: Desk) -> None:
    eastern = datetime(2026, 3, 2, 4, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-5)))
    with desk.store.write() as transaction:
        values = {"subject_type": "test", "what": "test"}
        transaction.session.execute(insert(t.activity_log).values(at=eastern, **values))
        found = transaction.session.scalar(select(t.activity_log.c.at).where(t.activity_log.c.what == "test"))
        assert found == eastern
        assert found.tzinfo is UTC
        with pytest.raises(StatementError, match="has no time zone"):
            transaction.session.execute(insert(t.activity_log).values(at=eastern.replace(tzinfo=None), **values))
    assert one(desk.file, "SELECT at FROM activity_log WHERE what = 'test'") == "2026-03-02 09:30:00.123456"


def test_a_word_that_is_no_status_is_refused_before_it_reaches_the_database(desk: Desk) -> None:
    with pytest.raises(StatementError), desk.store.write() as transaction:
        transaction.session.execute(t.analysis.update().values(status="PENDING"))
    with pytest.raises(IntegrityError), desk.store.write() as transaction:
        transaction.session.execute(insert(t.actor), [{"kind": ActorKind.USER, "name": "one"}] * 2)
    assert one(desk.file, "SELECT COUNT(*) FROM actor WHERE name = 'one'") == 0


def test_every_table_and_index_compiles_for_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    compiled = []
    for table in t.metadata.sorted_tables:
        compiled.append(str(CreateTable(table).compile(dialect=dialect)))
        compiled += [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]
    text = "\n".join(compiled)
    assert "WHERE status IN ('pending','running')" in text
    assert "WHERE is_current" in text
    assert "JSON" in text


def test_every_sortable_column_has_its_index_with_the_id(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.file)) as connection:
        indexes = {
            tuple(name for _, _, name in connection.execute(f"PRAGMA index_info({index})"))
            for _, index, *_ in connection.execute("PRAGMA index_list(market_analysis)")
        }
    assert {(column, "id") for column in SORTABLE} <= indexes
