"""Database schema: the definitions of all tables, indexes and triggers of a file, and how two of them differ."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

Schema = dict[tuple[str, str], list[str]]
"""By kind and name, the parts of each definition."""
_SQLITES = {("table", name) for name in ("sqlite_sequence", "sqlite_stat1", "sqlite_stat4")}
"""What SQLite makes by itself; another thing that only has such a name is somebody's."""


def schema_of(file: Path) -> Schema:
    """Return the schema of an SQLite file; the order of a table's columns and constraints is ignored."""
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return {(kind, name): _parts(kind, sql) for kind, name, sql in rows if (kind, name) not in _SQLITES}


def differences(found: Schema, expected: Schema) -> list[str]:
    """Return how `found` differs from the `expected` schema, each in a few words."""
    missing = [f"{kind} {name} is missing" for kind, name in sorted(expected.keys() - found.keys())]
    foreign = [f"{kind} {name} is none of this console's" for kind, name in sorted(found.keys() - expected.keys())]
    both = sorted(found.keys() & expected.keys())
    changed = [f"{kind} {name} is another" for kind, name in both if found[kind, name] != expected[kind, name]]
    return missing + foreign + changed


def _parts(kind: str, sql: str) -> list[str]:
    plain = re.sub(r"\s+", " ", sql).replace('"', "").replace("( ", "(").replace(" )", ")")
    if kind == "trigger":
        return [plain]
    opening, _, rest = plain.partition("(")
    body, _, tail = rest.rpartition(")")
    parts = _split(body)
    return [opening.strip(), *(sorted(parts) if kind == "table" else parts), tail.strip()]


def _split(body: str) -> list[str]:
    """Return the parts of a definition, split at its outer commas."""
    parts, depth, part = [], 0, ""
    for character in body:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += character
    return [*parts, part.strip()]
