"""Notification tables: alerts, channels, rules, outbox events and messages."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary
from sqlmodel import Field

from ba2_trade_platform.db.types import Json, Numbered, UtcDateTime, choice, json_column, partial_index
from ba2_trade_platform.vocabulary import MessageState


class Alert(Numbered, table=True):
    """Something that a person must look at; it stays on every page until somebody acknowledges it.

    `key` names what it is about: while it is not acknowledged the same thing is counted, not told again. `ended_at` is
    since when it is no longer so.
    """

    __table_args__ = (
        partial_index("ux_alert_key", "key", unique=True, where="acknowledged_at IS NULL"),
        Index("ix_alert_last", "last_at", "id"),
        {"sqlite_autoincrement": True},
    )

    kind: str = Field(max_length=40)
    key: str = Field(max_length=200)
    sentence: str
    link: str | None = Field(default=None, max_length=500)
    first_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    seen: int = 1
    ended_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    acknowledged_by: int | None = Field(default=None, foreign_key="actor.id")
    acknowledge_reason: str | None = None


class NotificationChannel(Numbered, table=True):
    """One way out of the console, an Apprise URL: encrypted, for it holds passwords; `hint` is what may be shown.

    From `quiet_from` until `quiet_until` (HH:MM in `zone`) only urgent rules send; the rest waits until it ends.
    """

    name: str = Field(max_length=80, unique=True)
    enabled: bool = True
    url: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    hint: str = Field(max_length=200)
    quiet_from: str | None = Field(default=None, max_length=5)
    quiet_until: str | None = Field(default=None, max_length=5)
    zone: str = Field(max_length=64)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    updated_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    last_error_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    last_error: str | None = None
    version: int = 1


class NotificationRule(Numbered, table=True):
    """Which events go to which channel; what comes within `group_seconds` is one message."""

    __table_args__ = (
        CheckConstraint("group_seconds >= 0", name="group_not_negative"),
        Index("ix_notification_rule_event", "event", "id"),
        {"sqlite_autoincrement": True},
    )

    channel_id: int = Field(foreign_key="notification_channel.id", ondelete="CASCADE", index=True)
    event: str = Field(max_length=40)
    enabled: bool = True
    urgent: bool = False
    min_confidence: float | None = None
    expert_instance_id: int | None = Field(default=None, foreign_key="expert_instance.id")
    group_seconds: int = 60
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    version: int = 1


class Notice(Numbered, table=True):
    """One event that some rule wants told, written in the transaction in which it happened; gone once it is taken up.

    `subject` groups equal ones: a failure's fingerprint, a schedule, a provider.
    """

    event: str = Field(max_length=40)
    subject: str = Field(max_length=200)
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    facts: Json = Field(sa_column=Column(json_column(), nullable=False))


class Notification(Numbered, table=True):
    """One message to one channel: what it says, of how many events, and whether it went out.

    `facts` is what its text is made of; until it is due, equal events are gathered in it.
    """

    __table_args__ = (
        Index("ix_notification_state", "state", "due_at", "id"),
        Index("ix_notification_created", "created_at", "id"),
        {"sqlite_autoincrement": True},
    )

    channel_id: int = Field(
        sa_column=Column(Integer, ForeignKey("notification_channel.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    rule_id: int | None = None
    event: str = Field(max_length=40)
    subject: str = Field(max_length=200)
    title: str = Field(max_length=300)
    body: str
    facts: Json = Field(sa_column=Column(json_column(), nullable=False))
    events: int = 1
    state: MessageState = Field(sa_column=Column(choice(MessageState, "message_state"), nullable=False))
    due_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    tries: int = 0
    error: str | None = None
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
