"""Migration 0003: a filled database keeps every row when it learns of language models, and on the way back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ba2_trade_platform.db.migrate import downgrade, upgrade
from tests.db.test_upgrade_0002 import AT, FILLED, TABLES
from tests.sql import ask, change, one

NEW = ("desk_setting", "lesson", "model_call", "model_provider")
CALL = (
    "INSERT INTO model_call (analysis_id, attempt, expert_instance_id, symbol, provider, model, started_at, currency)"
    f" VALUES (2, 1, 1, 'MSFT', 'openai', 'gpt-5', '{AT.format(4)}', 'USD')"
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A filled database of the second schema."""
    file = tmp_path / "desk.db"
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0001")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(FILLED)
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0002")
    return file


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the tables that there were before."""
    return {name: ask(file, f"SELECT * FROM {name} ORDER BY 1") for name in (*TABLES, "failure_group", "failure_hour")}


def test_no_row_changes_on_the_way_up_and_on_the_way_back(old: Path, tmp_path: Path) -> None:
    before, url = rows(old), f"sqlite:///{old}"
    upgrade(url, tmp_path / "backups", to="0003")
    assert rows(old) == before
    assert [one(old, f"SELECT COUNT(*) FROM {table}") for table in NEW] == [0, 0, 0, 0]
    change(old, CALL)
    downgrade(url, "0002", tmp_path / "backups")
    assert rows(old) == before
    assert ask(old, "SELECT name FROM sqlite_schema WHERE name IN (?, ?, ?, ?)", *NEW) == []
    assert ask(old, "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'model_call%'") == []
    upgrade(url, tmp_path / "backups", to="0003")
    assert rows(old) == before


@pytest.mark.parametrize(
    "wrong",
    [
        "DELETE FROM model_call",
        "UPDATE model_call SET cost = 0",
        "UPDATE model_call SET outcome = 'answered', analysis_id = 9",
        "INSERT OR REPLACE INTO model_call SELECT * FROM model_call",
    ],
)
def test_a_call_is_changed_once_when_it_ends_and_by_nothing_else(old: Path, tmp_path: Path, wrong: str) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0005")
    change(old, CALL)
    with pytest.raises(sqlite3.IntegrityError):
        change(old, wrong)
    change(old, "UPDATE model_call SET outcome = 'answered', cost = 10")
    with pytest.raises(sqlite3.IntegrityError):
        change(old, "UPDATE model_call SET cost = 0")
