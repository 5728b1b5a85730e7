"""Migration 0007: the answers of keyed requests stay, with the status that they had, on the way up and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ba2_trade_platform.db.migrate import downgrade, upgrade
from tests.sql import ask, change

KEYS = "SELECT id, route, key, body_hash, answer, created_at FROM idempotency_key ORDER BY id"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the sixth schema with the answer to one request."""
    file = tmp_path / "desk.db"
    upgrade(f"sqlite:///{file}", tmp_path / "backups", to="0006")
    change(file, "INSERT INTO actor (kind, name) VALUES ('api', 'desk')")
    change(
        file,
        "INSERT INTO idempotency_key (actor_id, route, key, body_hash, answer, created_at)"
        " VALUES (1, 'POST /api/v1/batches', 'monday', 'abc', '{\"id\": 1}', '2026-01-05 10:00:00.000000')",
    )
    return file


def test_an_answer_stays_with_its_status(old: Path, tmp_path: Path) -> None:
    before = ask(old, KEYS)
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0007")
    assert ask(old, KEYS) == before
    assert ask(old, "SELECT status FROM idempotency_key") == [(202,)]


def test_the_way_back_forgets_keys_without_an_answer(old: Path, tmp_path: Path) -> None:
    before = ask(old, KEYS)
    upgrade(f"sqlite:///{old}", tmp_path / "backups", to="0007")
    change(
        old,
        "INSERT INTO idempotency_key (actor_id, route, key, body_hash, created_at)"
        " VALUES (1, 'POST /api/v1/batches', 'tuesday', 'abc', '2026-01-06 10:00:00.000000')",
    )
    downgrade(f"sqlite:///{old}", "0006", tmp_path / "backups")
    assert ask(old, KEYS) == before
