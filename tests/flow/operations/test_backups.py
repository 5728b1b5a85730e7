"""Backups of a desk at work: complete, verified, kept for some days, and made again when one was missed."""

from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ba2_trade_platform.core.base.errors import Refused, Unavailable
from ba2_trade_platform.core.operations.backups import Backups, Plan
from ba2_trade_platform.core.operations.database_copies import CopyError, copy_database, verify
from ba2_trade_platform.db.migrate import head
from ba2_trade_platform.vocabulary import ActorKind
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, make_platform
from tests.sql import ask, one
from tests.stepped import Desk, make_desk

NIGHTLY = Plan(time(2), ZoneInfo("UTC"), 7)
DAY = 86_400.0


def backups_of(desk: Desk, folder: Path, plan: Plan = NIGHTLY) -> Backups:
    """Return the backups of a desk whose clock stands at 09:00."""
    return Backups(desk.store, desk.file, folder / "backups", plan)


@contextmanager
def files_that_end_at(size: int) -> Iterator[None]:
    """Let this process write no file beyond this size, for the length of a block: a write fails half-way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(file: Path, megabytes: int) -> None:
    """Make a database larger, by rows that nobody reads."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE ballast (content BLOB)")
        connection.executemany("INSERT INTO ballast VALUES (randomblob(1000000))", [()] * megabytes)


@pytest.mark.parametrize(
    ("now", "last", "following"),
    [
        ("2026-03-02T09:00+00:00", "2026-03-02T01:00+00:00", "2026-03-03T01:00+00:00"),
        ("2026-03-02T00:59+00:00", "2026-03-01T01:00+00:00", "2026-03-02T01:00+00:00"),
        ("2026-03-29T09:00+00:00", "2026-03-29T01:00+00:00", "2026-03-30T00:00+00:00"),  # summer time began: no 02:00
        ("2026-10-25T00:30+00:00", "2026-10-25T00:00+00:00", "2026-10-26T01:00+00:00"),  # it ended: 02:00 twice
    ],
)
def test_a_backup_is_planned_once_a_day_in_the_desks_zone(now: str, last: str, following: str) -> None:
    plan = Plan(time(2), ZoneInfo("Europe/Berlin"), 7)
    assert plan.last(datetime.fromisoformat(now)) == datetime.fromisoformat(last)
    assert plan.next(datetime.fromisoformat(now)) == datetime.fromisoformat(following)


