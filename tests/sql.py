"""SQL: a database file looked into from outside, with plain sqlite3, as another program would."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.patience import EVENT_SECONDS


def file_of(platform: Any) -> Path:
    """Return the database file of a console."""
    return Path(platform.settings.data_dir) / "ba2.db"


def ask(file: Path, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(statement, values).fetchall()


def one(file: Path, statement: str, *values: Any) -> Any:
    """Return the only value of a query."""
    ((value,),) = ask(file, statement, *values)
    return value


def change(file: Path, statement: str, *values: Any) -> None:
    """Change rows and commit, as another program would."""
    with closing(sqlite3.connect(file, timeout=EVENT_SECONDS)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(statement, values)


def dump(file: Path) -> str:
    """Return the whole database, rows and schema, as text that is equal when nothing has changed.

    Left out are counters at zero, which SQLite notes at the first INSERT into a table even when it inserts no row.
    """
    with closing(sqlite3.connect(file)) as connection:
        unused = re.compile(r"INSERT INTO \"sqlite_sequence\" VALUES\('\w+',0\);")
        return "\n".join(line for line in connection.iterdump() if not unused.fullmatch(line))
