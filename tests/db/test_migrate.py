"""Migrations: up from nothing, back to nothing, never onto a newer database, and never without a copy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.operations import migrate
from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.db.migrate import Migrated, MigrationError, downgrade, head, revision_of, upgrade
from ba2_trade_platform.db.schemas import schema_of
from ba2_trade_platform.db.tables import metadata
from ba2_trade_platform.settings import Settings
from tests.databases import NAME, lay_database
from tests.platforms import drain, make_platform, practice, running, submit
from tests.sql import ask, change, dump, file_of, one


def test_an_upgraded_database_has_the_schema_of_the_models(tmp_path: Path) -> None:
    upgraded, fresh = tmp_path / "upgraded.db", tmp_path / "fresh.db"
    upgrade(f"sqlite:///{upgraded}", tmp_path / "backups")
    engine = create_engine(f"sqlite:///{fresh}")
    metadata.create_all(engine)
    engine.dispose()
    assert len(schema_of(fresh)) > 40
    made = schema_of(upgraded)
    del made["table", "alembic_version"]
    assert made == schema_of(fresh)


def test_the_first_start_makes_no_backup_and_a_second_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    first = upgrade(url, tmp_path / "backups")
    before = dump(tmp_path / "desk.db")
    second = upgrade(url, tmp_path / "backups")
    assert (first.before, first.after, first.backup) == (None, head(), None)
    assert (second.before, second.after, second.backup) == (head(), head(), None)
    assert dump(tmp_path / "desk.db") == before
    assert not (tmp_path / "backups").exists()


def test_a_copied_empty_database_is_what_a_first_start_makes_and_is_not_migrated_again(tmp_path: Path) -> None:
    first, copied = tmp_path / "first", tmp_path / "copied"
    build(Settings(_env_file=None, data_dir=first, demo=False)).own()
    before = schema_of(lay_database(copied))
    platform = build(Settings(_env_file=None, data_dir=copied, demo=False))
    assert migrate(platform.settings) == Migrated(head(), head(), None)
    platform.own()
    assert schema_of(file_of(platform)) == before == schema_of(first / NAME)
    rows = [
        {table: one(folder / NAME, f"SELECT COUNT(*) FROM {table}") for kind, table in before if kind == "table"}
        for folder in (first, copied)
    ]
    assert rows[0] == rows[1]
    assert not (copied / "backups").exists()


def test_a_filled_database_goes_down_to_nothing_after_a_whole_copy_and_up_again(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    with running(platform):
        submit(platform, practice(platform))
        drain(platform)
    file, url = file_of(platform), platform.settings.url
    filled = dump(file)
    backup = downgrade(url, "base", tmp_path / "backups")
    assert revision_of(url) is None
    assert ask(file, "SELECT name FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite%'") == []
    assert dump(backup) == filled
    assert one(backup, "SELECT status FROM market_analysis") == "completed"
    assert upgrade(url, tmp_path / "backups").after == head()
    assert one(file, "SELECT COUNT(*) FROM market_analysis") == 0


def test_a_database_of_newer_code_is_refused_with_a_sentence_and_left_alone(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    platform.stop()
    file = file_of(platform)
    change(file, "UPDATE alembic_version SET version_num = '9999'")
    before = dump(file)
    with pytest.raises(StartRefused) as refused:
        make_platform(tmp_path)
    assert "has schema 9999, which this version does not know (it knows up to " in str(refused.value)
    assert refused.value.code == "DATABASE_SCHEMA"
    assert dump(file) == before
    with pytest.raises(MigrationError, match="written by a newer version"):
        upgrade(platform.settings.url, tmp_path / "backups")


def test_a_database_of_two_schemas_is_refused_with_a_sentence(tmp_path: Path) -> None:
    file = lay_database(tmp_path)
    change(file, "INSERT INTO alembic_version VALUES ('0001')")
    with pytest.raises(StartRefused, match=f"has 2 schemas at once: 0001, {head()}") as refused:
        make_platform(tmp_path)
    assert refused.value.code == "DATABASE_SCHEMA"


def test_after_a_refused_start_the_database_is_free_for_another(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    platform.stop()
    change(file_of(platform), "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartRefused):
        make_platform(tmp_path)
    change(file_of(platform), f"UPDATE alembic_version SET version_num = '{head()}'")
    make_platform(tmp_path).stop()
    assert revision_of(platform.settings.url) == head()


def test_a_file_that_is_no_database_is_refused_with_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "ba2.db"
    file.write_text("Dear diary, " * 200)
    with pytest.raises(StartRefused, match="is not a database"):
        make_platform(tmp_path)
    assert file.read_text().startswith("Dear diary")


def test_rows_without_a_parent_undo_a_migration(tmp_path: Path) -> None:
    file = tmp_path / "desk.db"
    url = f"sqlite:///{file}"
    upgrade(url, tmp_path / "backups")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO analysis_raw_data (output_id, data) VALUES (4711, x'00')")
        connection.execute("CREATE TABLE keeper (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES keeper (id))")
        connection.execute("INSERT INTO keeper VALUES (1, 99)")
    before = dump(file)
    with pytest.raises(MigrationError, match="left 1 rows without a parent in keeper; undone"):
        downgrade(url, "base", tmp_path / "backups")
    assert dump(file) == before
