"""Migrations: bring a database to this code's schema after a backup, or say why they cannot."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text

from ba2_trade_platform.db.engine import WRITES, database_file, open_engine
from ba2_trade_platform.db.schemas import Schema, schema_of

MIGRATIONS = Path(__file__).parent / "migrations"


class MigrationError(RuntimeError):
    """The database cannot be brought to this code's schema; the sentence says why."""


@dataclass(frozen=True)
class Migrated:
    """What `upgrade` did: the revisions before and after, and where the backup lies."""

    before: str | None
    after: str
    backup: Path | None


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@cache
def head() -> str:
    """Return the newest revision that this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise MigrationError("This installation has no migrations")
    return revision


@cache
def known_revisions() -> frozenset[str]:
    """Return the revisions that this code can bring to its newest."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def upgrade(url: str, backups: Path, to: str = "head") -> Migrated:
    """Migrate the database at `url`, keeping a copy in `backups` first when it already holds a schema.

    Raises MigrationError when the database was written by newer code, or when rows would be left without a parent.
    """
    file = database_file(url)
    before = revision_of(url)
    if before is not None and before not in known_revisions():
        raise MigrationError(
            f"The database {file} has schema {before}, which this version does not know (it knows up to {head()}): "
            "it was written by a newer version. Start that version, or restore a backup."
        )
    if before == (head() if to == "head" else to):
        return Migrated(before, before, None)
    backup = _backup(file, backups, before) if before is not None else None
    _run(url, to)
    after = revision_of(url)
    if after is None:
        raise MigrationError(f"The database {file} has no schema after the migration")
    return Migrated(before, after, backup)


def downgrade(url: str, to: str, backups: Path) -> Path:
    """Take the database back to revision `to` (or "base"), keeping a copy first; return the copy's path."""
    backup = _backup(database_file(url), backups, revision_of(url))
    _run(url, to, down=True)
    return backup


def revision_of(url: str) -> str | None:
    """Return the revision of the database at `url`, None when it has no schema yet; raises MigrationError for two."""
    file = database_file(url)
    if not file.exists():
        return None
    with create_engine(url, poolclass=NullPool).connect() as connection:
        found = sorted(MigrationContext.configure(connection).get_current_heads())
    if len(found) > 1:
        raise MigrationError(
            f"The database {file} has {len(found)} schemas at once: {', '.join(found)}. Restore a backup"
        )
    return found[0] if found else None


def holds_tables(url: str) -> bool:
    """Tell whether something stands in the database at `url`, which has no revision: another program's, most likely."""
    own = "name = 'alembic_version' OR tbl_name = 'alembic_version' OR name LIKE 'sqlite@_%' ESCAPE '@'"
    with create_engine(url, poolclass=NullPool).connect() as connection:
        found = connection.execute(text(f"SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE NOT ({own}))"))
        return bool(found.scalar_one())


@cache
def schema_at(revision: str) -> Schema:
    """Return the schema that the migrations make of nothing, up to `revision`."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "expected.db"
        _run(f"sqlite:///{file}", revision)
        return schema_of(file)


def _run(url: str, to: str, *, down: bool = False) -> None:
    # Foreign keys are off before BEGIN: SQLite's table rebuild would cascade and delete the children.
    engine = open_engine(url, foreign_keys=False, creates=True)
    try:
        with engine.execution_options(**WRITES).begin() as connection:
            (command.downgrade if down else command.upgrade)(_config(connection), to)
            orphans = connection.execute(text("PRAGMA foreign_key_check")).all()
            if orphans:
                tables = ", ".join(sorted({str(orphan[0]) for orphan in orphans}))
                raise MigrationError(f"The migration left {len(orphans)} rows without a parent in {tables}; undone")
    finally:
        engine.dispose()


def _backup(file: Path, backups: Path, revision: str | None) -> Path:
    backups.mkdir(parents=True, exist_ok=True)
    target = backups / f"{file.stem}-{revision or 'empty'}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.db"
    target.touch(0o600, exist_ok=False)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target
