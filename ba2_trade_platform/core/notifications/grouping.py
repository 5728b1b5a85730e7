"""Grouping: turns outbox events into few messages by rule, quiet hours and hourly limit, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.notifications.quiet_hours import QuietHours
from ba2_trade_platform.core.notifications.rendering import MORE, PLURAL, STORED_GROUP, MessageGroup, text_of
from ba2_trade_platform.core.notifications.rules import Rule, read_rules
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import MessageState

SLICE = 500
HOUR = timedelta(hours=1)
_C, _N, _M, _R = t.notification_channel.c, t.notice.c, t.notification.c, t.notification_rule.c
_NOTICES = select(t.notice).order_by(_N.id).limit(SLICE)
_CHANNELS = select(_C.id, _C.name, _C.zone, _C.quiet_from, _C.quiet_until).where(_C.enabled)
# A message that is due may be on its way: only what still waits takes in more.
_OPEN = select(t.notification).where(
    _M.state == MessageState.WAITING, _M.due_at > bindparam("n_now"), _M.tries == 0
)  # fmt: skip
_RECENT = (
    select(_M.channel_id, _R.urgent, _M.created_at)
    .outerjoin(t.notification_rule, _R.id == _M.rule_id)
    .where(_M.created_at > bindparam("n_since"), _M.event != MORE)
    .order_by(_M.created_at)
)
_GROW = (
    update(t.notification)
    .where(_M.id == bindparam("n_id"))
    .values({name: bindparam(f"n_{name}") for name in ("events", "facts", "title", "body")})
)
Key = tuple[int, int | None, str, str]  # channel, rule, event, subject


def failure_key(channel_id: int) -> str:
    """Return the key of the alert that a channel fails; that channel is not told of it."""
    return f"notification_failed:{channel_id}"


def due(at: datetime, channel: Any, *, urgent: bool) -> datetime:
    """Return when a message for `at` may be sent: after the channel's quiet hours, unless it is urgent."""
    if urgent or not (channel.quiet_from and channel.quiet_until):
        return at
    return QuietHours(channel.quiet_from, channel.quiet_until, channel.zone).over_at(at)


@dataclass
class _Draft:
    channel: Any
    group: MessageGroup
    due_at: datetime
    id: int | None = None


def group_events(session: Session, now: datetime, base_url: str, per_hour: int) -> int:
    """Turn the oldest notices into messages; return how many notices were grouped.

    `per_hour`: how many messages a channel gets within an hour; what comes on top is told in one more.
    """
    notices = session.execute(_NOTICES).all()
    if not notices:
        return 0
    grouping = _Grouping(session, now, per_hour)
    for notice in notices:
        grouping.add(notice)
    grouping.write(session, base_url)
    session.execute(delete(t.notice).where(_N.id.in_([notice.id for notice in notices])))
    return len(notices)


class _Grouping:
    def __init__(self, session: Session, now: datetime, per_hour: int) -> None:
        self._now, self._per_hour = now, per_hour
        self._channels = {row.id: row for row in session.execute(_CHANNELS)}
        self._rules = [rule for rule in read_rules(session) if rule.channel_id in self._channels]
        self._drafts: dict[Key, _Draft] = {}
        self._touched: dict[Key, _Draft] = {}
        for row in session.execute(_OPEN, {"n_now": now}):
            key = (row.channel_id, row.rule_id, row.event, row.subject)
            if row.channel_id in self._channels:
                group = STORED_GROUP.validate_python({**row.facts, "events": row.events})
                self._drafts[key] = _Draft(self._channels[row.channel_id], group, row.due_at, row.id)
        # When what was sent within the last hour; urgent messages are counted apart, lest one be crowded out.
        self._sent: dict[tuple[int, bool], list[datetime]] = defaultdict(list)
        for channel_id, urgent, created_at in session.execute(_RECENT, {"n_since": now - HOUR}):
            self._sent[channel_id, bool(urgent)].append(created_at)

    def add(self, notice: Any) -> None:
        for rule in self._rules:
            own_failure = notice.event == EventType.ALERT and notice.subject == failure_key(rule.channel_id)
            if rule.fits(notice.event, notice.facts) and not own_failure:
                self._add_by(rule, notice)

    def _add_by(self, rule: Rule, notice: Any) -> None:
        key: Key = (rule.channel_id, rule.id, notice.event, notice.subject)
        draft, name = self._drafts.get(key), None
        if draft is None:
            sent = self._sent[rule.channel_id, rule.urgent]
            if len(sent) < self._per_hour:
                sent.append(self._now)
                draft = self._begin(key, rule, notice.at, self._now + timedelta(seconds=rule.group_seconds))
            else:
                name = PLURAL[rule.occasion]
                key = (rule.channel_id, None, MORE, "urgent" if rule.urgent else "others")
                first = sent[0] if sent else self._now
                draft = self._drafts.get(key) or self._begin(key, rule, notice.at, max(self._now, first + HOUR))
        draft.group = draft.group.with_event(notice.at, notice.facts, name)
        self._touched[key] = draft

    def _begin(self, key: Key, rule: Rule, first: datetime, due_at: datetime) -> _Draft:
        channel = self._channels[rule.channel_id]
        self._drafts[key] = _Draft(channel, MessageGroup(first, first), due(due_at, channel, urgent=rule.urgent))
        return self._drafts[key]

    def write(self, session: Session, base_url: str) -> None:
        new, grown = [], []
        for (channel_id, rule_id, event, subject), draft in self._touched.items():
            text = text_of(event, draft.group, ZoneInfo(draft.channel.zone), base_url)
            facts = STORED_GROUP.dump_python(draft.group, mode="json", exclude={"events"})
            content = {"events": draft.group.events, "facts": facts, **asdict(text)}
            if draft.id is not None:
                grown.append({"n_id": draft.id, **{f"n_{name}": value for name, value in content.items()}})
                continue
            new.append(
                {"channel_id": channel_id, "rule_id": rule_id, "event": event, "subject": subject, **content,
                 "state": MessageState.WAITING, "due_at": draft.due_at, "tries": 0, "created_at": self._now}
            )  # fmt: skip
        for statement, rows in ((insert(t.notification), new), (_GROW, grown)):
            if rows:
                session.connection().execute(statement, rows)
