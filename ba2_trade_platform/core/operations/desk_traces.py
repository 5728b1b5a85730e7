"""Desk traces: tell that a desk was here when its database is not, so that no empty one begins in its place unasked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.db.engine import database_file
from ba2_trade_platform.db.held_file import SMALLEST_BYTES
from ba2_trade_platform.db.migrate import holds_tables, revision_of

log = logging.getLogger(__name__)
MISSING = "DATABASE_MISSING"
FOREIGN = "DATABASE_FOREIGN"


def require_desk(url: str, data_dir: Path, *, new: bool) -> None:
    """Refuse to begin with nothing where there was something: a disk that is not mounted, a file that was replaced.

    `new`: begin all the same, but never within a file that holds something else. Raises StartRefused, and what
    `revision_of` does.
    """
    file = database_file(url)
    size = file.stat().st_size if file.exists() else 0
    # SQLite deletes the log beside a file that holds less than a page, hence such a one is not even opened.
    if size >= SMALLEST_BYTES and revision_of(url) is not None:
        return
    foreign = size > 0 and (size < SMALLEST_BYTES or holds_tables(url))
    state = "holds no desk" if size else "is empty" if file.exists() else "is not there"
    if not new:
        _refuse_where_one_was(file, state, data_dir)
    if foreign:
        raise StartRefused(
            f"The file {file} is no database of this console and is not written over: move it away, "
            "or name another one by BA2_DATABASE_URL",
            code=FOREIGN,
        )


def leave_trace(file: Path, data_dir: Path) -> None:
    """Have the data folder tell that a desk is kept in `file`, which may lie on another disk."""
    trace = _trace(file, data_dir)
    try:
        if not trace.exists():
            data_dir.mkdir(parents=True, exist_ok=True)
            trace.write_text(f"A desk is kept in {file.absolute()}\n")
    except OSError as error:
        log.warning("%s cannot be written: %s; the loss of the database may go unnoticed", trace, error.strerror)


def _refuse_where_one_was(file: Path, state: str, data_dir: Path) -> None:
    folder = data_dir / "backups"
    backups = sorted(folder.glob("*.db"), key=lambda backup: backup.stat().st_mtime)
    if backups:
        raise StartRefused(
            f"The database {file} {state}, and {len(backups)} backups of it lie "
            f"in {folder}: bring one back with `python -m ba2_trade_platform backup restore {backups[-1].name}` "
            "(`backup list` names them), or begin with an empty desk by `python main.py --new`",
            code=MISSING,
        )
    traces = [path.name for path in _traces(file, data_dir)]
    if traces:
        raise StartRefused(
            f"The database {file} {state}, and a desk was kept here ({', '.join(traces[:4])}): put the file back, or a "
            "copy of it with `python -m ba2_trade_platform backup restore FILE`, or begin with an empty desk by "
            "`python main.py --new`",
            code=MISSING,
        )


def _traces(file: Path, data_dir: Path) -> Iterator[Path]:
    """Return what an earlier version left too; the lock is none, for one is made before there is a database."""
    own = (_trace(file, data_dir), data_dir / "storage_secret", data_dir / "secret.key")
    yield from (path for path in own if path.exists())
    yield from sorted((data_dir / "archives").glob("*.zip"))
    log_beside = file.with_name(f"{file.name}-wal")
    if log_beside.exists() and log_beside.stat().st_size:
        yield log_beside


def _trace(file: Path, data_dir: Path) -> Path:
    return data_dir / f"{file.name}.desk"
