"""Batch service: submits, pauses, resumes and cancels batches; a pause holds their rows (docs/decisions/0016)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.batch_submissions import NewBatch, foresee
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.attempts.submissions import Submission
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.bulk_reruns import BulkReruns
from ba2_trade_platform.core.batches.bulk_slices import skip_planned
from ba2_trade_platform.core.batches.queries import UNDER_WAY, Batch, BatchQueries, read_batch
from ba2_trade_platform.core.batches.requests import BatchPreview, BatchRequest, named, preview_of
from ba2_trade_platform.core.completion.batches import BatchCompletion
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import BatchKind, BatchState, ItemOutcome, Source

log = logging.getLogger(__name__)
PREVIEWED = 200
_A, _B, _ITEM = t.analysis.c, t.batch.c, t.batch_item.c


@dataclass(frozen=True)
class AcceptedBatch:
    """A submission's result: its batch, and how many analyses were queued, known already, or impossible."""

    id: int
    queued: int
    duplicates: int
    blocked: int
    sentence: str


_ACTIONS = {
    BatchState.PAUSED: Action.PAUSE,
    BatchState.RUNNING: Action.RESUME,
    BatchState.CANCELLED: Action.CANCEL,
    BatchState.ABORTED: Action.ABORT,
}
_ENDED_BY_A_PERSON = (BatchState.CANCELLED, BatchState.ABORTED)


class Batches(BatchQueries):
    """Submits requests and watches over what became of them; the worker's tick carries cancellations on."""

    def __init__(self, store: Store, queue: WorkerQueue, bulk_reruns: BulkReruns, completion: BatchCompletion) -> None:
        super().__init__(store)
        self._completion = completion
        self._queue = queue
        self._bulk_reruns = bulk_reruns

    def preview(self, request: BatchRequest, shown: int = PREVIEWED) -> BatchPreview:
        """Return what submitting this would do, without doing it. Raises Invalid or NotFound."""
        with self._store.read() as session:
            submissions = self._submissions(named(session, request))
            return preview_of(session, foresee(session, self._queue.abilities, submissions), shown)

    def submit(self, request: BatchRequest, *, by: Actor, source: Source | None = None) -> AcceptedBatch:
        """Queue every symbol with every expert as one batch; what cannot be queued is an item with its reason.

        Raises Invalid, NotFound or Unavailable.
        """
        # Everything that takes long is done before the write lock is taken, so that nobody waits for it.
        with self._store.read() as session:
            named_request = named(session, request)
        submissions = self._submissions(named_request)
        with self._store.command(by, Action.SUBMIT, Subject.BATCH) as command:
            new = NewBatch(BatchKind.SUBMIT, named_request.name or "", source or request.source, command.actor_id)
            submitted = self._queue.insert_batch(command, new, submissions)
            outcomes = (ItemOutcome.QUEUED, ItemOutcome.DUPLICATE, ItemOutcome.BLOCKED)
            queued, duplicates, blocked = map(submitted.count, outcomes)
            accepted = AcceptedBatch(submitted.batch_id, queued, duplicates, blocked, submitted.sentence)
        log.info("%s", accepted.sentence)
        return accepted

    def pause(self, batch_id: int, *, by: Actor, reason: str | None = None) -> Batch:
        """Let nothing more of it begin; what runs goes on. Raises NotFound or Refused."""
        return self._switch(batch_id, by, reason, BatchState.PAUSED)

    def resume(self, batch_id: int, *, by: Actor, reason: str | None = None) -> Batch:
        """Let a paused batch go on. Raises NotFound or Refused."""
        return self._switch(batch_id, by, reason, BatchState.RUNNING)

    def cancel(self, batch_id: int, *, by: Actor, reason: str | None = None) -> Batch:
        """Let nothing more of it begin, and end what it has: running experts are stopped, slice by slice.

        A second cancel changes nothing. Raises NotFound or Refused.
        """
        return self._switch(batch_id, by, reason, BatchState.CANCELLED)

    def abort(self, batch_id: int, *, by: Actor, reason: str | None = None) -> Batch:
        """Skip what a bulk re-run has not queued yet; what is queued or runs goes on. A second abort changes nothing.

        Raises NotFound, or Refused for one that is no bulk re-run or has ended already.
        """
        return self._switch(batch_id, by, reason, BatchState.ABORTED)

    def rerun_failed(self, batch_id: int, *, by: Actor, reason: str | None = None) -> Batch:
        """Re-run, as a bulk re-run, what failed in it. Raises NotFound, Refused, SwitchedOff or Invalid."""
        name = f"What failed in {self.get(batch_id).name}"[:200]
        selection = Selection(Filter(bulk=batch_id, bulk_outcome=ItemOutcome.FAILED))
        plan_hash = self._bulk_reruns.preview(selection).plan_hash
        why = clean_reason(reason) or f"what failed in batch {batch_id}"
        return self._bulk_reruns.create(selection, reason=why, plan_hash=plan_hash, by=by, name=name)

    def _submissions(self, request: BatchRequest) -> Sequence[Submission]:
        return self._queue.submissions(request.expert_instance_ids, request.symbols, request.subtype, request.as_of)

    def _switch(self, batch_id: int, by: Actor, reason: str | None, to: BatchState) -> Batch:
        why = clean_reason(reason)
        with self._store.command(by, _ACTIONS[to], Subject.BATCH) as command:
            session, now = command.session, command.now
            batch = read_batch(session, batch_id, estimate=False)
            if batch.state is to and to in _ENDED_BY_A_PERSON:
                return batch
            _permit(batch, to)
            stopped = to is not BatchState.RUNNING
            stopper = {"stopped_at": now, "stopped_by": command.actor_id, "stop_reason": why}
            values: dict[str, Any] = {"state": to, **(stopper if stopped else dict.fromkeys(stopper))}
            if to is BatchState.PAUSED:
                values["resume_state"] = batch.state
            elif to is BatchState.RUNNING:  # as it was before: its canary may not be through yet
                values |= {"state": func.coalesce(_B.resume_state, to), "resume_state": None}
            session.execute(update(t.batch).where(_B.id == batch_id).values(**values))
            if to is BatchState.ABORTED:
                skip_planned(session, batch_id, f"aborted by {by}" + (f": {why}" if why else ""))
            if to is not BatchState.ABORTED or batch.state is BatchState.PAUSED:
                _set_paused(session, batch_id, paused=stopped and to is not BatchState.ABORTED, now=now)
            command.record(batch_id, before=batch.state.value, after=to.value, reason=why)
            self._completion.settle(command, [batch_id], now)
            command.touch_any_analyses()
            command.wake()
            switched = read_batch(session, batch_id)
        log.info("Batch %s: %s -> %s by %s", batch_id, batch.state.value, to.value, by)
        return switched