def test_a_backup_is_complete_verified_and_nothing_is_beside_it(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    made = backups_of(desk, tmp_path).make(by=TRADER)
    assert made.good
    assert made.file is not None
    assert [file.name for file in (tmp_path / "backups").iterdir()] == ["ba2-backup-20260302T090000Z.db"]
    assert verify(Path(made.file)).revision == head()
    assert made.bytes == Path(made.file).stat().st_size
    assert ask(desk.file, "SELECT what, name FROM activity_log JOIN actor ON actor.id = actor_id") == [
        ("create", "trader")
    ]


def test_what_is_written_meanwhile_neither_waits_nor_makes_the_copy_begin_anew(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    fill(desk.file, 30)
    begun, done = threading.Event(), threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not done.is_set():
            desk.platform.app_settings.change("budget_per_day_usd", str(written), by=TRADER)
            written += 1
            begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(EVENT_SECONDS)
    first = written
    made = backups_of(desk, tmp_path).make(by=TRADER)
    during = written - first
    done.set()
    writer.join()
    assert made.good
    assert during > 10
    stands = one(Path(made.file or ""), "SELECT value FROM desk_setting")
    assert first - 1 <= int(stands.strip('"')) <= written


def test_old_backups_are_deleted_but_never_the_newest(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    backups = backups_of(desk, tmp_path)
    for _ in range(3):
        backups.make(by=TRADER)
        desk.clock.advance(5 * DAY)
    assert [each.good for each in backups.list()] == [True, True, False]
    desk.clock.advance(100 * DAY)
    backups.clear_away()
    assert [each.good for each in backups.list()] == [True, False, False]
    assert len(list((tmp_path / "backups").iterdir())) == 1


def test_what_a_migration_kept_is_left_alone(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    other = tmp_path / "backups" / "desk-0003-20250101T000000000000.db"
    other.parent.mkdir()
    other.write_bytes(b"kept")
    backups = backups_of(desk, tmp_path)
    for _ in range(2):
        backups.make(by=TRADER)
        desk.clock.advance(30 * DAY)
    assert other.exists()


def test_a_missed_backup_is_made_and_only_once(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    backups = backups_of(desk, tmp_path)
    backups.make_due()
    backups.make_due()
    assert len(backups.list()) == 1
    desk.clock.advance(16 * 3600)
    backups.make_due()
    assert len(backups.list()) == 1
    desk.clock.advance(3600)  # 02:00
    backups.make_due()
    assert [each.started_at.day for each in backups.list()] == [3, 2]


def test_nothing_is_due_when_it_is_switched_off(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    backups = backups_of(desk, tmp_path, Plan(None, ZoneInfo("UTC"), 0))
    backups.make_due()
    assert backups.list() == []
    assert backups.plan.sentence == "Backups are made only when asked for (BA2_BACKUP_AT is 0), kept for ever"


def test_a_full_disk_leaves_no_half_file_but_a_row_and_an_alert(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    fill(desk.file, 10)
    backups = backups_of(desk, tmp_path)
    with files_that_end_at(5_000_000), pytest.raises(Unavailable, match=r"^The backup failed: ") as refused:
        backups.make(by=TRADER)
    assert refused.value.code == "BACKUP_FAILED"
    assert list((tmp_path / "backups").iterdir()) == []
    (failed,) = backups.list()
    assert not failed.good
    assert failed.error
    assert ask(desk.file, "SELECT kind, link, ended_at FROM alert") == [("backup_failed", "/health#backups", None)]
    backups.make(by=TRADER)
    assert backups.newest_good() is not None
    assert one(desk.file, "SELECT ended_at IS NOT NULL FROM alert") == 1


def test_a_failed_backup_is_tried_again_after_an_hour_not_at_every_look(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    (tmp_path / "backups").write_text("a file where the folder should be")
    backups = backups_of(desk, tmp_path)
    backups.make_due()
    desk.clock.advance(1800)
    backups.make_due()
    assert len(backups.list()) == 1
    desk.clock.advance(1801)
    backups.make_due()
    assert [each.error is not None for each in backups.list()] == [True, True]


def test_a_console_killed_while_it_copies_leaves_no_backup(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    fill(desk.file, 10)
    target = tmp_path / "backups" / "ba2-backup-20260302T090000Z.db"
    script = (
        "import os, sys; from pathlib import Path\n"
        "from ba2_trade_platform.core.operations.database_copies import copy_database\n"
        "copy_database(Path(sys.argv[1]), Path(sys.argv[2]), go_on=lambda: os.kill(os.getpid(), 9))"
    )
    died = subprocess.run([sys.executable, "-c", script, str(desk.file), str(target)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert not target.exists()
    assert list(target.parent.iterdir()) != []
    desk.die()
    with make_started(tmp_path) as backups:
        assert backups.list() == []
        assert list(target.parent.iterdir()) == []


@contextmanager
def make_started(folder: Path) -> Iterator[Backups]:
    """The backups of a console that has started in this folder."""
    platform = make_platform(folder)
    platform.operations.backups.start(platform.operations.background_jobs)
    try:
        yield platform.operations.backups
    finally:
        platform.stop()


def test_a_stop_gives_the_copy_up(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    fill(desk.file, 5)
    backups = backups_of(desk, tmp_path)
    backups.stop()
    with pytest.raises(Unavailable, match="The console stops"):
        backups.make(by=TRADER)
    assert backups.list() == []
    assert list((tmp_path / "backups").iterdir()) == []


def test_only_one_is_made_at_a_time(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    fill(desk.file, 20)
    backups = backups_of(desk, tmp_path)
    other = threading.Thread(target=backups.make, kwargs={"by": TRADER})
    other.start()
    while not backups.under_way and other.is_alive():
        pass
    with pytest.raises(Refused, match="being made already"):
        backups.make(by=TRADER)
    other.join()
    assert len(backups.list()) == 1


def test_rows_follow_the_folder(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    kept, lost = (platform.operations.backups.make(by=TRADER) for _ in range(2))
    Path(lost.file or "").unlink()
    another = Path(kept.file or "").with_name("ba2-backup-20250101T020000Z.db")
    Path(kept.file or "").rename(another)
    platform.operations.backups.take_stock()
    assert [(each.good, each.started_at) for each in platform.operations.backups.list() if each.good] == [
        (True, datetime(2025, 1, 1, 2, tzinfo=UTC))
    ]
    platform.stop()


def test_a_backup_that_was_cut_off_since_is_none_any_more(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    made = platform.operations.backups.make(by=TRADER)
    with Path(made.file or "").open("r+b") as file:
        file.truncate(1000)
    platform.operations.backups.take_stock()
    platform.operations.backups.take_stock()
    assert platform.operations.backups.newest_good() is None
    assert [each.good for each in platform.operations.backups.list()] == [False]
    platform.stop()


def test_a_damaged_copy_is_found_out(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    copy = tmp_path / "copy.db"
    copy_database(desk.file, copy)
    with copy.open("r+b") as file:
        file.seek(40_000)
        file.write(b"\xff" * 30_000)
    with pytest.raises(CopyError, match=r"copy\.db is damaged|copy\.db is no database"):
        verify(copy)


def test_the_copy_can_be_read_by_nobody_who_could_not_read_the_database(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    desk.file.chmod(0o600)
    made = backups_of(desk, tmp_path).make(by=TRADER)
    assert Path(made.file or "").stat().st_mode & 0o777 == 0o600


def test_the_settings_decide_when_and_how_long(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, backup_at="03:30", backup_days=30, timezone="America/New_York")
    assert platform.operations.backups.plan == Plan(time(3, 30), ZoneInfo("America/New_York"), 30)
    assert platform.actor(ActorKind.USER).name == "trader"
    assert platform.operations.backups.plan.next(datetime(2026, 3, 2, tzinfo=UTC)) == datetime(
        2026, 3, 2, 8, 30, tzinfo=UTC
    )
    assert timedelta(days=platform.operations.backups.plan.days) == timedelta(days=30)
    platform.stop()
