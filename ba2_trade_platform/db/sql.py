"""SQL dialect: the one door to all that SQLite and PostgreSQL spell differently, so that services need not know.

Each construct is compiled for both; nothing else in the package may name a dialect or a function of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Float, String, Table, literal_column, select
from sqlalchemy.dialects.postgresql.dml import Insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import JSON

T = TypeVar("T")


def insert(table: Table) -> Insert:
    """Return an INSERT that may say ON CONFLICT; SQLite reads PostgreSQL's too."""
    return Insert(table)


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows by the driver: ten thousand take it a third of the time, and everybody's writes wait meanwhile.

    The values are given as the database stores them: no column's type turns them into anything.
    """
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(columns))
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", list(rows))


def each(values: Sequence[Any], kind: Any) -> Any:
    """Return a sub-select of these values; as JSON they are one parameter, however many they are."""
    return select(values_of(json.dumps(values)).c.value.cast(kind))


def values_of(array: Any) -> Any:
    """Return a FROM clause with a row for each value of a JSON array, its column `value` as text."""
    return json_values(array).table_valued("value", joins_implicitly=True)


def in_words(status: StrEnum) -> ColumnElement[Any]:
    """Return a status as it is written: only so does either planner see that a partial index holds its rows."""
    return literal_column(f"'{status.value}'")


def is_status(column: ColumnElement[Any], status: StrEnum) -> ColumnElement[bool]:
    """Compare with a status in words."""
    return column == in_words(status)


def violates(error: IntegrityError, table: Table, *columns: str) -> bool:
    """Tell whether `error` is the refusal of exactly this unique index, so that no other error is taken for it."""
    constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    if constraint is not None:  # PostgreSQL names the index
        named = {index.name: tuple(column.name for column in index.columns) for index in table.indexes}
        return named.get(constraint) == columns or constraint == f"{table.name}_{'_'.join(columns)}_key"
    wanted = ", ".join(f"{table.name}.{column}" for column in columns)
    return str(error.orig) == f"UNIQUE constraint failed: {wanted}"


class _Spelled(FunctionElement[T]):
    """An expression that the dialects spell differently; `{0}` and `{1}` are its arguments."""

    sqlite: str
    elsewhere: str


@compiles(_Spelled, "sqlite")
def _of_sqlite(element: _Spelled[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return element.sqlite.format(*(compiler.process(each_one, **kw) for each_one in element.clauses))


@compiles(_Spelled)
def _of_others(element: _Spelled[Any], compiler: SQLCompiler, **kw: Any) -> str:
    return element.elsewhere.format(*(compiler.process(each_one, **kw) for each_one in element.clauses))


class json_values(_Spelled[Any]):  # noqa: N801 - named as it is called in SQL
    """A row for each value of a JSON array."""

    inherit_cache = True
    sqlite = "json_each({0})"
    elsewhere = "json_array_elements_text(CAST({0} AS JSON))"


class json_member(_Spelled[str]):  # noqa: N801
    """The member of a JSON array, given as text, at a place that is counted from 0."""

    inherit_cache = True
    type = String()
    sqlite = "json_extract({0}, '$[{1}]')"
    elsewhere = "(CAST({0} AS JSON) ->> {1})"

    def __init__(self, array: ColumnElement[Any], place: int) -> None:
        super().__init__(array, literal_column(str(place)))


class seconds_between(_Spelled[float]):  # noqa: N801
    """How many seconds lie between two datetimes, the earlier one first; exact to a tenth of a millisecond."""

    inherit_cache = True
    type = Float()
    sqlite = "((julianday({1}) - julianday({0})) * 86400.0)"
    elsewhere = "EXTRACT(EPOCH FROM ({1} - {0}))"


class hour_stamp(_Spelled[str]):  # noqa: N801
    """A datetime's hour as text, 2026-03-02T09."""

    inherit_cache = True
    type = String()
    sqlite = "strftime('%Y-%m-%dT%H', {0})"
    elsewhere = "to_char({0}, 'YYYY-MM-DD\"T\"HH24')"


class day_stamp(_Spelled[str]):  # noqa: N801
    """A datetime's day as text, 2026-03-02."""

    inherit_cache = True
    type = String()
    sqlite = "date({0})"
    elsewhere = "to_char({0}, 'YYYY-MM-DD')"


class merge_json(_Spelled[Any]):  # noqa: N801
    """A JSON object with the members of another one over it; NULL counts as an empty one. Both are flat."""

    inherit_cache = True
    type = JSON()
    sqlite = "json_patch(coalesce({0}, '{{}}'), {1})"
    elsewhere = "(coalesce(CAST({0} AS JSONB), CAST('{{}}' AS JSONB)) || CAST({1} AS JSONB))"


class append_json(_Spelled[Any]):  # noqa: N801
    """A JSON array with one more text at its end; NULL counts as an empty one."""

    inherit_cache = True
    type = JSON()
    sqlite = "json_insert(coalesce({0}, '[]'), '$[#]', {1})"
    elsewhere = "(coalesce(CAST({0} AS JSONB), CAST('[]' AS JSONB)) || jsonb_build_array(CAST({1} AS TEXT)))"


class unindexed(_Spelled[Any]):  # noqa: N801
    """An expression that SQLite answers without the column's own index, for another one leaves less to look at."""

    inherit_cache = True
    sqlite = "+{0}"
    elsewhere = "{0}"

    def __init__(self, expression: Column[Any] | ColumnElement[Any]) -> None:
        super().__init__(expression)
        self.type = expression.type


class likely(_Spelled[bool]):  # noqa: N801
    """A condition that most rows meet: SQLite begins with another one."""

    inherit_cache = True
    sqlite = "likely({0})"
    elsewhere = "{0}"
