"""Instrument tables: instruments, and price providers' own names for them."""

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from ba2_trade_platform.db.types import Json, json_column


class Instrument(SQLModel, table=True):
    """A symbol that the desk knows."""

    __tablename__ = "instrument"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True)
    symbol: str = Field(max_length=40, unique=True)
    name: str = Field(max_length=200)
    type: str = Field(default="stock", max_length=40)
    exchange: str = Field(max_length=20)
    currency: str = Field(max_length=3)
    calendar: str = Field(max_length=20)
    is_demo: bool = False
    # Words of the trader's own, a list of texts; NULL is none.
    labels: Json | None = Field(default=None, sa_column=Column(json_column()))


class SymbolMap(SQLModel, table=True):
    """What a price provider calls a symbol, where it calls it otherwise."""

    __tablename__ = "symbol_map"

    provider: str = Field(primary_key=True, max_length=40)
    symbol: str = Field(primary_key=True, max_length=40)
    provider_symbol: str = Field(max_length=80)
