"""Outbox: writes events in the transaction that causes them, so that no crash loses a notification."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.sanitizing import clean_json
from ba2_trade_platform.db import tables as t


class EventType(StrEnum):
    """What can be notified; the values are stored in rules."""

    FAILED = "failed"
    RUN_MISSED = "run_missed"
    RUN_PARTLY_FAILED = "run_partly_failed"
    BREAKER_OPEN = "breaker_open"
    BATCH_FINISHED = "batch_finished"
    CONFIDENT = "confident"
    ALERT = "alert"
    DAILY_SUMMARY = "daily_summary"


@dataclass(frozen=True)
class OutboxEvent:
    """One event: `subject` groups equal ones, `facts` is JSON with at least `sentence`, and `link` where there is one.

    CONFIDENT carries `confidence` and `expert_instance_id`, FAILED `expert_instance_id`, for the rules to choose by.
    """

    event_type: EventType
    subject: str
    at: datetime
    facts: dict[str, Any] = field(default_factory=dict)


def subscribed_types(session: Session) -> dict[EventType, float]:
    """Return for which types some enabled rule of an enabled channel waits, each with its lowest confidence."""
    rules, channels = t.notification_rule.c, t.notification_channel.c
    known = rules.event.in_([event_type.value for event_type in EventType])  # a newer console may have left others
    rows = session.execute(
        select(rules.event, func.min(func.coalesce(rules.min_confidence, 0)))
        .join(t.notification_channel, channels.id == rules.channel_id)
        .where(rules.enabled, channels.enabled, known)
        .group_by(rules.event)
    )
    return {EventType(event): float(lowest) for event, lowest in rows}


def record_events(session: Session, events: Sequence[OutboxEvent]) -> int:
    """Keep those that some rule waits for, in the caller's transaction; return how many."""
    subscribed = subscribed_types(session) if events else {}
    rows = [
        {
            "event": event.event_type.value,
            "subject": event.subject[:200],
            "at": event.at,
            "facts": clean_json(event.facts),
        }
        for event in events
        if event.event_type in subscribed and event.facts.get("confidence", math.inf) >= subscribed[event.event_type]
    ]
    if rows:
        session.execute(insert(t.notice), rows)
    return len(rows)
