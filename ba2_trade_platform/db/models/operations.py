"""Operations tables: backups, the console's uptime, the queue's switches and the desk's settings."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Named, Numbered, UtcDateTime, json_column


class Backup(Numbered, table=True):
    """One copy of the database, or the failed try to make one."""

    __table_args__ = (Index("ix_backup_started", "started_at", "id"), {"sqlite_autoincrement": True})

    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    file: str | None = Field(default=None, max_length=500)
    bytes: int | None = None
    verified: bool = False
    error: str | None = None
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class ProcessRun(Numbered, table=True):
    """One run of the console's process: from its start until it stopped or, when it was killed, was last seen."""

    __tablename__ = "presence"

    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    pid: int
    version: str = Field(max_length=40)


class QueueState(Named, table=True):
    """The queue's switches, one row, so that a pause survives a restart."""

    __table_args__ = (CheckConstraint("id = 1", name="one_row"), CheckConstraint("slots >= 1", name="slots_positive"))

    id: int | None = Field(default=1, primary_key=True)
    paused: bool = False
    reason: str | None = None
    actor_id: int | None = Field(default=None, foreign_key="actor.id")
    since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    slots: int


class DeskSetting(Named, table=True):
    """One setting of the whole desk that is changed while the console runs, such as the budget of a day."""

    name: str = Field(primary_key=True, max_length=80)
    value: Json | None = Field(default=None, sa_column=Column(json_column()))
    actor_id: int | None = Field(default=None, foreign_key="actor.id")
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
