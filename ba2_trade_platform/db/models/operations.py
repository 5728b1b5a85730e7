"""Operations tables: backups, and the console's uptime."""

from datetime import datetime

from sqlalchemy import Column, Index
from sqlmodel import Field, SQLModel

from ba2_trade_platform.db.types import UtcDateTime


class Backup(SQLModel, table=True):
    """One copy of the database, or the failed try to make one."""

    __tablename__ = "backup"
    __table_args__ = (Index("ix_backup_started", "started_at", "id"), {"sqlite_autoincrement": True})

    id: int | None = Field(default=None, primary_key=True)
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    finished_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    file: str | None = Field(default=None, max_length=500)
    bytes: int | None = None
    verified: bool = False
    error: str | None = None
    deleted_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class ProcessRun(SQLModel, table=True):
    """One run of the console's process: from its start until it stopped or, when it was killed, was last seen."""

    __tablename__ = "presence"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: int | None = Field(default=None, primary_key=True)
    started_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    pid: int
    version: str = Field(max_length=40)
