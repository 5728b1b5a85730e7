"""Grouping: turns outbox events into few messages by rule, quiet hours and hourly limit, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.notifications.quiet_hours import QuietHours
from ba2_trade_platform.core.notifications.rendering import MORE, PLURAL, MessageGroup, group_of, text_of
from ba2_trade_platform.core.notifications.rules import Rule, chosen_rules, rule_of
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


def quiet_of(channel: Any) -> QuietHours | None:
    """Return a channel's quiet hours, None where it has none."""
    if not (channel.quiet_from and channel.quiet_until):
        return None
    return QuietHours(channel.quiet_from, channel.quiet_until, channel.zone)


def due(at: datetime, channel: Any, *, urgent: bool) -> datetime:
    """Return when a message for `at` may be sent: after the channel's quiet hours, unless it is urgent."""
    quiet = None if urgent else quiet_of(channel)
    return quiet.over_at(at) if quiet else at


@dataclass
class _Draft:
    key: Key
    channel: Any
    group: MessageGroup
    due_at: datetime
    id: int | None = None


@dataclass
class _Lane:
    """What one channel was sent within the last hour; urgent messages are counted apart, lest one be crowded out."""

    sent: list[datetime] = field(default_factory=list)


def group_events(session: Session, now: datetime, base_url: str, per_hour: int) -> int:
    """Turn the oldest notices into messages; return how many notices were grouped.

    `per_hour`: how many messages a channel gets within an hour; what comes on top is told in one more.
    """
    notices = session.execute(_NOTICES).all()
    if not notices:
        return 0
    grouping = _Grouping(session, now, per_hour)
    for notice in notices:
        for rule in grouping.rules_for(notice):
            grouping.add(rule, notice)
    grouping.write(session, base_url)
    session.execute(delete(t.notice).where(_N.id.in_([notice.id for notice in notices])))
    return len(notices)


class _Grouping:
    def __init__(self, session: Session, now: datetime, per_hour: int) -> None:
        self._now, self._per_hour = now, per_hour
        self._channels = {row.id: row for row in session.execute(_CHANNELS)}
        self._rules = [rule_of(row) for row in session.execute(chosen_rules())]
        self._drafts: dict[Key, _Draft] = {}
        self._touched: dict[Key, _Draft] = {}
        for row in session.execute(_OPEN, {"n_now": now}):
            key = (row.channel_id, row.rule_id, row.event, row.subject)
            if row.channel_id in self._channels:
                group = group_of(row.facts, row.events)
                self._drafts[key] = _Draft(key, self._channels[row.channel_id], group, row.due_at, row.id)
        self._lanes: dict[tuple[int, bool], _Lane] = defaultdict(_Lane)
        for channel_id, urgent, created_at in session.execute(_RECENT, {"n_since": now - HOUR}):
            self._lanes[channel_id, bool(urgent)].sent.append(created_at)

    def rules_for(self, notice: Any) -> Iterator[Rule]:
        for rule in self._rules:
            own_failure = notice.event == EventType.ALERT and notice.subject == failure_key(rule.channel_id)
            if rule.channel_id in self._channels and rule.fits(notice.event, notice.facts) and not own_failure:
                yield rule

    def add(self, rule: Rule, notice: Any) -> None:
        key: Key = (rule.channel_id, rule.id, notice.event, notice.subject)
        draft, name = self._drafts.get(key), None
        if draft is None:
            lane = self._lanes[rule.channel_id, rule.urgent]
            if len(lane.sent) < self._per_hour:
                lane.sent.append(self._now)
                draft = self._begin(key, rule, notice.at, self._now + timedelta(seconds=rule.group_seconds))
            else:
                name = PLURAL[rule.occasion]
                key = (rule.channel_id, None, MORE, "urgent" if rule.urgent else "others")
                draft = self._drafts.get(key) or self._begin(key, rule, notice.at, self._over(lane))
        draft.group = draft.group.with_event(notice.at, notice.facts, name)
        self._touched[key] = draft

    def _over(self, lane: _Lane) -> datetime:
        """Return when the first of the hour's messages is an hour old."""
        return max(self._now, (lane.sent[0] if lane.sent else self._now) + HOUR)

    def _begin(self, key: Key, rule: Rule, first: datetime, due_at: datetime) -> _Draft:
        channel = self._channels[rule.channel_id]
        draft = _Draft(key, channel, MessageGroup(first, first), due(due_at, channel, urgent=rule.urgent))
        self._drafts[key] = draft
        return draft

    def write(self, session: Session, base_url: str) -> None:
        new, grown = [], []
        for draft in self._touched.values():
            channel_id, rule_id, event, subject = draft.key
            text = text_of(event, draft.group, ZoneInfo(draft.channel.zone), base_url)
            content = {
                "events": draft.group.events,
                "facts": draft.group.stored(),
                "title": text.title,
                "body": text.body,
            }
            if draft.id is not None:
                grown.append({"n_id": draft.id, **{f"n_{name}": value for name, value in content.items()}})
                continue
            new.append(
                {"channel_id": channel_id, "rule_id": rule_id, "event": event, "subject": subject, **content,
                 "state": MessageState.WAITING, "due_at": draft.due_at, "tries": 0, "created_at": self._now}
            )  # fmt: skip
        _many(session, insert(t.notification), new)
        _many(session, _GROW, grown)


def _many(session: Session, statement: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.connection().execute(statement, rows)
