"""Migration 0002: a filled database of the first schema keeps every row, and its failures get their history."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ba2_trade_platform.db.migrate import downgrade, upgrade
from tests.sql import ask, change, one

AT = "2026-11-20 09:{:02}:00.000000"
FILLED = f"""
INSERT INTO actor (id, kind, name) VALUES (1, 'user', 'trader');
INSERT INTO expert_instance (id, expert, alias, enabled, is_demo, max_concurrent, max_reruns, max_retries,
  timeout_seconds, created_at) VALUES (1, 'PracticeDesk', 'Desk', 1, 0, 4, 3, 2, 600, '{AT.format(0)}');
INSERT INTO expert_config (id, expert_instance_id, revision, settings, hash, created_at)
  VALUES (1, 1, 1, '{{}}', 'h', '{AT.format(0)}');
UPDATE expert_instance SET config_id = 1;
INSERT INTO batch (id, kind, name, actor_id, state, created_at)
  VALUES (1, 'submit', 'Two', 1, 'running', '{AT.format(1)}');
INSERT INTO market_analysis (id, symbol, expert_instance_id, subtype, status, source, priority, created_at, updated_at,
  available_at, attempt, reruns_used, retries_used, rescues_used, progress, dedupe_key, version, error_code,
  fingerprint)
  VALUES (1, 'AAPL', 1, 'enter_market', 'completed', 'manual', 0, '{AT.format(1)}', '{AT.format(9)}', '{AT.format(1)}',
          2, 1, 0, 0, 100, 'a', 5, NULL, NULL),
         (2, 'MSFT', 1, 'enter_market', 'failed', 'manual', 0, '{AT.format(1)}', '{AT.format(5)}', '{AT.format(1)}',
          1, 0, 0, 0, 50, 'b', 3, 'RATE_LIMIT', 'f1');
INSERT INTO analysis_attempt (id, analysis_id, number, "trigger", mode, base_attempt, actor_id, queued_at, started_at,
  finished_at, outcome, error_code, error_message, failure_kind, fingerprint, currency)
  VALUES (1, 1, 1, 'first', 'fresh', 1, 1, '{AT.format(1)}', '{AT.format(2)}', '{AT.format(3)}', 'failed',
          'RATE_LIMIT', 'Slow down', 'transient', 'f1', 'USD'),
         (2, 1, 2, 'rerun', 'fresh', 2, 1, '{AT.format(6)}', '{AT.format(7)}', '{AT.format(9)}', 'completed',
          NULL, NULL, NULL, NULL, 'USD'),
         (3, 2, 1, 'first', 'fresh', 1, 1, '{AT.format(1)}', '{AT.format(4)}', '{AT.format(5)}', 'failed',
          'RATE_LIMIT', 'Slow down', 'transient', 'f1', 'USD');
INSERT INTO attempt_archive (attempt_id, contents) VALUES (1, x'01');
INSERT INTO analysis_step (id, analysis_id, attempt, position, name, status, started_at, currency)
  VALUES (1, 2, 1, 1, 'Look', 'completed', '{AT.format(4)}', 'USD');
INSERT INTO analysis_output (id, market_analysis_id, attempt, step_id, type, name, text, created_at)
  VALUES (1, 2, 1, 1, 'note', 'Note', 'Seen', '{AT.format(4)}');
INSERT INTO batch_item (id, batch_id, position, symbol, expert_instance_id, analysis_id, attempt, outcome)
  VALUES (7, 1, 1, 'AAPL', 1, 1, 1, 'succeeded'), (8, 1, 2, 'MSFT', 1, 2, 1, 'queued');
"""
TABLES = (
    "actor", "expert_instance", "expert_config", "batch", "batch_item", "market_analysis", "analysis_attempt",
    "attempt_archive", "analysis_step", "analysis_output",
)  # fmt: skip


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the first schema with two analyses that failed, one of them re-run."""
    file = tmp_path / "desk.db"
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0001")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(FILLED)
    return file


def rows(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of the tables of the first schema."""
    return {name: ask(file, f"SELECT * FROM {name} ORDER BY 1") for name in TABLES}


def test_no_row_is_lost_and_the_way_back_gives_the_same_rows(old: Path, tmp_path: Path) -> None:
    before, url = rows(old), f"sqlite:///{old}"
    upgrade(url, tmp_path / "backups", to="0005")
    after = rows(old)
    assert {name: len(found) for name, found in after.items()} == {name: len(found) for name, found in before.items()}
    assert after["batch_item"] == before["batch_item"]
    downgrade(url, "0001", tmp_path / "backups")
    assert rows(old) == before


def test_failures_get_their_group_their_hours_and_what_answered_them(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0005")
    assert ask(old, "SELECT fingerprint, code, message, seen, first_seen, last_seen FROM failure_group") == [
        ("f1", "RATE_LIMIT", "Slow down", 2, AT.format(3), AT.format(5))
    ]
    assert ask(old, "SELECT fingerprint, hour, seen FROM failure_hour") == [("f1", AT.format(0), 2)]
    answers = (
        "SELECT number, after_fingerprint, after_code, after_failed_at FROM analysis_attempt WHERE analysis_id = 1"
    )
    assert ask(old, answers) == [(1, None, None, None), (2, "f1", "RATE_LIMIT", AT.format(3))]
    assert ask(old, "SELECT retry_base_seconds, retry_cap_seconds FROM expert_instance") == [(5.0, 300.0)]


def test_ids_of_items_that_were_deleted_are_not_handed_out_again(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0005")
    change(old, "DELETE FROM batch_item WHERE id = 8")
    change(
        old,
        "INSERT INTO batch_item (batch_id, position, symbol, expert_instance_id, outcome)"
        " VALUES (1, 3, 'AMD', 1, 'planned')",
    )
    assert one(old, "SELECT MAX(id) FROM batch_item") == 9


def test_a_planned_item_does_not_survive_the_way_back(old: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{old}"
    upgrade(url, tmp_path / "backups", to="0005")
    change(old, "UPDATE batch_item SET outcome = 'planned' WHERE id = 8")
    downgrade(url, "0001", tmp_path / "backups")
    assert ask(old, "SELECT id FROM batch_item") == [(7,)]
