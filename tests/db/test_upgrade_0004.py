"""Migration 0004: a filled database keeps every row when it learns of schedules, and on the way back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ba2_trade_platform.db.migrate import downgrade, upgrade
from tests.db.test_upgrade_0002 import AT, FILLED, TABLES
from tests.sql import ask, change

LISTED = f"""
INSERT INTO instrument (id, symbol, name, type, exchange, currency, calendar, is_demo)
  VALUES (1, 'AAPL', 'Apple', 'stock', 'XNAS', 'USD', 'XNYS', 0), (2, 'IBM', 'IBM', 'stock', 'XNYS', 'USD', 'XNYS', 0);
INSERT INTO watchlist (id, name, is_demo, created_at) VALUES (1, 'Two', 0, '{AT.format(0)}');
INSERT INTO watchlist_item (id, watchlist_id, instrument_id, position) VALUES (4, 1, 1, 1), (5, 1, 2, 2);
"""
KEPT = (*TABLES, "instrument", "watchlist", "watchlist_item")
LAST = (
    "SELECT symbol, last_analysis_id, last_status, last_analyzed_at FROM watchlist_item"
    " JOIN instrument ON instrument.id = instrument_id ORDER BY symbol"
)
NEW_ANALYSIS = (
    "INSERT INTO market_analysis (id, symbol, expert_instance_id, subtype, status, source, priority, created_at,"
    " updated_at, available_at, attempt, reruns_used, retries_used, rescues_used, progress, dedupe_key, version)"
    f" VALUES (9, 'IBM', 1, 'enter_market', 'pending', 'manual', 0, '{AT.format(10)}', '{AT.format(10)}',"
    f" '{AT.format(10)}', 1, 0, 0, 0, 0, 'c', 1)"
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A filled database of the third schema, with a watchlist."""
    file = tmp_path / "desk.db"
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0001")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(FILLED + LISTED)
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0003")
    return file


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the tables that there were before."""
    return {name: ask(file, f"SELECT * FROM {name} ORDER BY 1") for name in KEPT}


def test_no_row_is_lost_on_the_way_up_and_the_way_back_gives_the_same_rows(old: Path, tmp_path: Path) -> None:
    before, url = rows(old), f"sqlite:///{old}"
    upgrade(url, tmp_path / "backups", to="0005")
    after = rows(old)
    assert {name: len(found) for name, found in after.items()} == {name: len(found) for name, found in before.items()}
    downgrade(url, "0003", tmp_path / "backups")
    assert rows(old) == before
    assert ask(old, "SELECT name FROM sqlite_schema WHERE name LIKE '%schedule%' OR name LIKE 'watchlist_sees%'") == []
    upgrade(url, tmp_path / "backups", to="0005")
    assert rows(old) == after


def test_a_watchlist_knows_its_last_analyses_from_the_first_moment(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0005")
    assert ask(old, LAST) == [("AAPL", 1, "completed", AT.format(9)), ("IBM", None, None, None)]


def test_a_watchlist_is_told_by_the_database_itself(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0005")
    change(old, NEW_ANALYSIS)
    assert ask(old, LAST)[1] == ("IBM", 9, "pending", AT.format(10))
    change(old, f"UPDATE market_analysis SET status = 'running', updated_at = '{AT.format(11)}' WHERE id = 9")
    assert ask(old, LAST)[1] == ("IBM", 9, "running", AT.format(11))
    change(old, "DELETE FROM market_analysis WHERE id = 9")
    assert ask(old, LAST)[1] == ("IBM", None, None, None)
    change(old, "DELETE FROM watchlist_item")
    change(old, "INSERT INTO watchlist_item (watchlist_id, instrument_id, position) VALUES (1, 1, 1)")
    assert ask(old, LAST) == [("AAPL", 1, "completed", AT.format(9))]


def test_paused_and_cancelled_batches_become_what_the_older_schema_knows(old: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{old}"
    upgrade(url, tmp_path / "backups", to="0005")
    change(old, "UPDATE batch SET state = 'paused' WHERE id = 1")
    downgrade(url, "0003", tmp_path / "backups")
    assert ask(old, "SELECT state FROM batch") == [("running",)]
