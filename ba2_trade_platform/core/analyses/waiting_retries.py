"""Waiting retries: run now and stop, verbs on the pending row that waits for its retry (docs/decisions/0006)."""

from __future__ import annotations

from typing import cast

from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.analysis_rows import AnalysisWithExpert, row_of
from ba2_trade_platform.core.analyses.service import Done
from ba2_trade_platform.core.attempts.attempts import Change, standings
from ba2_trade_platform.core.attempts.lifecycle import Event, after
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.queue import Dispatcher, Ref
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.vocabulary import ErrorCode, FailureKind

log = get_logger(__name__)


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
            # What waits for its retry has the failure of its last attempt on its row, all of it.
            code, kind, fingerprint = (
                cast(str, row.error_code),
                cast(FailureKind, row.failure_kind),
                cast(str, row.fingerprint),
            )
            why = Failure(ErrorCode(code), kind, row.error_message or "", fingerprint)
            change = Change(standings(session, [analysis_id])[analysis_id], now, why, reason=reason)
            self._transitions.apply(command, Event.STOP_RETRYING, [change], by=command.actor_id)
            self._dispatcher.cancel(session, analysis_id)
        log.info(
            "%s stopped retrying analysis %s (%s, %s)", by, analysis_id, row.symbol, row.alias, analysis=analysis_id
        )
        return Done(analysis_id, f"Analysis {analysis_id} is not retried any more; it stands failed ({row.error_code})")


def _waiting(session: Session, analysis_id: int, event: Event) -> AnalysisWithExpert:
    row = row_of(session, analysis_id)
    after(row.status, event, f"analysis {row.id}", retrying=row.error_code is not None, code="NOT_RETRYING")
    return row
