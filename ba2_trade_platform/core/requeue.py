"""Puts one failed analysis back into the queue in the caller's transaction: archive, purge, reset, next attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core import archives, attempts
from ba2_trade_platform.core.actors import note
from ba2_trade_platform.core.archives import Purged
from ba2_trade_platform.core.attempts import Opening
from ba2_trade_platform.core.contracts import Clock
from ba2_trade_platform.core.errors import NotFound, Refused
from ba2_trade_platform.core.lifecycle import Event, NotAllowedError, Status, after
from ba2_trade_platform.core.queue.dispatcher import Dispatcher, Ref
from ba2_trade_platform.core.store import Transaction
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.enums import Mode, Outcome, Trigger

_A = t.analysis.c


@dataclass(frozen=True)
class Requeued:
    """A re-run that was accepted."""

    analysis_id: int
    status: Status
    attempt: int
    reruns_used: int
    max_reruns: int
    updated_at: datetime
    warnings: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say what was queued."""
        return (
            f"Analysis {self.analysis_id} queued for re-run "
            f"(attempt {self.attempt}, re-run {self.reruns_used}/{self.max_reruns})"
        )


@dataclass(frozen=True)
class Wish:
    """How a failed analysis is to be done again, and why."""

    mode: Mode = Mode.FRESH
    reason: str | None = None


class Requeue:
    """Requeues failed analyses, one a call; the caller's transaction makes it whole."""

    def __init__(self, clock: Clock, dispatcher: Dispatcher) -> None:
        self._clock = clock
        self._dispatcher = dispatcher

    def __call__(
        self,
        transaction: Transaction,
        analysis_id: int,
        wish: Wish,
        who: int,
        *,
        trigger: Trigger = Trigger.RERUN,
        batch_id: int | None = None,
        priority: int | None = None,
    ) -> tuple[Requeued, Purged, Any]:
        """Requeue this one for actor `who`; return what was queued, what was purged, and the row as it was.

        `priority` moves it to another lane of the queue. Raises NotFound or Refused; a row whose twin is under way
        raises IntegrityError on the dedupe key. Whatever it raises, the caller must not commit what it did.
        """
        session, now = transaction.session, self._clock.now()
        reset = session.execute(
            update(t.analysis)
            .where(_A.id == analysis_id, _A.status == Status.FAILED)
            .values(status=after(Status.FAILED, Event.RERUN), updated_at=now, available_at=now, version=_A.version + 1)
            .returning(_A.id)
        ).one_or_none()
        row = row_of(session, analysis_id)
        if reset is None:
            raise self._not_failed(session, row)
        attempts.close_attempt(session, analysis_id, row.attempt, Outcome.FAILED, now)
        archives.pack(session, analysis_id, row.attempt)
        purged = archives.purge(session, analysis_id)
        values = fresh(row, now) | ({} if priority is None else {"priority": priority})
        session.execute(update(t.analysis).where(_A.id == analysis_id).values(**values))
        opening = Opening(trigger, wish.mode, who, row.current_config_id, wish.reason, batch_id=batch_id)
        attempts.open_attempt(session, analysis_id, row.attempt + 1, opening, now)
        note(
            session,
            who,
            now,
            "re-run",
            subject_id=analysis_id,
            attempt=row.attempt + 1,
            before="failed",
            after="pending",
            reason=wish.reason,
        )
        self._dispatcher.enqueue(session, [Ref(analysis_id, row.attempt + 1, row.expert_instance_id, row.priority)])
        transaction.touch(analysis_id)
        requeued = Requeued(
            analysis_id, Status.PENDING, row.attempt + 1, row.reruns_used + 1, row.max_reruns, updated_at=now
        )
        return requeued, purged, row

    def _not_failed(self, session: Session, row: Any) -> Refused:
        opened = session.execute(
            select(t.attempt.c.trigger, t.attempt.c.queued_at, t.actor.c.name)
            .join(t.actor, t.actor.c.id == t.attempt.c.actor_id)
            .where(t.attempt.c.analysis_id == row.id, t.attempt.c.number == row.attempt)
        ).one()
        present = {"status": row.status.value, "by": opened.name, "since": row.updated_at.isoformat()}
        if row.status is Status.PENDING and opened.trigger in (Trigger.RERUN, Trigger.BULK):
            ago = max(0, round((self._clock.now() - opened.queued_at).total_seconds()))
            return Refused(f"Already queued {ago} s ago by {opened.name}", code="ALREADY_QUEUED", **present)
        try:
            after(row.status, Event.RERUN, f"analysis {row.id}")
        except NotAllowedError as error:
            return Refused(str(error), code="NOT_FAILED", **present)
        raise AssertionError(f"analysis {row.id} is {row.status} and yet was not reset")


def row_of(session: Session, analysis_id: int) -> Any:
    """Return what the verbs need to know of an analysis and its expert, or raise NotFound."""
    i = t.expert_instance.c
    row = session.execute(
        select(
            _A.id,
            _A.symbol,
            _A.subtype,
            _A.status,
            _A.attempt,
            _A.as_of,
            _A.run_before,
            _A.priority,
            _A.expert_instance_id,
            _A.reruns_used,
            _A.started_at,
            _A.updated_at,
            _A.dedupe_key,
            _A.error_code,
            i.alias,
            i.max_reruns,
            i.config_id.label("current_config_id"),
        )
        .join(t.expert_instance, i.id == _A.expert_instance_id)
        .where(_A.id == analysis_id)
    ).one_or_none()
    if row is None:
        raise NotFound("Analysis not found", analysis_id=analysis_id)
    return row


def fresh(row: Any, now: datetime) -> dict[str, Any]:
    """What a fresh re-run sets beside the status; attempt and archive keep what is cleared."""
    return {
        # A person wants it now: a deadline that has passed would only skip it at once.
        "run_before": row.run_before if row.run_before and row.run_before > now else None,
        "attempt": row.attempt + 1,
        "reruns_used": row.reruns_used + 1,
        "retries_used": 0,
        "rescues_used": 0,
        "config_id": row.current_config_id,
        "state": None,
        "progress": 0,
        "current_step": None,
        "started_at": None,
        "finished_at": None,
        "duration_ms": None,
        "error_code": None,
        "error_message": None,
        "failure_kind": None,
        "fingerprint": None,
        "retry_provider": None,
        "result_action": None,
        "result_confidence": None,
        "result_expected_profit": None,
        "worker_id": None,
    }
