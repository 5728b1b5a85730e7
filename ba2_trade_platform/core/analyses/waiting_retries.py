"""The verbs of an analysis that waits for its automatic retry: run it now, or stop retrying it."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.service import Done
from ba2_trade_platform.core.attempts import attempts
from ba2_trade_platform.core.attempts.end_events import announce_ends
from ba2_trade_platform.core.attempts.ended import ended_of
from ba2_trade_platform.core.attempts.lifecycle import Event, NotAllowedError, after
from ba2_trade_platform.core.base.actors import Actor, actor_id, note
from ba2_trade_platform.core.base.errors import NotFound, Refused
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.completion.batches import settle_items
from ba2_trade_platform.core.contracts.queue import Dispatcher, Ref
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ErrorCode, Outcome, Status

log = get_logger(__name__)
_A, _I = t.analysis.c, t.expert_instance.c


class Retrying:
    """Lets a person take over what the console would retry by itself."""

    def __init__(self, store: Store, dispatcher: Dispatcher, telemetry: Telemetry | None = None) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._telemetry = telemetry or Telemetry()

    def run_now(self, analysis_id: int, *, by: Actor, reason: str | None = None) -> Done:
        """Make a waiting retry due at once, whatever a breaker or a paused batch says. Raises NotFound or Refused."""
        with self._store.write() as transaction:
            session, now = transaction.session, self._store.clock.now()
            row = _waiting(session, analysis_id, Event.RUN_NOW)
            session.execute(
                update(t.analysis)
                .where(_A.id == analysis_id)
                .values(available_at=now, retry_provider=None, held=False, updated_at=now, version=_A.version + 1)
            )
            self._dispatcher.enqueue(session, [Ref(analysis_id, row.attempt, row.expert_instance_id, row.priority)])
            note(
                session, actor_id(session, by), now, "run now", subject_id=analysis_id, attempt=row.attempt,
                before="pending", after="pending", reason=reason,
            )  # fmt: skip
            transaction.touch(analysis_id)
        log.info("%s runs analysis %s now (%s, %s)", by, analysis_id, row.symbol, row.alias, analysis=analysis_id)
        return Done(analysis_id, f"Analysis {analysis_id} runs now (retry {row.retries_used}/{row.max_retries})")

    def stop(self, analysis_id: int, *, by: Actor, reason: str | None = None) -> Done:
        """Fail a waiting analysis with the failure of its last attempt. Raises NotFound or Refused."""
        with self._store.write() as transaction:
            session, now = transaction.session, self._store.clock.now()
            row = _waiting(session, analysis_id, Event.STOP_RETRYING)
            why = Failure(ErrorCode(row.error_code), row.failure_kind, row.error_message or "", row.fingerprint)
            attempts.close_attempt(session, analysis_id, row.attempt, Outcome.FAILED, now, why)
            transaction.then(partial(self._telemetry.ended, ended_of(session, [analysis_id])))
            settle_items(session, analysis_id, Outcome.FAILED, why.message, now)
            session.execute(
                update(t.analysis)
                .where(_A.id == analysis_id)
                .values(
                    status=after(Status.PENDING, Event.STOP_RETRYING, retrying=True),
                    finished_at=now,
                    retry_provider=None,
                    updated_at=now,
                    version=_A.version + 1,
                )
            )
            announce_ends(session, [analysis_id], now)
            self._dispatcher.cancel(session, analysis_id)
            note(
                session, actor_id(session, by), now, "stop retrying", subject_id=analysis_id, attempt=row.attempt,
                before="pending", after="failed", reason=reason,
            )  # fmt: skip
            transaction.touch(analysis_id)
        log.info(
            "%s stopped retrying analysis %s (%s, %s)", by, analysis_id, row.symbol, row.alias, analysis=analysis_id
        )
        return Done(analysis_id, f"Analysis {analysis_id} is not retried any more; it stands failed ({row.error_code})")


def _waiting(session: Session, analysis_id: int, event: Event) -> Any:
    row = session.execute(
        select(
            _A.id, _A.status, _A.attempt, _A.symbol, _A.priority, _A.expert_instance_id, _A.retries_used,
            _A.error_code, _A.error_message, _A.failure_kind, _A.fingerprint, _I.alias, _I.max_retries,
        )
        .join(t.expert_instance, _I.id == _A.expert_instance_id)
        .where(_A.id == analysis_id)
    ).one_or_none()  # fmt: skip
    if row is None:
        raise NotFound("Analysis not found", analysis_id=analysis_id)
    try:
        after(row.status, event, f"analysis {row.id}", retrying=row.error_code is not None)
    except NotAllowedError as error:
        raise Refused(str(error), code="NOT_RETRYING", status=row.status.value) from error
    return row
