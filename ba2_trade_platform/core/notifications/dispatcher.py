"""Notification dispatcher: sends due messages with back-off, at least once, apart from all other work."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert, resolve_alert
from ba2_trade_platform.core.notifications.channels import Channels
from ba2_trade_platform.core.notifications.grouping import due, failure_key, group_events
from ba2_trade_platform.core.notifications.rendering import Text
from ba2_trade_platform.core.notifications.sender import Delivery
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import MessageState

log = logging.getLogger(__name__)
SECONDS = 3.0
MAX_TRIES = 5
AGAIN_SECONDS = (30, 120, 600, 1800)
TURN_SECONDS = 30.0
KEPT = timedelta(days=30)
_C, _M, _R = t.notification_channel.c, t.notification.c, t.notification_rule.c
_ANY_NOTICE = select(t.notice.c.id).limit(1)
# What was tried least goes first, so that one message that a service does not like holds up none of the others.
_DUE = (
    select(
        _M.id, _M.channel_id, _M.title, _M.body, _M.tries, _M.due_at, _C.name, _C.url, _C.zone, _C.quiet_from,
        _C.quiet_until, _R.urgent,
    )
    .join(t.notification_channel, _C.id == _M.channel_id)
    .outerjoin(t.notification_rule, _R.id == _M.rule_id)
    .where(_M.state == MessageState.WAITING, _M.due_at <= bindparam("n_now"), _C.enabled)
    .order_by(_M.tries, _M.due_at, _M.id)
    .limit(200)
)  # fmt: skip


class NotificationDispatcher:
    """Groups notices and sends messages; a kill between a sending and its commit sends that one message again."""

    def __init__(self, store: Store, channels: Channels, base_url: str, per_hour: int) -> None:
        self._store = store
        self._channels = channels
        self._base_url = base_url
        self._per_hour = per_hour
        self._stopping = threading.Event()

    def run(self) -> None:
        """Group and send; what the database cannot do now is done the next time. Never twice at once."""
        try:
            self.group_events()
            self.send_due()
        except Unavailable as error:
            log.warning("Notifications wait: %s", error)

    def stop(self) -> None:
        """Send nothing any more; what waits is sent after the next start."""
        self._stopping.set()
        self._channels.close()

    def group_events(self) -> int:
        """Turn every notice into messages; return how many notices there were."""
        grouped = 0
        while True:
            with self._store.read() as session:
                if session.scalar(_ANY_NOTICE) is None:
                    return grouped
            with self._store.write(internal=True) as transaction:
                now = self._store.clock.now()
                grouped += group_events(transaction.session, now, self._base_url, self._per_hour)

    def send_due(self) -> int:
        """Send what is due, each channel for itself; return how many messages went out."""
        with self._store.read() as session:
            rows = session.execute(_DUE, {"n_now": self._store.clock.now()}).all()
        turns: dict[int, list[Any]] = defaultdict(list)
        for row in rows:
            turns[row.channel_id].append(row)
        if len(turns) <= 1:
            return sum(self._turn(messages) for messages in turns.values())
        with ThreadPoolExecutor(min(4, len(turns)), "notify") as pool:
            return sum(pool.map(self._turn, turns.values()))

    def forget_old(self) -> None:
        """Delete messages of more than 30 days ago that wait for nothing."""
        old = (_M.created_at < self._store.clock.now() - KEPT) & (_M.state != MessageState.WAITING)
        with self._store.write(internal=True) as transaction:
            transaction.session.execute(delete(t.notification).where(old))

    def _turn(self, messages: Sequence[Any]) -> int:
        """Send one channel's messages; its first failure ends its turn, for the next would most likely fail too."""
        began, sent = time.monotonic(), 0
        for position, message in enumerate(messages):
            if self._stopping.is_set() or time.monotonic() - began > TURN_SECONDS:
                break
            delivery = self._channels.send(message.url, Text(message.title, message.body))
            if not delivery.ok:
                self._failed(message, messages[position + 1 :], delivery)
                break
            self._sent(message)
            sent += 1
        return sent

    def _sent(self, message: Any) -> None:
        with self._store.write(internal=True) as transaction:
            now = self._store.clock.now()
            _set(transaction, message.id, state=MessageState.SENT, sent_at=now, tries=message.tries + 1, error=None)
            channel = update(t.notification_channel).where(_C.id == message.channel_id)
            transaction.session.execute(channel.values(last_sent_at=now, last_error=None))
            resolve_alert(transaction, failure_key(message.channel_id), now)
        log.info("Notification %s sent to %s: %s", message.id, message.name, message.title)

    def _failed(self, message: Any, others: Sequence[Any], delivery: Delivery) -> None:
        tries = message.tries + 1
        with self._store.write(internal=True) as transaction:
            now = self._store.clock.now()
            given_up = tries >= MAX_TRIES
            if given_up:
                _set(transaction, message.id, state=MessageState.FAILED, tries=tries, error=delivery.sentence)
                sentence = f"{message.name} is not told: {delivery.sentence}"
                alert = AlertEvent("notification_failed", failure_key(message.channel_id), sentence, "/notifications")
                raise_alert(transaction, alert, now)
            else:
                again = _later(message, now, AGAIN_SECONDS[tries - 1])
                _set(transaction, message.id, tries=tries, error=delivery.sentence, due_at=again)
            for other in others:
                _set(transaction, other.id, due_at=_later(other, now, AGAIN_SECONDS[0]))
            channel = update(t.notification_channel).where(_C.id == message.channel_id)
            transaction.session.execute(channel.values(last_error_at=now, last_error=delivery.sentence))
        then = "given up" if given_up else f"to be tried again, {tries} of {MAX_TRIES}"
        log.warning("Notification %s not sent to %s (%s): %s", message.id, message.name, then, delivery.sentence)


def _later(message: Any, now: datetime, seconds: float) -> datetime:
    return due(now + timedelta(seconds=seconds), message, urgent=bool(message.urgent))


def _set(transaction: Transaction, message_id: int, **values: Any) -> None:
    waiting = (_M.id == message_id) & (_M.state == MessageState.WAITING)
    transaction.session.execute(update(t.notification).where(waiting).values(**values))
    transaction.touch(Topic.NOTIFICATIONS)
