"""Idempotency key: a request that is sent again with the same key is carried out once.

The key is taken in the transaction of the verb that the request asks for: what was rolled back may be tried again, and
what was committed is never done twice, whatever became of its answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.core.base.transactions import Command
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert

KEPT = timedelta(hours=24)
IN_PROGRESS = "This request is carried out just now, or was and lost its answer: ask again, or look at what it did"


@dataclass
class KeyedRequest:
    """A request that is to happen once: who asks, the client's key, where it was sent, and the hash of what was sent.

    `carried_out`: a verb of it has committed.
    """

    by: Actor
    route: str
    key: str
    body_hash: str
    carried_out: bool = False

    def done(self) -> None:
        """Say that a verb of it has committed."""
        self.carried_out = True


_request: ContextVar[KeyedRequest | None] = ContextVar("keyed_request", default=None)


@contextmanager
def carrying_out(request: KeyedRequest) -> Iterator[None]:
    """Have the commands of this block be part of `request`, in this task and the threads that it works in."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def take_key(command: Command) -> None:
    """Take the key of the request that a command is part of, where it has one and its first command has not.

    Raises Refused IN_PROGRESS when another has taken it.
    """
    request = _request.get()
    if request is None or request.carried_out:
        return
    command.session.execute(delete(t.idempotency_key).where(t.idempotency_key.c.created_at < command.now - KEPT))
    row = {
        "actor_id": command.actor_id, "route": request.route, "key": request.key, "body_hash": request.body_hash,
        "created_at": command.now,
    }  # fmt: skip
    taken = command.session.connection().execute(insert(t.idempotency_key).values(row).on_conflict_do_nothing())
    if not taken.rowcount:
        raise Refused(IN_PROGRESS, code="IDEMPOTENCY_IN_PROGRESS", retry_after=1)
    command.then(request.done)
