"""Row reader: selects the columns that a dataclass names, and reads rows by name into typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Executable, Row, Select, Table, select
from sqlalchemy.orm import Session

R = TypeVar("R")
AnyRow: TypeAlias = Row[*tuple[Any, ...]]


class Reader(Generic[R]):
    """Reads rows into `into`, a dataclass: a field is the column of its name, unless an expression is given for it."""

    def __init__(self, into: type[R], table: Table, **expressions: ColumnElement[Any]) -> None:
        self._into = into
        self.columns = tuple(
            expressions[name].label(name) if name in expressions else table.c[name]
            for name in (field.name for field in fields(into) if field.init)  # type: ignore[arg-type]  # a dataclass
        )

    def select(self) -> Select[Any]:
        """Return the query for all columns, to be joined and narrowed."""
        return select(*self.columns)

    def all(self, session: Session, statement: Executable, values: Mapping[str, Any] | None = None) -> list[R]:
        """Return what a query of these columns finds."""
        return [self._into(*row) for row in session.execute(statement, values or {})]

    def first(self, session: Session, statement: Executable, values: Mapping[str, Any] | None = None) -> R | None:
        """Return the one row that a query finds, None for none; raises MultipleResultsFound."""
        row = session.execute(statement, values or {}).one_or_none()
        return None if row is None else self._into(*row)