def _permit(batch: Batch, to: BatchState) -> None:
    """Refuse what does not follow on the batch's present state."""
    if to is BatchState.ABORTED and batch.rerun is None:
        raise Refused(f"Batch {batch.id} is queued as a whole: cancel it instead", code="NOTHING_TO_ABORT")
    state = batch.state.value.replace("_", " ")
    ended = batch.finished_at is not None or batch.state not in (*UNDER_WAY, BatchState.PAUSED)
    if ended and not (to is BatchState.CANCELLED and batch.can_be_cancelled):
        title, code = ("Batch", "BATCH_ENDED") if batch.rerun is None else ("Bulk re-run", "BULK_ENDED")
        raise Refused(f"{title} {batch.id} has already ended: {state}", code=code)
    if to is batch.state or (to is BatchState.RUNNING and batch.state in UNDER_WAY):
        present = f"paused by {batch.stopped_by}" if to is BatchState.PAUSED else "under way"
        raise Refused(f"Batch {batch.id} is already {present}", code="BATCH_STATE")


def _set_paused(session: Session, batch_id: int, *, paused: bool, now: datetime) -> None:
    """Hold what still waits or runs for this batch, so that nothing of it is claimed, or let go of it."""
    waiting = select(_ITEM.analysis_id).where(_ITEM.batch_id == batch_id, _ITEM.outcome == ItemOutcome.QUEUED)
    session.execute(
        update(t.analysis)
        .where(_A.id.in_(waiting), _A.held.is_not(paused))
        .values(held=paused, updated_at=now, version=_A.version + 1)
    )
