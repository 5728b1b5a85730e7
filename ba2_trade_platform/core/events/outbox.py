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


_KNOWN = frozenset(occasion.value for occasion in Occasion)  # a newer console may have left rules for others


@dataclass(frozen=True)
class Announcement:
    """One event: `subject` groups equal ones, `facts` is JSON with at least `sentence`, and `link` where there is one.

    CONFIDENT carries `confidence` and `expert_instance_id`, FAILED `expert_instance_id`, for the rules to choose by.
    """

    occasion: Occasion
    subject: str
    at: datetime
    facts: dict[str, Any] = field(default_factory=dict)


def wanted(session: Session) -> dict[Occasion, float]:
    """Return for which occasions some enabled rule of an enabled channel waits, each with its lowest confidence."""
    rules, channels = t.notification_rule.c, t.notification_channel.c
    rows = session.execute(
        select(rules.event, func.min(func.coalesce(rules.min_confidence, 0)))
        .join(t.notification_channel, channels.id == rules.channel_id)
        .where(rules.enabled, channels.enabled)
        .group_by(rules.event)
    )
    return {Occasion(event): float(lowest) for event, lowest in rows if event in _KNOWN}


def announce(session: Session, announcements: Sequence[Announcement]) -> int:
    """Keep those that some rule waits for, in the caller's transaction; return how many."""
    asked = wanted(session) if announcements else {}
    rows = [
        {"event": each.occasion.value, "subject": each.subject[:200], "at": each.at, "facts": clean_json(each.facts)}
        for each in announcements
        if each.occasion in asked and each.facts.get("confidence", math.inf) >= asked[each.occasion]
    ]
    if rows:
        session.execute(insert(t.notice), rows)
    return len(rows)
