"""Idempotency key: a request repeated with the same key gets the first answer instead of a second effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.db import tables as t

KEPT = timedelta(hours=24)
_K = t.idempotency_key.c


@dataclass(frozen=True)
class Once:
    """A request that is to happen once: the client's key, where it was sent, and the hash of what was sent.

    `render` turns the service's answer into the JSON-able one that the client gets, now and whenever it asks again.
    """

    route: str
    key: str
    body_hash: str
    render: Callable[[Any], dict[str, Any]]


class Replayed(Exception):  # noqa: N818 - not an error: the request was answered before, and here is that answer
    """The request was already carried out; `answer` is what was said then."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("This request was already carried out")
        self.answer = answer


def recall(session: Session, once: Once | None, actor_id: int, now: datetime) -> None:
    """Raise Replayed when this request was carried out before, Invalid when the key was used for another one.

    To be called first in the verb's own write transaction, so that two equal requests at once are told apart.
    """
    if once is None:
        return
    session.execute(delete(t.idempotency_key).where(_K.created_at < now - KEPT))
    known = session.execute(
        select(_K.body_hash, _K.answer).where(_K.actor_id == actor_id, _K.route == once.route, _K.key == once.key)
    ).one_or_none()
    if known is None:
        return
    if known.body_hash != once.body_hash:
        raise Invalid(
            "This Idempotency-Key was already used for another request; choose a new one",
            code="IDEMPOTENCY_KEY_REUSED",
        )
    raise Replayed(known.answer)


def keep(session: Session, once: Once | None, actor_id: int, answer: object, now: datetime) -> None:
    """Keep the answer for whoever asks again; to be called last in the verb's transaction."""
    if once is not None:
        session.execute(
            insert(t.idempotency_key).values(
                actor_id=actor_id,
                route=once.route,
                key=once.key,
                body_hash=once.body_hash,
                answer=once.render(answer),
                created_at=now,
            )
        )
