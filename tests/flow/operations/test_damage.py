"""Damage: a broken database is a sentence, a red Health and 503, never an error 500 and never an empty desk."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.operations import restore_backup
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.errors import Invalid, StartRefused, Unavailable
from ba2_trade_platform.settings import Settings
from tests.api.clients import client_of
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, drain, make_platform, practice, running, submit
from tests.sql import ask, change, file_of

GARBAGE = b"\x5a" * 4096


def settings_of(folder: Path, **chosen: Any) -> Settings:
    """Return the settings of a console in this folder."""
    return Settings(_env_file=None, data_dir=folder, demo=False, operator="trader", **chosen)


def damage(file: Path) -> None:
    """Overwrite every page of a database but the first, as a dying disk does."""
    with closing(sqlite3.connect(file, timeout=EVENT_SECONDS)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = file.stat().st_size // len(GARBAGE)
    with file.open("r+b") as raw:
        raw.seek(len(GARBAGE))
        raw.write(GARBAGE * (pages - 1))


def stopped_with_backup(folder: Path) -> Path:
    """Return the backup of a stopped console with one analysis."""
    platform = make_platform(folder)
    submit(platform, practice(platform))
    backup = platform.operations.backups.make(by=TRADER)
    platform.stop()
    return Path(str(backup.file))


def asked(platform: Platform, *paths: str) -> list[httpx.Response]:
    """Return what the API answers at these paths."""

    async def ask_all() -> list[httpx.Response]:
        async with client_of(platform) as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(ask_all())


def test_a_database_that_breaks_while_it_is_used_is_said_everywhere(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    expert = practice(platform)
    submit(platform, expert)
    platform.store.engine.dispose()  # nothing of it is kept in memory
    damage(file_of(platform))
    with pytest.raises(Unavailable, match=r"the database is damaged .*backup restore FILE") as said:
        platform.monitoring.jobs.page()
    assert said.value.code == "DATABASE_DAMAGED"
    with pytest.raises(Unavailable, match="the database is damaged"):
        submit(platform, expert)
    base = "http://127.0.0.1:8080"
    answers = asked(platform, "/analyses", "/batches", "/failures", f"{base}/readyz")
    assert {answer.status_code for answer in answers} == {503}
    assert answers[0].json()["code"] == "DATABASE_DAMAGED"
    assert "the database is damaged" in answers[-1].text
    bad = {item.key: item.sentence for item in platform.operations.health.read().bad}
    assert any("the database is damaged" in sentence for sentence in bad.values()), bad
    platform.stop()


def test_a_result_that_a_broken_database_does_not_take_is_no_bug(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(make_platform(tmp_path)) as platform:
        submit(platform, practice(platform, seconds=0.2))
        drain(platform)
        platform.store.engine.dispose()
        damage(file_of(platform))
        with pytest.raises(Unavailable, match="damaged"):
            submit(platform, 1)
    assert "BUG" not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_database_that_is_broken_at_the_start_names_the_way_back(tmp_path: Path) -> None:
    (tmp_path / "ba2.db").write_bytes(GARBAGE)
    with pytest.raises(StartRefused, match=r"backup restore FILE.*backup list") as refused:
        build(settings_of(tmp_path)).own()
    assert refused.value.code == "DATABASE_BROKEN"


@pytest.mark.parametrize("there", [True, False], ids=["empty", "gone"])
def test_an_empty_desk_is_not_begun_where_backups_lie(tmp_path: Path, there: bool) -> None:
    with running(make_platform(tmp_path)) as platform:
        backup = platform.operations.backups.make(by=TRADER)
    for ending in ("", "-wal", "-shm"):
        (tmp_path / f"ba2.db{ending}").unlink(missing_ok=True)
    if there:
        (tmp_path / "ba2.db").touch()
    with pytest.raises(StartRefused, match=rf"{Path(str(backup.file)).name}.*--new") as refused:
        build(settings_of(tmp_path)).own()
    assert refused.value.code == "DATABASE_MISSING"
    assert (tmp_path / "ba2.db").exists() is there
    platform = build(settings_of(tmp_path))
    platform.own(new=True)
    platform.stop()
    assert ask(tmp_path / "ba2.db", "SELECT count(*) FROM market_analysis") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DROP TRIGGER model_call_is_kept", "trigger model_call_is_kept is missing"),
        (
            "CREATE TRIGGER spy AFTER INSERT ON actor BEGIN DELETE FROM actor; END",
            "trigger spy is none of this console",
        ),
        (
            "CREATE TRIGGER alembic_spy AFTER INSERT ON watchlist BEGIN DELETE FROM activity_log; END",
            "trigger alembic_spy is none of this console",
        ),
        ("CREATE VIEW alembic_v AS SELECT * FROM actor", "view alembic_v is none of this console"),
        (
            "CREATE TRIGGER alembic_version AFTER INSERT ON actor BEGIN DELETE FROM actor; END",
            "trigger alembic_version is",
        ),
        ("ALTER TABLE alembic_version ADD COLUMN extra TEXT", "table alembic_version is another"),
        ("ALTER TABLE actor ADD COLUMN extra TEXT", "table actor is another"),
        ("DROP INDEX ix_idempotency_key_created", "index ix_idempotency_key_created is missing"),
    ],
)
def test_a_backup_that_was_changed_by_hand_is_not_restored(tmp_path: Path, statement: str, sentence: str) -> None:
    with running(make_platform(tmp_path)) as platform:
        backup = Path(str(platform.operations.backups.make(by=TRADER).file))
    before = (tmp_path / "ba2.db").read_bytes()
    change(backup, statement)
    with pytest.raises(Invalid, match=sentence) as refused:
        restore_backup(settings_of(tmp_path), backup)
    assert refused.value.code == "BACKUP_SCHEMA"
    assert (tmp_path / "ba2.db").read_bytes() == before


def test_a_trigger_hides_behind_no_name_of_sqlite(tmp_path: Path) -> None:
    backup = stopped_with_backup(tmp_path)
    spy = "CREATE TRIGGER sqlite_spy AFTER INSERT ON watchlist BEGIN DELETE FROM activity_log; END"
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES ('trigger', 'sqlite_spy', 'watchlist', 0, ?)", (spy,))
    with pytest.raises(Invalid, match="trigger sqlite_spy is none of this console") as refused:
        restore_backup(settings_of(tmp_path), backup)
    assert refused.value.code == "BACKUP_SCHEMA"


@pytest.mark.parametrize(
    ("statement", "code", "sentence"),
    [
        ("INSERT INTO alembic_version VALUES ('0001')", "BACKUP_UNUSABLE", "it has 2 schemas"),
        ("DELETE FROM alembic_version", "BACKUP_UNUSABLE", "it has no schema"),
        ("DELETE FROM expert_instance", "BACKUP_ROWS", "rows are without a parent in .*market_analysis"),
    ],
)
def test_a_backup_whose_rows_contradict_each_other_is_not_restored(
    tmp_path: Path, statement: str, code: str, sentence: str
) -> None:
    backup = stopped_with_backup(tmp_path)
    before = (tmp_path / "ba2.db").read_bytes()
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute(statement)
    with pytest.raises(Invalid, match=sentence) as refused:
        restore_backup(settings_of(tmp_path), backup)
    assert refused.value.code == code
    assert (tmp_path / "ba2.db").read_bytes() == before
    assert list(tmp_path.glob("*restore*")) == []


def test_a_backup_that_sqlite_itself_was_asked_to_analyze_is_restored(tmp_path: Path) -> None:
    backup = stopped_with_backup(tmp_path)
    change(backup, "ANALYZE")
    assert restore_backup(settings_of(tmp_path), backup).analyses == 1
