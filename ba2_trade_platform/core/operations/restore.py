"""Restore: puts a verified backup in the database's place, and keeps the previous file aside."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused, Unavailable
from ba2_trade_platform.core.operations.database_copies import CopyError, copy_database, verify
from ba2_trade_platform.core.operations.instance_lock import InstanceLock
from ba2_trade_platform.db.migrate import head, known_revisions, schema_at
from ba2_trade_platform.db.schemas import differences, schema_of

log = logging.getLogger(__name__)
SECRETS = (
    ("model_provider", "key IS NOT NULL"),
    ("notification_channel", "1"),
    ("desk_setting", "name = 'heartbeat' AND value IS NOT NULL"),
)


@dataclass(frozen=True)
class Restored:
    """What was restored from where, and where the database that was there before lies now."""

    file: Path
    revision: str
    analyses: int
    kept: Path | None
    key_missing: bool

    @property
    def sentence(self) -> str:
        """Say what was done and what comes next."""
        kept = f"; the database that was there is kept as {self.kept}" if self.kept else ""
        missing = ". There is no secret.key in the data folder: put yours back, or enter keys and channels again"
        contents = f"schema {self.revision}, {self.analyses:,} analyses"
        return f"Restored {self.file} ({contents}){kept}{missing if self.key_missing else ''}. Start the console"


def find_backup(name: str, folder: Path) -> Path:
    """Return the backup of this path, or of this name in the folder of backups; raises NotFound."""
    for file in (Path(name), folder / name):
        if file.is_file():
            return file
    raise NotFound(f"There is no backup {name}, and none of that name in {folder}")


def restore(file: Path, database: Path, instance_lock: InstanceLock, url: str, secret_key: Path) -> Restored:
    """Restore `file` as `database`; verified before, and again where it arrives. Nothing is changed when that fails.

    Raises StartRefused while a console holds the database, Invalid or Refused for a file that cannot be restored,
    Unavailable when the disk does not do it.
    """
    instance_lock.take(url)
    try:
        try:
            revision = verify(file).revision
        except CopyError as error:
            raise Invalid(str(error), code="BACKUP_UNUSABLE") from error
        if revision not in known_revisions():
            raise Refused(
                f"{file.name} has schema {revision}, which this version does not know (it knows up to {head()}): "
                "a newer version wrote it. Restore it with that version",
                code="NEWER_SCHEMA",
            )
        arriving = database.with_name(f"{database.name}.restored")
        try:
            contents = copy_database(file, arriving)
            _require_ours(arriving, revision, file.name)  # the copy, for the file could be another by now
            kept = _keep_aside(database)
            arriving.replace(database)
        except CopyError as error:
            raise Unavailable(f"{file.name} could not be restored: {error}", code="RESTORE_FAILED") from error
        except OSError as error:
            sentence = f"{file.name} could not be restored: {error.filename}: {error.strerror}"
            raise Unavailable(sentence, code="RESTORE_FAILED") from error
        finally:
            arriving.unlink(missing_ok=True)
    finally:
        instance_lock.release()
    key_missing = _has_secrets(database) and not secret_key.exists()
    return Restored(file, contents.revision, contents.analyses, kept, key_missing)


def _require_ours(file: Path, revision: str, name: str) -> None:
    """Refuse a schema that was changed by hand, and rows without a parent; raises Invalid."""
    wrong = differences(schema_of(file), schema_at(revision))
    if wrong:
        raise Invalid(
            f"{name} is not what this version writes with schema {revision}: {'; '.join(wrong[:5])}",
            code="BACKUP_SCHEMA",
        )
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        orphans = Counter(str(row[0]) for row in connection.execute("PRAGMA foreign_key_check"))
    if orphans:
        rows = f"{orphans.total():,} rows are without a parent in {', '.join(sorted(orphans))}"
        raise Invalid(f"{name} was changed by hand: {rows}", code="BACKUP_ROWS")


def _has_secrets(database: Path) -> bool:
    """Tell whether something in the database needs the key file; older schemas have fewer places for it."""
    with closing(sqlite3.connect(database)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return any(
            table in tables and connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {where})").fetchone()[0]
            for table, where in SECRETS
        )


def _keep_aside(database: Path) -> Path | None:
    """Give the present file a second name and move what SQLite keeps beside it; it stays whole until it is replaced."""
    there = database.exists()
    kept = database.with_name(f"{database.stem}-before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{database.suffix}")
    if there:
        # What stands in the write-ahead log is brought into the file; a damaged one is kept as it is.
        with suppress(sqlite3.Error), closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try:
            kept.hardlink_to(database)
        except OSError:  # a file system without second names
            shutil.copy2(database, kept)
        _make_private(kept)
    for ending in ("-wal", "-shm", "-journal"):
        # Of a database that was deleted by hand too: SQLite would play its log into the one that arrives.
        beside = database.with_name(database.name + ending)
        if beside.exists():
            _make_private(beside.replace(kept.with_name(kept.name + ending)))
    return kept if there else None


def _make_private(file: Path) -> None:
    try:
        file.chmod(0o600)
    except OSError as error:  # it is another user's, and no reason to go without the backup
        log.warning("%s can be read by others and stays so: %s", file, error.strerror)
