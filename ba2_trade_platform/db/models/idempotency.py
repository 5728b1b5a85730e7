"""Idempotency table: keys of requests, each with the first answer it got."""

from datetime import datetime

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from ba2_trade_platform.db.types import Json, UtcDateTime, json_column


class IdempotencyKey(SQLModel, table=True):
    """The first answer to a request, given again when a client repeats it with the same key."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        UniqueConstraint("actor_id", "route", "key"),
        Index("ix_idempotency_key_created", "created_at"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, primary_key=True)
    actor_id: int = Field(foreign_key="actor.id")
    route: str = Field(max_length=200)
    key: str = Field(max_length=200)
    body_hash: str = Field(max_length=64)
    answer: Json = Field(sa_column=Column(json_column(), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
