"""Waiting retries: run now and stop, verbs on the pending row that waits for its retry (docs/decisions/0006)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.service import Done
from ba2_trade_platform.core.attempts.attempts import Change, standings
from ba2_trade_platform.core.attempts.lifecycle import Event, NotAllowedError, after
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import NotFound, Refused
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.queue import Dispatcher, Ref
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ErrorCode

log = get_logger(__name__)
_A, _I = t.analysis.c, t.expert_instance.c


class WaitingRetries:
    """Lets a person take over what the console would retry by itself."""

    def __init__(self, store: Store, dispatcher: Dispatcher, transitions: Transitions) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._transitions = transitions

    def run_now(self, analysis_id: int, *, by: Actor, reason: str | None = None) -> Done:
        """Make a waiting retry due at once, whatever a breaker or a paused batch says. Raises NotFound or Refused."""
        with self._store.command(by, Action.RETRY, Subject.ANALYSIS) as command:
            session, now = command.session, command.now
            row = _waiting(session, analysis_id, Event.RUN_NOW)
            change = Change(
                standings(session, [analysis_id])[analysis_id], now, reason=reason, columns={"available_at": now}
            )
            self._transitions.apply(command, Event.RUN_NOW, [change], by=command.actor_id)
            self._dispatcher.enqueue(session, [Ref(analysis_id, row.attempt, row.expert_instance_id, row.priority)])
        log.info("%s runs analysis %s now (%s, %s)", by, analysis_id, row.symbol, row.alias, analysis=analysis_id)
        return Done(analysis_id, f"Analysis {analysis_id} runs now (retry {row.retries_used}/{row.max_retries})")

    def stop(self, analysis_id: int, *, by: Actor, reason: str | None = None) -> Done:
        """Fail a waiting analysis with the failure of its last attempt. Raises NotFound or Refused."""
        with self._store.command(by, Action.STOP, Subject.ANALYSIS) as command:
            session, now = command.session, command.now
            row = _waiting(session, analysis_id, Event.STOP_RETRYING)
            why = Failure(ErrorCode(row.error_code), row.failure_kind, row.error_message or "", row.fingerprint)
            change = Change(standings(session, [analysis_id])[analysis_id], now, why, reason=reason)
            self._transitions.apply(command, Event.STOP_RETRYING, [change], by=command.actor_id)
            self._dispatcher.cancel(session, analysis_id)
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
