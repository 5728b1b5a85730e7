"""Expert tables: configured experts, and the append-only history of their settings."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Integer, UniqueConstraint
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Numbered, UtcDateTime, json_column, partial_index


class ExpertInstance(Numbered, table=True):
    """One expert with a name, limits and settings of its own. Archived, never deleted: analyses refer to it."""

    __table_args__ = (
        CheckConstraint("max_concurrent >= 1", name="max_concurrent_positive"),
        CheckConstraint("timeout_seconds > 0", name="timeout_positive"),
        partial_index("ux_expert_instance_alias", "alias", unique=True, where="archived_at IS NULL"),
        {"sqlite_autoincrement": True},
    )

    expert: str = Field(max_length=80)
    alias: str = Field(max_length=80)
    enabled: bool = True
    archived_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    is_demo: bool = False
    max_concurrent: int = 4
    max_reruns: int = 3
    max_retries: int = 2
    timeout_seconds: float = 600
    retry_base_seconds: float = Field(default=5, sa_column=Column(Float, nullable=False, server_default="5"))
    retry_cap_seconds: float = Field(default=300, sa_column=Column(Float, nullable=False, server_default="300"))
    # use_alter: instance and config point at each other
    config_id: int | None = Field(
        default=None,
        sa_column=Column(Integer, ForeignKey("expert_config.id", name="fk_expert_instance_config", use_alter=True)),
    )
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ExpertConfig(Numbered, table=True):
    """One revision of an instance's settings, never changed, without secrets."""

    __table_args__ = (UniqueConstraint("expert_instance_id", "revision"), {"sqlite_autoincrement": True})

    expert_instance_id: int = Field(foreign_key="expert_instance.id", ondelete="CASCADE")
    revision: int
    settings: Json = Field(sa_column=Column(json_column(), nullable=False))
    hash: str = Field(max_length=64)
    actor_id: int | None = Field(default=None, foreign_key="actor.id")
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
