"""Actor tables: actors, the activity log of their deeds, and the keys of requests that they may repeat."""

from datetime import datetime

from sqlalchemy import Column, Index, UniqueConstraint
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Numbered, UtcDateTime, choice, json_column
from ba2_trade_platform.vocabulary import ActorKind


class Actor(Numbered, table=True):
    """A person or a program that asks for something; attempts, batches and activity name one."""

    __table_args__ = (UniqueConstraint("kind", "name"), {"sqlite_autoincrement": True})

    kind: ActorKind = Field(sa_column=Column(choice(ActorKind, "actor_kind"), nullable=False))
    name: str = Field(max_length=200)
    settings: Json | None = Field(default=None, sa_column=Column(json_column()))


class ActivityLog(Numbered, table=True):
    """What somebody did to what; it outlives its subject, hence no foreign key."""

    __table_args__ = (Index("ix_activity_subject", "subject_type", "subject_id", "id"), {"sqlite_autoincrement": True})

    actor_id: int | None = None
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    subject_type: str = Field(max_length=40)
    subject_id: int | None = None
    subject_key: str | None = Field(default=None, max_length=200)
    attempt: int | None = None
    what: str = Field(max_length=80)
    before: str | None = None
    after: str | None = None
    reason: str | None = None


class IdempotencyKey(Numbered, table=True):
    """The key of a request that was carried out, and its answer, given again when a client repeats it.

    Without a `status` the answer is still to come, or was lost with the console.
    """

    __table_args__ = (
        UniqueConstraint("actor_id", "route", "key"),
        Index("ix_idempotency_key_created", "created_at"),
        {"sqlite_autoincrement": True},
    )

    actor_id: int = Field(foreign_key="actor.id")
    route: str = Field(max_length=200)
    key: str = Field(max_length=200)
    body_hash: str = Field(max_length=64)
    status: int | None = None
    answer: Json | None = Field(default=None, sa_column=Column(json_column()))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
