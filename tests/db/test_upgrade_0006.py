"""Migration 0006: bulk re-runs become batches with a plan, audit lines get closed words, and the way back undoes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ba2_trade_platform.db.migrate import downgrade, upgrade
from tests.db.test_upgrade_0002 import AT, FILLED
from tests.sql import ask

STATES = ("running", "aborted", "canary_failed", "completed", "canary")
BULKS = "".join(
    f"""
INSERT INTO batch (id, kind, name, actor_id, state, created_at, finished_at)
  VALUES ({10 + place}, 'bulk_rerun', 'Bulk {state}', 1, '{"completed" if state == "completed" else "running"}',
          '{AT.format(20)}', {f"'{AT.format(30)}'" if state == "completed" else "NULL"});
INSERT INTO bulk_rerun (batch_id, state, mode, reason, filter, rate_per_minute, canary, plan_hash, next_at, finished_at,
  after_batch_id) VALUES ({10 + place}, '{state}', 'fresh', 'new key', '{{"code": "AUTH"}}', 5, 2, '3-0-0-abc',
  '{AT.format(21)}', {f"'{AT.format(30)}'" if state == "completed" else "NULL"}, 1);
"""
    for place, state in enumerate(STATES)
)
LINES = f"""
INSERT INTO activity_log (actor_id, at, subject_type, subject_id, what, reason)
  VALUES (1, '{AT.format(22)}', 'batch', 11, 'abort', 'wrong desk'),
         (1, '{AT.format(23)}', 'batch', 1, 'pause batch', NULL),
         (1, '{AT.format(24)}', 'watchlist', 3, 'symbols added', NULL),
         (1, '{AT.format(25)}', 'failure group', NULL, 'mark of failure group f1', NULL),
         (1, '{AT.format(26)}', 'analysis', 1, 'cancel', NULL),
         (1, '{AT.format(27)}', 'desk_setting', NULL, 'change heartbeat', NULL),
         (1, '{AT.format(28)}', 'desk_setting', NULL, 'change day_budget', NULL);
"""
TABLES = ("batch", "bulk_rerun", "batch_item", "activity_log", "market_analysis")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A filled database of the fifth schema, with a bulk re-run in every state."""
    file = tmp_path / "desk.db"
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0001")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(FILLED)
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0005")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(BULKS + LINES)
    return file


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the tables that change."""
    return {name: ask(file, f"SELECT * FROM {name} ORDER BY 1") for name in TABLES}


def test_a_bulk_rerun_is_its_batch_with_state_plan_and_who_aborted_it(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0006")
    assert ask(old, "SELECT id, state FROM batch WHERE kind = 'bulk_rerun' ORDER BY id") == [
        (10 + place, state) for place, state in enumerate(STATES)
    ]
    plan = ("fresh", "new key", '{"code": "AUTH"}', 5, 2, "3-0-0-abc", AT.format(21), 1)
    assert set(ask(old, "SELECT mode, reason, filter, rate_per_minute, canary, plan_hash, next_at, after_batch_id"
                        " FROM batch WHERE kind = 'bulk_rerun'")) == {plan}  # fmt: skip
    assert ask(old, "SELECT id, stopped_at, stopped_by, stop_reason FROM batch WHERE stopped_at IS NOT NULL") == [
        (11, AT.format(22), 1, "wrong desk")
    ]
    assert ask(old, "SELECT finished_at FROM batch WHERE id IN (12, 13) ORDER BY id") == [(None,), (AT.format(30),)]
    assert ask(old, "SELECT COUNT(*) FROM batch_item WHERE batch_id = 1") == [(2,)]


def test_audit_lines_say_the_same_in_closed_words(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0006")
    assert ask(old, "SELECT subject_type, subject_id, subject_key, what FROM activity_log ORDER BY at") == [
        ("batch", 11, None, "abort"),
        ("batch", 1, None, "pause"),
        ("watchlist_item", 3, None, "create"),
        ("failure_group", None, "f1", "mark"),
        ("analysis", 1, None, "cancel"),
        ("dead_man_switch", None, None, "change"),
        ("desk_setting", None, "day_budget", "change"),
    ]


def test_the_way_back_gives_the_same_rows(old: Path, tmp_path: Path) -> None:
    before = rows(old)
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0006")
    downgrade(f"sqlite:///{old}", "0005", tmp_path / "backups")
    assert rows(old) == before


def test_what_the_older_schema_does_not_know_becomes_what_it_knows(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0006")
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("UPDATE batch SET state = 'paused', resume_state = 'canary' WHERE id = 10")
        connection.execute(f"UPDATE batch SET state = 'cancelled', finished_at = '{AT.format(40)}' WHERE id = 14")
    downgrade(f"sqlite:///{old}", "0005", tmp_path / "backups")
    both = "SELECT b.id, b.state, r.state FROM batch b JOIN bulk_rerun r ON r.batch_id = b.id WHERE b.id IN (10, 14)"
    assert ask(old, both) == [(10, "running", "running"), (14, "completed", "aborted")]
