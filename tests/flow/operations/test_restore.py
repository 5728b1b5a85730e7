"""Restore: everything is there again, running attempts go on, and nothing is touched otherwise."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.app.operations import find_backup, restore_backup
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused, StartRefused
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import Status
from tests.fakes.experts import Gate, Scripted, hold
from tests.platforms import TRADER, drain, make_platform, running, wait_until
from tests.scripted_console import console, submit_to
from tests.sql import ask, change, file_of, one


def settings_of(folder: Path, **chosen: Any) -> Settings:
    """Return the settings of a console in this folder."""
    return Settings(_env_file=None, data_dir=folder, demo=False, operator="trader", **chosen)


def test_a_backup_taken_while_fifty_run_is_restored_and_they_all_complete(tmp_path: Path) -> None:
    gate = Gate()

    async def waits(context: AnalysisContext) -> Verdict:
        await context.step("Wait", gate.hold)
        context.output("note", "Seen", context.symbol)
        return hold()

    with console(tmp_path, Scripted("Waiting", waits), workers=60) as platform:
        done = submit_to(platform, "Steady", "MSFT")
        drain(platform)
        fifty = platform.experts.create("Waiting", "Fifty", by=TRADER, max_concurrent=50)
        platform.queue.submit_batch([fifty.id], [f"S{number}" for number in range(50)], by=TRADER)
        wait_until(platform, lambda: platform.worker.status.busy >= 50, "fifty at work")
        backup = platform.operations.backups.make(by=TRADER)
        gate.open()
        drain(platform)
        platform.analyses.delete(done, by=TRADER)
    restored = restore_backup(settings_of(tmp_path), Path(backup.file or ""))
    assert restored.analyses == 51
    assert restored.kept is not None
    assert one(restored.kept, "SELECT COUNT(*) FROM market_analysis WHERE status = 'completed'") == 50
    with console(tmp_path, Scripted("Waiting", waits)) as platform:
        drain(platform)
        assert platform.monitoring.jobs.count(Filter(status=(Status.COMPLETED,))) == 51
        assert ask(file_of(platform), "SELECT DISTINCT attempt FROM market_analysis WHERE id <> ?", done) == [(2,)]
        newest = platform.operations.backups.newest_good()
        assert newest is not None
        assert newest.file == backup.file  # the row is of after the snapshot; the folder told of it


def test_a_restore_is_refused_while_a_console_runs(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        backup = Path(platform.operations.backups.make(by=TRADER).file or "")
        with pytest.raises(StartRefused, match=r"Another console .* stop it first"):
            restore_backup(settings_of(tmp_path), backup)


def stopped_with_backup(folder: Path) -> tuple[Path, Path]:
    """Return a stopped console's database and its backup."""
    platform = make_platform(folder)
    backup = Path(platform.operations.backups.make(by=TRADER).file or "")
    platform.stop()
    return file_of(platform), backup


def test_a_damaged_a_foreign_and_a_newer_file_change_nothing(tmp_path: Path) -> None:
    database, backup = stopped_with_backup(tmp_path)
    before = database.read_bytes()
    damaged, foreign, newer = (tmp_path / f"{name}.db" for name in ("damaged", "foreign", "newer"))
    damaged.write_bytes(backup.read_bytes()[:200_000])
    foreign.write_text("symbol,price\n" * 100)
    shutil.copy(backup, newer)
    change(newer, "UPDATE alembic_version SET version_num = '9999'")
    for file, refusal in ((damaged, Invalid), (foreign, Invalid), (newer, Refused)):
        with pytest.raises(refusal) as refused:
            restore_backup(settings_of(tmp_path), file)
        assert refused.value.code in {"BACKUP_UNUSABLE", "NEWER_SCHEMA"}
    assert database.read_bytes() == before
    assert list(tmp_path.glob("*before-restore*")) == []


def test_a_backup_is_found_by_its_name_or_by_its_path(tmp_path: Path) -> None:
    _, backup = stopped_with_backup(tmp_path)
    assert find_backup(settings_of(tmp_path), backup.name) == backup
    assert find_backup(settings_of(tmp_path), str(backup)) == backup
    with pytest.raises(NotFound, match="There is no backup of-tuesday"):
        find_backup(settings_of(tmp_path), "of-tuesday")


def test_a_lost_database_is_restored_where_nothing_is(tmp_path: Path) -> None:
    database, backup = stopped_with_backup(tmp_path)
    database.unlink()
    assert restore_backup(settings_of(tmp_path), backup).kept is None
    make_platform(tmp_path).stop()


def test_the_log_of_a_database_that_was_deleted_by_hand_does_not_reach_the_restored_one(tmp_path: Path) -> None:
    database, backup = stopped_with_backup(tmp_path)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("CREATE TABLE of_the_deleted_one (x)")
        log = database.with_name("ba2.db-wal").read_bytes()
    database.unlink()
    beside = database.with_name("ba2.db-wal")
    beside.write_bytes(log)
    restore_backup(settings_of(tmp_path), backup)
    assert not beside.exists()
    assert ask(database, "SELECT name FROM sqlite_master WHERE name = 'of_the_deleted_one'") == []
    [kept] = tmp_path.glob("*before-restore*-wal")
    assert kept.read_bytes() == log


def test_a_broken_database_is_kept_aside_as_it_is(tmp_path: Path) -> None:
    database, backup = stopped_with_backup(tmp_path)
    database.write_bytes(b"broken" * 1000)
    beside = database.with_name("ba2.db-wal")
    beside.write_bytes(b"of the broken one")
    kept = restore_backup(settings_of(tmp_path), backup).kept
    assert kept is not None
    assert kept.read_bytes() == b"broken" * 1000
    assert not beside.exists()
    make_platform(tmp_path).stop()


def test_a_restore_says_when_the_key_of_its_secrets_is_missing(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    platform.operations.dead_man_switch.change("https://hc.example/secret", by=TRADER)
    backup = Path(platform.operations.backups.make(by=TRADER).file or "")
    platform.stop()
    assert "secret.key" not in restore_backup(settings_of(tmp_path), backup).sentence
    (tmp_path / "secret.key").unlink()
    assert "There is no secret.key in the data folder" in restore_backup(settings_of(tmp_path), backup).sentence
