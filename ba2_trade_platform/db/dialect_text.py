"""Dialect text: statements in words that SQLite and PostgreSQL both take, with the few words that differ as macros."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean

_HINT = re.compile(r" INDEXED BY \w+")
_Macros = Mapping[str, Callable[..., str]]
_SQLITE: _Macros = {
    "json_values": lambda array: f"json_each({array})",
    "json_list": lambda value: f"json_group_array({value})",
    "json_pair": lambda first, second: f"json_array({first}, {second})",
    "seconds_between": lambda earlier, later: f"((julianday({later}) - julianday({earlier})) * 86400.0)",
}
_POSTGRESQL: _Macros = {
    "json_values": lambda array: f"json_array_elements_text(CAST({array} AS JSON))",
    "json_list": lambda value: f"CAST(COALESCE(json_agg({value}), '[]') AS TEXT)",
    "json_pair": lambda first, second: f"json_build_array({first}, {second})",
    "seconds_between": lambda earlier, later: f"EXTRACT(EPOCH FROM ({later} - {earlier}))",
}


def hint(index: str) -> str:
    """Return what leads SQLite to an index; without statistics it takes others. Left out elsewhere."""
    return f" INDEXED BY {index}"


class DialectText(TextClause):
    """A statement in words.

    Macros: `json_values(:array)` a row for each value of a JSON array, in its column `value` as text; `json_list(x)`
    what is aggregated, as the text of a JSON array; `json_pair(x, y)`; `seconds_between(earlier, later)`.
    """

    inherit_cache = False


def statement(sql: str) -> DialectText:
    """Return a statement in words, with its macros."""
    return DialectText(sql)


class condition(FunctionElement[bool]):  # noqa: N801 - named as SQLAlchemy names its own constructs
    """A condition in words, which may hold a hint; it has no parameters."""

    inherit_cache = False
    type = Boolean()
    name = "condition"

    def __init__(self, sql: str) -> None:
        super().__init__()
        self.sql = sql


@compiles(condition, "sqlite")
def _condition_of_sqlite(element: condition, compiler: SQLCompiler, **_: Any) -> str:  # noqa: ARG001 - SQLAlchemy's signature
    return element.sql


@compiles(condition)
def _condition(element: condition, compiler: SQLCompiler, **_: Any) -> str:  # noqa: ARG001
    return _HINT.sub("", element.sql)


@compiles(DialectText, "sqlite")
def _text_of_sqlite(element: DialectText, compiler: SQLCompiler, **kw: Any) -> str:
    return _compile(element, _spelled(element.text, _SQLITE), compiler, **kw)


@compiles(DialectText)
def _text(element: DialectText, compiler: SQLCompiler, **kw: Any) -> str:
    return _compile(element, _spelled(_HINT.sub("", element.text), _POSTGRESQL), compiler, **kw)


def _compile(element: DialectText, spelled: str, compiler: SQLCompiler, **kw: Any) -> str:
    plain = TextClause(spelled)
    plain._bindparams = element._bindparams  # noqa: SLF001 - with the types that were bound to it
    return str(compiler.visit_textclause(plain, **kw))  # type: ignore[no-untyped-call]  # SQLAlchemy's own


def _spelled(sql: str, macros: _Macros) -> str:
    """Replace every macro, the innermost first."""
    called = re.compile(rf"\b({'|'.join(macros)})\(")
    while calls := list(called.finditer(sql)):
        call = calls[-1]
        end = _closing(sql, call.end())
        arguments = _arguments(sql[call.end() : end])
        sql = sql[: call.start()] + macros[call.group(1)](*arguments) + sql[end + 1 :]
    return sql


def _closing(sql: str, start: int) -> int:
    depth = 1
    for place in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if depth == 0:
            return place
    raise ValueError(f"a macro without its end: {sql[start - 20 : start + 20]}")


def _arguments(inside: str) -> list[str]:
    arguments, depth, begun = [], 0, 0
    for place, character in enumerate(inside):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            arguments.append(inside[begun:place].strip())
            begun = place + 1
    return [*arguments, inside[begun:].strip()]
