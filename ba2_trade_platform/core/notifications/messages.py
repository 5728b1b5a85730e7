"""Message log: shows sent, waiting and failed notifications, and queues a failed one again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import NotFound, Refused
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.vocabulary import MessageState

log = logging.getLogger(__name__)
MOST = 500
_C, _M = t.notification_channel.c, t.notification.c


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


_READER = Reader(Message, t.notification, channel=_C.name)
_MESSAGES = _READER.select().join(t.notification_channel, _C.id == _M.channel_id)


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
            return _READER.all(session, chosen)

    def retry(self, message_id: int, *, by: Actor) -> Message:
        """Send a failed message again, soon. Raises NotFound, or Refused for one that did not fail."""
        with self._store.command(by, Action.RETRY, Subject.NOTIFICATION) as command:
            session = command.session
            message = _message(session, message_id)
            failed = (_M.id == message_id) & (_M.state == MessageState.FAILED)
            again = {"state": MessageState.WAITING, "due_at": command.now, "tries": 0}
            if not session.execute(update(t.notification).where(failed).values(**again).returning(_M.id)).all():
                raise Refused(f"Only failed messages are sent again: message {message_id} is {message.state.value}")
            command.record(message_id)
            waiting = _message(session, message_id)
        log.info("%s sends notification %s again", by, message_id)
        return waiting


def _message(session: Session, message_id: int) -> Message:
    message = _READER.first(session, _MESSAGES.where(_M.id == message_id))
    if message is None:
        raise NotFound("There is no such notification")
    return message
