"""Database engine: opens SQLite with WAL and foreign keys, and writers that take the lock at BEGIN."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

Synchronous = Literal["OFF", "NORMAL", "FULL", "EXTRA"]
BUSY_TIMEOUT_MS = 10_000
WRITES = {"writes": True}


class UnsupportedDatabaseError(ValueError):
    """The URL names a database that this version cannot run on."""


def database_file(url: str) -> Path:
    """Return the file that an SQLite URL names, or raise UnsupportedDatabaseError."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise UnsupportedDatabaseError("this is no database URL; use sqlite:///PATH") from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise UnsupportedDatabaseError(f"{parsed.render_as_string()} is not an SQLite file; use sqlite:///PATH")
    return Path(parsed.database)


def existing(file: Path) -> str:
    """Return the URI by which SQLite opens a file that is there; a bare path would be created anew when it is not."""
    return f"{file.absolute().as_uri()}?mode=rw"


def open_engine(
    url: str,
    synchronous: Synchronous = "FULL",
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    *,
    foreign_keys: bool = True,
    creates: bool = False,
) -> Engine:
    """Return an engine on an SQLite file, made only when it `creates`, whose writers take the lock when they begin.

    A plain BEGIN that becomes a writer later fails at once with "database is locked" in spite of the busy time-out;
    transactions opened with the execution options `WRITES` therefore begin IMMEDIATE.
    """
    file = database_file(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    # Without the parameters in its text, an error shows nobody's data and can always be put into words.
    engine = create_engine(
        url, pool_size=16, max_overflow=48, hide_parameters=True, connect_args={"check_same_thread": False}
    )

    if not creates:
        # All four: SQLAlchemy hands them over by their places.
        @event.listens_for(engine, "do_connect")
        def open_existing(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
            arguments[0], options["uri"] = existing(file), True

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, record: Any) -> None:  # noqa: ARG001 - the signature is SQLAlchemy's
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            f"busy_timeout = {busy_timeout_ms}",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            f"foreign_keys = {foreign_keys:d}",
            "temp_store = MEMORY",
            "cache_size = -32000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(engine, "handle_error")
    def say_damage(context: ExceptionContext) -> None:
        # SQLite says of a damaged file what all its errors are; it is no fault of a statement or of its data.
        error = context.original_exception
        if type(error) is sqlite3.DatabaseError:
            raise OperationalError(context.statement, context.parameters, error, hide_parameters=True) from error

    return engine


def data_version(connection: Connection) -> int:
    """Return a number that changes whenever another connection than this one has written."""
    return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())


class DatabaseSize(NamedTuple):
    """How much a database takes on its disk, and how much of that is free for new rows."""

    bytes: int
    free_bytes: int


def database_size(connection: Connection) -> DatabaseSize:
    """Return the size of the database behind a connection."""
    page, pages, free = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_size", "page_count", "freelist_count")
    )
    return DatabaseSize(page * pages, page * free)
