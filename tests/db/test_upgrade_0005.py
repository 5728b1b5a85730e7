"""Migration 0005: attempts may be withdrawn; every row, index and number stays, on the way up and back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ba2_trade_platform.db.migrate import downgrade, upgrade
from tests.db.test_upgrade_0002 import FILLED, TABLES
from tests.sql import ask, change

INDEXES = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'analysis_attempt' AND type = 'index' ORDER BY name"
SEQUENCE = "SELECT seq FROM sqlite_sequence WHERE name = 'analysis_attempt'"
WITHDRAW = "UPDATE analysis_attempt SET outcome = 'withdrawn' WHERE id = (SELECT MAX(id) FROM analysis_attempt)"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A filled database of the fourth schema, whose last attempt was deleted."""
    file = tmp_path / "desk.db"
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0001")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(FILLED)
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0004")
    change(file, "UPDATE sqlite_sequence SET seq = seq + 7 WHERE name = 'analysis_attempt'")
    return file


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the tables that there were at first."""
    return {name: ask(file, f"SELECT * FROM {name} ORDER BY 1") for name in TABLES}


def test_every_row_index_and_number_stays(old: Path, tmp_path: Path) -> None:
    before, indexes, numbers = rows(old), ask(old, INDEXES), ask(old, SEQUENCE)
    assert before["analysis_attempt"]
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0005")
    assert (rows(old), ask(old, INDEXES), ask(old, SEQUENCE)) == (before, indexes, numbers)
    downgrade(f"sqlite:///{old}", "0004", tmp_path / "backups")
    assert (rows(old), ask(old, INDEXES), ask(old, SEQUENCE)) == (before, indexes, numbers)


def test_only_the_new_schema_knows_withdrawn_and_the_old_one_gets_cancelled(old: Path, tmp_path: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="attempt_outcome"):
        change(old, WITHDRAW)
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0005")
    change(old, WITHDRAW)
    with pytest.raises(sqlite3.IntegrityError, match="attempt_outcome"):
        change(old, WITHDRAW.replace("withdrawn", "lost"))
    downgrade(f"sqlite:///{old}", "0004", tmp_path / "backups")
    assert ask(old, "SELECT outcome FROM analysis_attempt ORDER BY id DESC LIMIT 1") == [("cancelled",)]


def test_the_way_back_frees_the_number_of_a_withdrawn_rerun(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0005")
    change(old, WITHDRAW)
    change(old, "UPDATE market_analysis SET attempt = attempt - 1 WHERE id = (SELECT analysis_id FROM analysis_attempt"
                " ORDER BY id DESC LIMIT 1)")  # fmt: skip
    before = len(ask(old, "SELECT id FROM analysis_attempt"))
    downgrade(f"sqlite:///{old}", "0004", tmp_path / "backups")
    assert len(ask(old, "SELECT id FROM analysis_attempt")) == before - 1
