"""SQL dialect: the one door to all that SQLite and PostgreSQL spell differently, so that services need not know.

Each construct is compiled for both; nothing else in the package may name a dialect or a function of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Float, String, Table, literal_column, select
from sqlalchemy.dialects.postgresql.dml import Insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement, GenericFunction
from sqlalchemy.types import JSON


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


class json_values(GenericFunction[Any]):  # noqa: N801 - named as it is called in SQL
    """A row for each value of a JSON array."""

    inherit_cache = True
    name = "json_values"


@compiles(json_values, "sqlite")
def _json_values_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(json_values)
def _json_values(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **kw)} AS JSON))"


class json_member(FunctionElement[str]):  # noqa: N801
    """The member of a JSON array, given as text, at a place that is counted from 0."""

    inherit_cache = True
    type = String()
    name = "json_member"

    def __init__(self, array: ColumnElement[Any], place: int) -> None:
        super().__init__(array, literal_column(str(place)))


@compiles(json_member, "sqlite")
def _member_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    array, place = (compiler.process(each_one, **kw) for each_one in element.clauses)
    return f"json_extract({array}, '$[{place}]')"


@compiles(json_member)
def _member(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    array, place = (compiler.process(each_one, **kw) for each_one in element.clauses)
    return f"(CAST({array} AS JSON) ->> {place})"


class seconds_between(FunctionElement[float]):  # noqa: N801
    """How many seconds lie between two datetimes, the earlier one first; exact to a tenth of a millisecond."""

    inherit_cache = True
    type = Float()
    name = "seconds_between"


@compiles(seconds_between, "sqlite")
def _seconds_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    earlier, later = (compiler.process(each_one, **kw) for each_one in element.clauses)
    return f"((julianday({later}) - julianday({earlier})) * 86400.0)"


@compiles(seconds_between)
def _seconds(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    earlier, later = (compiler.process(each_one, **kw) for each_one in element.clauses)
    return f"EXTRACT(EPOCH FROM ({later} - {earlier}))"


class hour_stamp(FunctionElement[str]):  # noqa: N801
    """A datetime's hour as text, 2026-03-02T09."""

    inherit_cache = True
    type = String()
    name = "hour_stamp"


@compiles(hour_stamp, "sqlite")
def _hour_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"strftime('%Y-%m-%dT%H', {compiler.process(element.clauses, **kw)})"


@compiles(hour_stamp)
def _hour(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **kw)}, 'YYYY-MM-DD\"T\"HH24')"


class day_stamp(FunctionElement[str]):  # noqa: N801
    """A datetime's day as text, 2026-03-02."""

    inherit_cache = True
    type = String()
    name = "day_stamp"


@compiles(day_stamp, "sqlite")
def _day_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)})"


@compiles(day_stamp)
def _day(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **kw)}, 'YYYY-MM-DD')"


class merge_json(FunctionElement[Any]):  # noqa: N801
    """A JSON object with the members of another one over it; NULL counts as an empty one. Both are flat."""

    inherit_cache = True
    type = JSON()
    name = "merge_json"


@compiles(merge_json, "sqlite")
def _merge_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    stored, facts = (compiler.process(each_one, **kw) for each_one in element.clauses)
    return f"json_patch(coalesce({stored}, '{{}}'), {facts})"


@compiles(merge_json)
def _merge(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    stored, facts = (compiler.process(each_one, **kw) for each_one in element.clauses)
    return f"(coalesce(CAST({stored} AS JSONB), CAST('{{}}' AS JSONB)) || CAST({facts} AS JSONB))"


class append_json(FunctionElement[Any]):  # noqa: N801
    """A JSON array with one more text at its end; NULL counts as an empty one."""

    inherit_cache = True
    type = JSON()
    name = "append_json"


@compiles(append_json, "sqlite")
def _append_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    stored, value = (compiler.process(each_one, **kw) for each_one in element.clauses)
    return f"json_insert(coalesce({stored}, '[]'), '$[#]', {value})"


@compiles(append_json)
def _append(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    stored, value = (compiler.process(each_one, **kw) for each_one in element.clauses)
    return f"(coalesce(CAST({stored} AS JSONB), CAST('[]' AS JSONB)) || jsonb_build_array(CAST({value} AS TEXT)))"


class unindexed(FunctionElement[Any]):  # noqa: N801
    """An expression that SQLite answers without the column's own index, for another one leaves less to look at."""

    inherit_cache = True
    name = "unindexed"

    def __init__(self, expression: Column[Any] | ColumnElement[Any]) -> None:
        super().__init__(expression)
        self.type = expression.type


@compiles(unindexed, "sqlite")
def _unindexed_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"


@compiles(unindexed)
def _unindexed(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))


class likely(FunctionElement[bool]):  # noqa: N801
    """A condition that most rows meet: SQLite begins with another one."""

    inherit_cache = True
    name = "likely"


@compiles(likely, "sqlite")
def _likely_of_sqlite(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return f"likely({compiler.process(element.clauses, **kw)})"


@compiles(likely)
def _likely(element: Any, compiler: SQLCompiler, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))
