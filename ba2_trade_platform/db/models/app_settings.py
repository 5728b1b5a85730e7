"""App settings table: settings of the whole desk that change while the console runs."""

from datetime import datetime

from sqlalchemy import Column
from sqlmodel import Field, SQLModel

from ba2_trade_platform.db.types import Json, UtcDateTime, json_column


class DeskSetting(SQLModel, table=True):
    """One setting of the whole desk that is changed while the console runs, such as the budget of a day."""

    __tablename__ = "desk_setting"

    name: str = Field(primary_key=True, max_length=80)
    value: Json | None = Field(default=None, sa_column=Column(json_column()))
    actor_id: int | None = Field(default=None, foreign_key="actor.id")
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
