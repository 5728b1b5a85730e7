"""Writes down, in the transaction in which it happens, what somebody wants to be notified of; sending comes later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from ba2_trade_platform.db import tables as t


class Occasion(StrEnum):
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
class Announcement:
    """One event: `subject` groups equal ones, `facts` is JSON with at least `sentence`, and `link` where there is one.

    CONFIDENT carries `confidence` and `expert_instance_id`, FAILED `expert_instance_id`, for the rules to choose by.
    """

    occasion: Occasion
    subject: str
    at: datetime
    facts: dict[str, Any] = field(default_factory=dict)


def wanted(session: Session) -> frozenset[Occasion]:
    """Return for which occasions some enabled rule of an enabled channel waits."""
    rules, channels = t.notification_rule.c, t.notification_channel.c
    events = session.scalars(
        select(rules.event)
        .join(t.notification_channel, channels.id == rules.channel_id)
        .where(rules.enabled, channels.enabled)
        .distinct()
    )
    return frozenset(Occasion(event) for event in events)


def announce(session: Session, announcements: Sequence[Announcement]) -> int:
    """Keep those that some rule waits for, in the caller's transaction; return how many."""
    asked = wanted(session) if announcements else frozenset()
    rows = [
        {"event": each.occasion.value, "subject": each.subject[:200], "at": each.at, "facts": each.facts}
        for each in announcements
        if each.occasion in asked
    ]
    if rows:
        session.execute(insert(t.notice), rows)
    return len(rows)
