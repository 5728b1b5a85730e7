"""Private files: readable by the console's own user alone, for they hold positions, keys and conversations."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)

PRIVATE = 0o077
"""The umask under which files are 0600 and folders 0700."""
FOLDERS = ("archives", "backups", "browsers", "experts", "logs", "memory", "prices")
FILES = ("prices.csv", "secret.key", "storage_secret")


def write_privately() -> None:
    """Have everything that this process makes from now on be its user's only, whatever the umask was."""
    os.umask(PRIVATE)


def tighten(folder: Path, database: Path) -> int:
    """Take from others what an earlier version left them of a data folder; return how many files and folders it was.

    Of the folder itself only the console's own parts, for it may be somebody's home. What belongs to another user
    stays as it is, and is said in the log.
    """
    if os.name != "posix":
        return 0
    here = folder if (folder / database.name).exists() else database.parent
    if not here.stat().st_mode & PRIVATE:
        return 0  # nobody else comes into it
    tightened = 0
    for path in _own_parts(folder, database):
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
    if (folder / database.name).exists():  # a folder without a database of ours is nobody's data folder
        yield folder
    yield from sorted(database.parent.glob(f"{database.name}*"))
    yield from (path for name in FILES if (path := folder / name).exists())
    for name in FOLDERS:
        root = folder / name
        if root.is_dir() and not root.is_symlink():
            yield root
            yield from sorted(root.rglob("*"))
