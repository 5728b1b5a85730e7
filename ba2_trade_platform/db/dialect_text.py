"""Dialect text: statements in words that SQLite and PostgreSQL both take, with the few words that differ as macros."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import Boolean

from ba2_trade_platform.db.sql import json_values, seconds_between

_HINT = re.compile(r" INDEXED BY \w+")
_SQLITE = {
    "json_values": json_values.sqlite,
    "json_list": "json_group_array({0})",
    "json_pair": "json_array({0}, {1})",
    "seconds_between": seconds_between.sqlite,
}
_POSTGRESQL = {
    "json_values": json_values.elsewhere,
    "json_list": "CAST(COALESCE(json_agg({0}), '[]') AS TEXT)",
    "json_pair": "json_build_array({0}, {1})",
    "seconds_between": seconds_between.elsewhere,
}
_CALL = re.compile(rf"\b({'|'.join(_SQLITE)})\(")


def hint(index: str) -> str:
    """Return what leads SQLite to an index; without statistics it takes others. Left out elsewhere."""
    return f" INDEXED BY {index}"


class DialectText(TextClause):
    """A statement in words.

    Macros: `json_values(:array)` a row for each value of a JSON array, in its column `value` as text; `json_list(x)`
    what is aggregated, as the text of a JSON array; `json_pair(x, y)`; `seconds_between(earlier, later)`.
    """

    inherit_cache = True  # by its words and parameters, each dialect for itself


def statement(sql: str) -> DialectText:
    """Return a statement in words, with its macros."""
    return DialectText(sql)


class condition(FunctionElement[bool]):  # noqa: N801 - named as SQLAlchemy names its own constructs
    """A condition in words, which may hold a hint; it has no parameters."""

    inherit_cache = True
    type = Boolean()
    name = "condition"
    _traverse_internals = [
        *FunctionElement._traverse_internals,  # noqa: SLF001 - the condition is a part of the cache's key
        ("sql", InternalTraversal.dp_string),
    ]

    def __init__(self, sql: str) -> None:
        super().__init__()
        self.sql = sql


@compiles(condition)
def _condition(element: condition, compiler: SQLCompiler, **_: Any) -> str:
    return element.sql if compiler.dialect.name == "sqlite" else _HINT.sub("", element.sql)


@compiles(DialectText)
def _text(element: DialectText, compiler: SQLCompiler, **kw: Any) -> str:
    if compiler.dialect.name == "sqlite":
        plain = TextClause(_spelled(element.text, _SQLITE))
    else:
        plain = TextClause(_spelled(_HINT.sub("", element.text), _POSTGRESQL))
    plain._bindparams = element._bindparams  # noqa: SLF001 - with the types that were bound to it
    return str(compiler.visit_textclause(plain, **kw))  # type: ignore[no-untyped-call]  # SQLAlchemy's own


def _spelled(sql: str, macros: Mapping[str, str]) -> str:
    """Replace every macro, the innermost first."""
    while calls := list(_CALL.finditer(sql)):
        call = calls[-1]
        arguments, end = _arguments(sql, call.end())
        sql = sql[: call.start()] + macros[call.group(1)].format(*arguments) + sql[end + 1 :]
    return sql


def _arguments(sql: str, start: int) -> tuple[list[str], int]:
    """Return the arguments of the macro whose bracket opens before `start`, and where it closes."""
    arguments, depth, begun = [], 1, start
    for place in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if depth == 0 or (depth == 1 and sql[place] == ","):
            arguments.append(sql[begun:place].strip())
            begun = place + 1
        if depth == 0:
            return arguments, place
    raise ValueError(f"a macro without its end: {sql[start - 20 : start + 20]}")
