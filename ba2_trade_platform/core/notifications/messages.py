"""Message log: shows sent, waiting and failed notifications, and queues a failed one again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import NotFound, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import MessageState

log = logging.getLogger(__name__)
MOST = 500
_C, _M = t.notification_channel.c, t.notification.c
_MESSAGES = select(
    _M.id, _M.channel_id, _C.name.label("channel"), _M.event, _M.title, _M.body, _M.events, _M.state, _M.due_at,
    _M.tries, _M.error, _M.created_at, _M.sent_at,
).join(t.notification_channel, _C.id == _M.channel_id)  # fmt: skip


@dataclass(frozen=True)
class Message:
    """One message of `events` events; a waiting one is sent at `due_at`."""

    id: int
    channel_id: int
    channel: str
    event: str
    title: str
    body: str
    events: int
    state: MessageState
    due_at: datetime
    tries: int
    error: str | None
    created_at: datetime
    sent_at: datetime | None


class Messages:
    """Shows messages, and sends failed ones again."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, state: MessageState | None = None, *, before: int | None = None, limit: int = 100) -> list[Message]:
        """Return the newest messages, those before the id `before`, up to 500."""
        chosen = _MESSAGES.order_by(_M.id.desc()).limit(max(1, min(limit, MOST)))
        if state is not None:
            chosen = chosen.where(_M.state == state)
        if before is not None:
            chosen = chosen.where(_M.id < before)
        with self._store.read() as session:
            return [Message(*tuple(row)) for row in session.execute(chosen)]

    def get(self, message_id: int) -> Message:
        """Return one message, or raise NotFound."""
        with self._store.read() as session:
            return Message(*tuple(self._row(session, message_id)))

    def retry(self, message_id: int, *, by: Actor) -> Message:
        """Send a failed message again, soon. Raises NotFound, or Refused for one that did not fail."""
        with self._store.command(by, Action.RETRY, Subject.NOTIFICATION) as command:
            session = command.session
            message = self._row(session, message_id)
            failed = (_M.id == message_id) & (_M.state == MessageState.FAILED)
            again = {"state": MessageState.WAITING, "due_at": command.now, "tries": 0}
            if not session.execute(update(t.notification).where(failed).values(**again).returning(_M.id)).all():
                raise Refused(f"Only failed messages are sent again: message {message_id} is {message.state.value}")
            command.record(message_id)
        log.info("%s sends notification %s again", by, message_id)
        return self.get(message_id)

    def failed(self) -> int:
        """Return how many messages could not be sent."""
        with self._store.read() as session:
            chosen = select(func.count()).select_from(t.notification).where(_M.state == MessageState.FAILED)
            return int(session.scalar(chosen) or 0)

    @staticmethod
    def _row(session: Any, message_id: int) -> Any:
        row = session.execute(_MESSAGES.where(_M.id == message_id)).one_or_none()
        if row is None:
            raise NotFound("There is no such notification")
        return row
