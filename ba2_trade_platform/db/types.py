"""Table parts: base classes, and columns that SQLite lacks: aware UTC datetimes, exact decimals and true NULLs."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Index, TypeDecorator, text
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel


class Named(SQLModel):
    """A table that is named after its class: the rows of `BatchItem` stand in `batch_item`."""

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805 - of the class
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class Numbered(Named):
    """A table whose rows have an id that is never given again."""

    __table_args__: ClassVar[dict[str, bool] | tuple[object, ...]] = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; a naive one is refused, for nobody could say what it meant."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy\'s signature
        """Turn an aware datetime into the stored UTC one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy\'s signature
        """Give back what was stored, aware."""
        return None if value is None else value.replace(tzinfo=UTC)


class Money(TypeDecorator[Decimal]):
    """An exact amount, stored as integer millionths (SQLite would keep a Decimal as REAL)."""

    impl = BigInteger
    cache_ok = True
    scale = Decimal(1_000_000)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy\'s signature
        """Turn an amount into millionths, rounding what is finer."""
        return None if value is None else int((Decimal(value) * self.scale).to_integral_value())

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy\'s signature
        """Give back the exact amount."""
        return None if value is None else Decimal(value) / self.scale


def choice(values: type[StrEnum], name: str) -> Enum:
    """Return a VARCHAR of an enum's values with a CHECK; SQLAlchemy's default would store the names."""
    return Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


def json_column() -> JSON:
    """Return a JSON type whose None is SQL's NULL and not the text `null`."""
    return JSON(none_as_null=True)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of the rows that meet a condition, which both dialects have."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


Json = dict[str, Any] | list[Any]
