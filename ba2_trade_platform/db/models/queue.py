"""Queue table: one row of switches, so that a pause survives a restart."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column
from sqlmodel import Field, SQLModel

from ba2_trade_platform.db.types import UtcDateTime


class QueueState(SQLModel, table=True):
    """The queue's switches, one row, so that a pause survives a restart."""

    __tablename__ = "queue_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"), CheckConstraint("slots >= 1", name="slots_positive"))

    id: int | None = Field(default=1, primary_key=True)
    paused: bool = False
    reason: str | None = None
    actor_id: int | None = Field(default=None, foreign_key="actor.id")
    since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    slots: int
