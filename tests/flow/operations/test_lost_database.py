"""Lost database: a file that was deleted, emptied or replaced is said, and no other desk begins in its place."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.operations import migrate
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.errors import StartRefused, Unavailable
from ba2_trade_platform.db.migrate import revision_of
from ba2_trade_platform.settings import Settings
from tests.api.clients import client_of
from tests.platforms import TRADER, make_platform, practice, running, submit, wait_until
from tests.sql import ask, change, dump, file_of, one


def settings_of(folder: Path, **chosen: Any) -> Settings:
    """Return the settings of a console in this folder."""
    return Settings(_env_file=None, data_dir=folder, demo=False, operator="trader", **chosen)


def foreign(file: Path) -> None:
    """Make a database of another program."""
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE x (a)")


REMAINS: dict[str, Callable[[Path], object]] = {
    "gone": lambda file: file.unlink(missing_ok=True),
    "empty": lambda file: file.write_bytes(b""),
    "one byte": lambda file: file.write_bytes(b"x"),
    "foreign": foreign,
    "without a revision": lambda file: change(file, "DELETE FROM alembic_version"),
}
remains = pytest.mark.parametrize("lose", REMAINS.values(), ids=list(REMAINS))


@remains
@pytest.mark.parametrize("backups", [True, False], ids=["backups", "no backups"])
def test_no_desk_begins_where_one_was(tmp_path: Path, lose: Callable[[Path], object], backups: bool) -> None:
    platform = make_platform(tmp_path)
    if backups:
        platform.operations.backups.make(by=TRADER)
    platform.stop()
    file = file_of(platform)
    lose(file)
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(StartRefused, match=r"backup restore .*--new") as refused:
        build(settings_of(tmp_path)).own()
    assert refused.value.code == "DATABASE_MISSING"
    assert (file.read_bytes() if file.exists() else None) == before


@remains
@pytest.mark.parametrize("trace", ["secret.key", "storage_secret", "archives/2026.zip"])
def test_a_desk_of_an_earlier_version_is_known_by_what_it_left(
    tmp_path: Path, lose: Callable[[Path], object], trace: str
) -> None:
    if lose is REMAINS["without a revision"]:
        make_platform(tmp_path).stop()
        (tmp_path / "ba2.db.desk").unlink()
    lose(tmp_path / "ba2.db")
    (tmp_path / "archives").mkdir()
    (tmp_path / trace).write_bytes(b"of the desk that was here")
    with pytest.raises(StartRefused, match=rf"a desk was kept here \({Path(trace).name}\)") as refused:
        migrate(settings_of(tmp_path))
    assert refused.value.code == "DATABASE_MISSING"
    assert (tmp_path / trace).read_bytes() == b"of the desk that was here"


@pytest.mark.parametrize(
    "lose", [REMAINS["gone"], REMAINS["empty"], REMAINS["one byte"]], ids=["gone", "empty", "short"]
)
def test_the_log_of_a_lost_database_is_a_trace_and_stays(tmp_path: Path, lose: Callable[[Path], object]) -> None:
    lose(tmp_path / "ba2.db")
    log = tmp_path / "ba2.db-wal"
    log.write_bytes(b"of the desk that was here")
    with pytest.raises(StartRefused, match=r"a desk was kept here \(ba2\.db-wal\)"):
        migrate(settings_of(tmp_path))
    assert log.read_bytes() == b"of the desk that was here"


def test_a_disk_that_is_not_mounted_is_told_by_the_data_folder(tmp_path: Path) -> None:
    data, disk = tmp_path / "data", tmp_path / "disk"
    disk.mkdir()
    settings = settings_of(data, database_url=f"sqlite:///{disk / 'desk.db'}")
    migrate(settings)
    shutil.rmtree(disk)
    disk.mkdir()
    with pytest.raises(StartRefused, match=r"is not there, and a desk was kept here \(desk\.db\.desk\)"):
        migrate(settings)
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("lose", [REMAINS["gone"], REMAINS["empty"]], ids=["gone", "empty"])
def test_an_empty_desk_begins_when_it_is_asked_for(tmp_path: Path, lose: Callable[[Path], object]) -> None:
    make_platform(tmp_path).stop()
    lose(tmp_path / "ba2.db")
    migrate(settings_of(tmp_path), new=True)
    assert one(tmp_path / "ba2.db", "SELECT COUNT(*) FROM market_analysis") == 0
    migrate(settings_of(tmp_path))


@pytest.mark.parametrize("lose", [REMAINS["one byte"], foreign], ids=["one byte", "foreign"])
@pytest.mark.parametrize("new", [True, False], ids=["new", "first"])
def test_a_file_of_another_program_is_not_written_over(
    tmp_path: Path, lose: Callable[[Path], object], new: bool
) -> None:
    lose(tmp_path / "ba2.db")
    before = (tmp_path / "ba2.db").read_bytes()
    with pytest.raises(StartRefused, match="move it away, or name another one by BA2_DATABASE_URL") as refused:
        migrate(settings_of(tmp_path), new=new)
    assert refused.value.code == "DATABASE_FOREIGN"
    assert (tmp_path / "ba2.db").read_bytes() == before


@pytest.mark.parametrize("left", ["", "PRAGMA journal_mode = WAL"], ids=["no byte", "no table"])
def test_a_first_start_that_was_killed_is_begun_again(tmp_path: Path, left: str) -> None:
    with closing(sqlite3.connect(tmp_path / "ba2.db")) as connection:
        connection.execute(left or "SELECT 1")
    (tmp_path / "ba2.db").touch()
    (tmp_path / "ba2.db.lock").touch()
    assert migrate(settings_of(tmp_path)).before is None


def replace_by_backup(platform: Platform) -> None:
    """Put a backup in the place of the database, as a person would who does not know of the command."""
    backup = platform.operations.backups.make(by=TRADER).file
    submit(platform, practice(platform, "Since the backup"))
    Path(str(backup)).replace(file_of(platform))


LOSSES: dict[str, tuple[Callable[[Platform], object], str]] = {
    "deleted": (lambda platform: file_of(platform).unlink(), "is gone"),
    "moved": (lambda platform: file_of(platform).rename(file_of(platform).with_name("away")), "is gone"),
    "emptied": (lambda platform: os.truncate(file_of(platform), 0), "was emptied"),
    "replaced": (replace_by_backup, "was replaced by another"),
}
losses = pytest.mark.parametrize(("lose", "said"), LOSSES.values(), ids=list(LOSSES))


async def refusals(platform: Platform) -> dict[str, tuple[int, str]]:
    """Return what reads and writes over HTTP are answered: status and code, or text."""
    async with client_of(platform) as client:
        answers = [await client.get(path) for path in ("/queue", "/analyses", "/health")]
        answers.append(await client.post("/watchlists", json={"name": "Lost"}))
        ready = await client.get("http://127.0.0.1:8080/readyz")
    told = {f"{each.request.method} {each.url.path}": (each.status_code, each.text) for each in answers}
    return told | {"ready": (ready.status_code, ready.text)}


@losses
def test_nothing_is_taken_once_the_file_is_lost(
    tmp_path: Path, lose: Callable[[Platform], object], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(make_platform(tmp_path)) as platform:
        submit(platform, practice(platform, "Practice desk"))
        lose(platform)
        there = file_of(platform).exists()
        answers = asyncio.run(refusals(platform))
        health = answers.pop("GET /api/v1/health")
        assert {status for status, _ in answers.values()} == {503}, answers
        assert all(f"the database's file {said} while the console worked" in text for _, text in answers.values())
        assert "DATABASE_MISSING" in answers["POST /api/v1/watchlists"][1]
        assert health[0] == 200
        assert said in health[1]
        for verb in (lambda: platform.operations.backups.make(by=TRADER), platform.store.check):
            with pytest.raises(Unavailable, match=said) as refused:
                verb()
            assert refused.value.code == "DATABASE_MISSING"
        wait_until(platform, lambda: said in str(platform.worker.status.storage_problem), "the worker's noticing")
        assert file_of(platform).exists() is there
    assert file_of(platform).exists() is there
    assert [record.levelname for record in caplog.records if said in record.message].count("ERROR") == 1
    assert "Traceback" not in caplog.text


def test_a_file_that_is_lost_while_something_is_written_keeps_none_of_it(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    with pytest.raises(Unavailable, match="is gone"), platform.store.write():
        file_of(platform).unlink()
    with pytest.raises(Unavailable, match="is gone"):
        platform.store.check()
    platform.stop()
    with pytest.raises(StartRefused, match="is not there"):
        build(settings_of(tmp_path)).own()


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_file_that_was_put_in_its_place_gets_nothing_of_the_lost_ones_log(tmp_path: Path, killed: bool) -> None:
    platform = make_platform(tmp_path)
    file, expected = file_of(platform), tmp_path / "expected.db"
    replace_by_backup(platform)
    shutil.copy(file, expected)
    with pytest.raises(Unavailable, match="was replaced"):
        platform.store.check()
    if not killed:
        platform.stop()
    assert not file.with_name("ba2.db-wal").exists()
    [kept] = tmp_path.glob("ba2-lost-*.db-wal")
    assert kept.stat().st_size
    assert dump(file) == dump(expected)
    assert ask(file, "SELECT * FROM market_analysis") == []
    platform.stop()
    with running(make_platform(tmp_path)) as restored:
        assert revision_of(restored.settings.url)
        submit(restored, practice(restored))


def test_a_connection_is_opened_to_no_file_that_is_not_there(tmp_path: Path) -> None:
    platform = build(settings_of(tmp_path))
    with pytest.raises(Unavailable, match="unable to open database file"):
        platform.store.check()
    assert not file_of(platform).exists()
    platform.stop()
