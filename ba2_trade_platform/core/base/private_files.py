"""Private files: readable by the console's own user alone, for they hold positions, keys and conversations."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from glob import escape
from pathlib import Path

log = logging.getLogger(__name__)

PRIVATE = 0o077
"""The umask under which files are 0600 and folders 0700."""
FOLDERS = ("archives", "backups", "browsers", "experts", "logs", "memory", "prices")
FILES = ("calendar_days.csv", "prices.csv", "prices.csv.before", "secret.key", "storage_secret")


def write_privately() -> None:
    """Have everything that this process makes from now on be its user's only, whatever the umask was."""
    os.umask(PRIVATE)


def tighten(folder: Path, database: Path) -> int:
    """Take from others what an earlier version left them of a data folder; return how many files and folders it was.

    Of the folder itself, and of another one that the database lies in, only the console's own parts, for it may be
    somebody's home. What belongs to another user stays as it is, and is said in the log.
    """
    if os.name != "posix":
        return 0
    tightened = 0
    for path in (*_own_parts(folder, database), *_parts_of_database(database)):
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode) or not found.st_mode & PRIVATE:
                continue
            path.chmod(stat.S_IMODE(found.st_mode) & ~PRIVATE)
        except OSError as error:
            log.warning("%s can be read by others and stays so: %s", path, error.strerror)
        else:
            tightened += 1
    if tightened:
        log.warning(
            "%s files and folders in %s could be read by others; they are private now", f"{tightened:,}", folder
        )
    return tightened


def _own_parts(folder: Path, database: Path) -> Iterator[Path]:
    if not _is_open(folder):
        return
    if (folder / database.name).exists():  # a folder without a database of ours is nobody's data folder
        yield folder
    yield from (path for name in FILES if (path := folder / name).exists())
    for name in FOLDERS:
        root = folder / name
        if root.is_dir() and not root.is_symlink():
            yield root
            yield from sorted(root.rglob("*"))


def _parts_of_database(database: Path) -> Iterator[Path]:
    """Return the file, what lies beside it, and what a restore kept of earlier ones."""
    if _is_open(database.parent):
        name, stem = escape(database.name), escape(database.stem)
        for pattern in (f"{name}*", f".{name}*", f"{stem}-before-restore-*"):
            yield from sorted(database.parent.glob(pattern))


def _is_open(folder: Path) -> bool:
    """Tell whether others come into it; where they do not, no mode of what is inside matters."""
    return folder.exists() and bool(folder.stat().st_mode & PRIVATE)
