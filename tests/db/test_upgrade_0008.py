"""Migration 0008: providers and calls stay as they are, and the call log is still written once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ba2_trade_platform.db.migrate import downgrade, upgrade
from tests.sql import ask, change

NOW = "'2026-01-05 10:00:00.000000'"
PROVIDERS = "SELECT name, kind, base_url, quick_model, structured, concurrency, version FROM model_provider"
CALLS = "SELECT id, provider, model, outcome, tokens_in, tokens_out, cost FROM model_call ORDER BY id"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the seventh schema with a provider, and a call that has ended."""
    file = tmp_path / "desk.db"
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0007")
    change(
        file,
        "INSERT INTO model_provider (name, kind, enabled, base_url, quick_model, deep_model, structured, concurrency,"
        " position, created_at, updated_at, version) VALUES ('mine', 'openai', 1, 'http://127.0.0.1:8000/v1', 'q', 'd',"
        f' \'{{"d": "json_mode"}}\', 8, 0, {NOW}, {NOW}, 3)',
    )
    change(
        file,
        "INSERT INTO model_call (analysis_id, attempt, expert_instance_id, symbol, provider, model, started_at,"
        f" outcome, tokens_in, tokens_out, cost, currency) VALUES (1, 1, 1, 'AAPL', 'mine', 'd', {NOW},"
        " 'answered', 10, 5, '0.25', 'USD')",
    )
    return file


def test_providers_and_calls_stay_on_the_way_up_and_back(old: Path, tmp_path: Path) -> None:
    before = ask(old, PROVIDERS), ask(old, CALLS)
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0008")
    assert (ask(old, PROVIDERS), ask(old, CALLS)) == before
    assert ask(old, "SELECT dialect, dialect_changes, windows FROM model_provider") == [(None, None, None)]
    assert ask(old, "SELECT tokens_reasoning, tokens_written FROM model_call") == [(None, None)]
    downgrade(f"sqlite:///{old}", "0007", tmp_path / "backups")
    assert (ask(old, PROVIDERS), ask(old, CALLS)) == before


def test_the_call_log_is_still_kept_for_ever(old: Path, tmp_path: Path) -> None:
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0008")
    with pytest.raises(sqlite3.IntegrityError, match="kept for ever"):
        change(old, "DELETE FROM model_call")
    with pytest.raises(sqlite3.IntegrityError, match="changed once"):
        change(old, "UPDATE model_call SET tokens_out = 1")
