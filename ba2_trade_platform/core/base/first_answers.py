"""First answers: the answer to a keyed request, given again when the request is repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import actor_id
from ba2_trade_platform.core.base.errors import Impossible, Refused
from ba2_trade_platform.core.base.idempotency import IN_PROGRESS, KEPT, KeyedRequest
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import insert

_K, _A = t.idempotency_key.c, t.actor.c


@dataclass(frozen=True)
class Answer:
    """What a client was told: an HTTP status, and a JSON-able body or none."""

    status: int
    body: Any


class FirstAnswers:
    """Keeps answers for 24 hours. Blocking; thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, request: KeyedRequest) -> Answer | None:
        """Return what this request was answered before, None when it was not carried out yet.

        Raises Invalid IDEMPOTENCY_KEY_REUSED for a key that belongs to another request, and Refused
        IDEMPOTENCY_IN_PROGRESS when it was carried out and its answer was not kept.
        """
        with self._store.read() as session:
            since = self._store.clock.now() - KEPT
            known = session.execute(
                select(_K.body_hash, _K.status, _K.answer)
                .join(t.actor, _A.id == _K.actor_id)
                .where(_A.kind == request.by.kind, _A.name == request.by.name, _K.created_at >= since)
                .where(_K.route == request.route, _K.key == request.key)
            ).one_or_none()
        if known is None:
            return None
        if known.body_hash != request.body_hash:
            raise Impossible(
                "This Idempotency-Key was already used for another request; choose a new one",
                code="IDEMPOTENCY_KEY_REUSED",
            )
        if known.status is None:
            raise Refused(IN_PROGRESS, code="IDEMPOTENCY_IN_PROGRESS", retry_after=1)
        return Answer(known.status, known.answer)

    def keep(self, request: KeyedRequest, answer: Answer) -> None:
        """Keep an answer for whoever asks again, unless nothing came of the request: then it may be tried again."""
        if not request.carried_out and answer.status >= 400:
            return
        with self._store.write() as transaction:
            session, now = transaction.session, self._store.clock.now()
            said = {"status": answer.status, "answer": answer.body}
            if request.carried_out:
                session.execute(update(t.idempotency_key).where(*_own(session, request)).values(said))
                return
            row = {"route": request.route, "key": request.key, "body_hash": request.body_hash, "created_at": now}
            by = {"actor_id": actor_id(session, request.by)}
            session.execute(insert(t.idempotency_key).values(row | by | said).on_conflict_do_nothing())


def _own(session: Session, request: KeyedRequest) -> tuple[Any, ...]:
    return _K.actor_id == actor_id(session, request.by), _K.route == request.route, _K.key == request.key
