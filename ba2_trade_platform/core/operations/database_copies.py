"""Database copy: an online copy of an SQLite file, verified before it gets its name."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ba2_trade_platform.db.engine import BUSY_TIMEOUT_MS, existing

PAGES = 256  # a step: 1 MB
REST_SECONDS = 0.01  # after each step, so that writers get the disk
STEPS_A_SYNC = 16  # a disk that is handed everything at the end makes writers wait for it
SPARE_BYTES = 50_000_000
PART = ".part"


class CopyError(Exception):
    """The copy could not be made, or cannot be used; the sentence says why."""


class CopyGivenUpError(Exception):
    """Whoever asked for the copy does not want it any more."""


@dataclass(frozen=True)
class Contents:
    """What stands in a database file: its schema's revision, and how many analyses."""

    revision: str
    analyses: int


def copy_database(file: Path, target: Path, *, go_on: Callable[[], bool] = lambda: True) -> Contents:
    """Copy `file` to `target`, which appears only once it is complete, verified and safe on the disk.

    One snapshot is copied in small steps: without its transaction SQLite would begin anew whenever somebody writes.
    Raises CopyError, or CopyGivenUpError when `go_on` says no between two steps.
    """
    draft = target.with_name(f".{target.name}{PART}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        needed, free = file.stat().st_size + SPARE_BYTES, shutil.disk_usage(target.parent).free
        if free < needed:
            room = f"{free / 1e6:,.0f} MB left, a copy needs {needed / 1e6:,.0f} MB"
            raise CopyError(f"The disk of {target.parent} has {room}")
        _copy(file, draft, go_on)
        contents = verify(draft)
        _sync(draft)
        draft.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise CopyError(f"{target.parent} cannot be written: {error.strerror or error}") from error
    except sqlite3.Error as error:
        full = f"The disk of {target.parent} is full"
        other = f"The database cannot be copied into {target.parent}: {error}"
        raise CopyError(full if "full" in str(error) else other) from error
    finally:
        for ending in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):  # what cannot be deleted now is taken away by the next start
                draft.with_name(draft.name + ending).unlink(missing_ok=True)
    return contents


def verify(file: Path) -> Contents:
    """Read all of a database file and return what is in it; raises CopyError when it is damaged or is none of ours."""
    if not file.is_file():
        raise CopyError(f"There is no file {file}")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            if found != ["ok"]:
                raise CopyError(f"{file.name} is damaged: {found[0]}")
            revisions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            analyses = connection.execute("SELECT COUNT(*) FROM market_analysis").fetchone()
    except sqlite3.Error as error:
        raise CopyError(f"{file.name} is no database of this console: {error}") from error
    if len(revisions) != 1:
        has = f"{len(revisions)} schemas" if revisions else "no schema"
        raise CopyError(f"{file.name} is no database of this console: it has {has}")
    return Contents(str(revisions[0][0]), int(analyses[0]))


def remove_drafts(folder: Path) -> None:
    """Take away what copies left whose process was killed, with SQLite's files beside it."""
    for left in folder.glob(f".*{PART}*"):
        left.unlink(missing_ok=True)


def _copy(file: Path, draft: Path, go_on: Callable[[], bool]) -> None:
    draft.unlink(missing_ok=True)
    draft.touch(0o600, exist_ok=False)  # whatever the mode of `file`, which may come from anywhere, and the umask
    steps = 0

    def rest(status: int, remaining: int, total: int) -> None:  # noqa: ARG001 - the signature is sqlite3's
        nonlocal steps
        steps += 1
        if not go_on():
            raise CopyGivenUpError
        if steps % STEPS_A_SYNC == 0:
            _sync(draft)
        if remaining:
            time.sleep(REST_SECONDS)

    source_of = sqlite3.connect(existing(file), isolation_level=None, uri=True)
    with closing(source_of) as source, closing(sqlite3.connect(draft)) as copy:
        source.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        copy.execute("PRAGMA synchronous = OFF")  # it is synced here, in steps
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchone()
        source.backup(copy, pages=PAGES, progress=rest)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
