"""Other dialect: every statement that a test executes is compiled for PostgreSQL too, and may hold no word of SQLite's.

Compiling is not running; it finds what PostgreSQL has no word for, and what was written for SQLite alone. A statement
that SQLAlchemy cannot tell from others by a key is found here too: it would be compiled at each execution.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import TextClause, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Engine
from sqlalchemy.sql.ddl import DDLElement
from sqlalchemy.sql.elements import (
    ClauseElement,
    ReleaseSavepointClause,
    RollbackToSavepointClause,
    SavepointClause,
)

from ba2_trade_platform.db.dialect_text import DialectText

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
_SQLITE = re.compile(
    r"INDEXED BY|\b(json_each|json_extract|json_patch|json_insert|json_group_array|julianday|strftime|likely)\(",
    re.IGNORECASE,
)
_SAVEPOINTS = (SavepointClause, RollbackToSavepointClause, ReleaseSavepointClause)
_seen: set[Any] = set()


def compile_for_postgresql(clause: ClauseElement) -> str:
    """Return a statement as PostgreSQL would get it; raises CompileError or AssertionError for what it cannot be."""
    said = str(clause.compile(dialect=_DIALECT))
    found = _SQLITE.search(said)
    assert found is None, f"{found.group(0)} is SQLite's own: {said}"
    return said


def watch_statements() -> None:
    """Look at every statement from now on, once for each shape of it."""

    @event.listens_for(Engine, "before_execute")
    def compiled(_connection: Any, clause: Any, *_: Any) -> None:
        if isinstance(clause, DDLElement) or (isinstance(clause, TextClause) and not isinstance(clause, DialectText)):
            return  # a migration speaks to the database that is there
        if not isinstance(clause, ClauseElement) or isinstance(clause, _SAVEPOINTS):
            return
        cached = clause._generate_cache_key()  # noqa: SLF001 - what SQLAlchemy itself tells statements apart by
        assert cached is not None, f"it is compiled anew whenever it is executed: {clause}"
        if cached.key not in _seen:
            _seen.add(cached.key)
            compile_for_postgresql(clause)
