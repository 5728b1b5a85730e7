"""Queue service: takes every submission, one, many or a schedule's batches; pauses the queue and sets its slots."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.batch_submissions import (
    BatchSubmission,
    NewBatch,
    SubmittedBatch,
    insert_all,
    instance_of,
    why_not,
)
from ba2_trade_platform.core.attempts.submissions import Inserted, Submission, insert_pending
from ba2_trade_platform.core.base.actors import Actor, log_activity
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Impossible, Invalid, Refused
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.symbols import spelled, symbol_of
from ba2_trade_platform.core.base.transactions import Command, Transaction
from ba2_trade_platform.core.completion.batches import BatchCompletion
from ba2_trade_platform.core.contracts.experts import ExpertError, Prices
from ba2_trade_platform.core.contracts.queue import Abilities, Dispatcher, Ref
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import BatchKind, ItemOutcome, Source, Status, Subtype

log = logging.getLogger(__name__)

MAX_BATCH = 20_000
MAX_SLOTS = 256
MAX_PRIORITY = 1_000
BATCH_PRIORITY = 50


@dataclass(frozen=True)
class Submitted(Inserted):
    """The answer to a submit: a new analysis, or the one that is already under way."""

    sentence: str


@dataclass(frozen=True)
class QueueState:
    """The queue's switches."""

    paused: bool
    reason: str | None
    actor: str | None
    since: datetime | None
    slots: int


class WorkerQueue:
    """Submits analyses and holds the queue's switches; `abilities` tell of an expert whether it can work."""

    def __init__(
        self, store: Store, dispatcher: Dispatcher, abilities: Abilities, prices: Prices, completion: BatchCompletion
    ) -> None:
        self.abilities = abilities
        self._store = store
        self._completion = completion
        self._dispatcher = dispatcher
        self._prices = prices

    def submit_analysis_task(
        self,
        expert_instance_id: int,
        symbol: str,
        subtype: Subtype = Subtype.ENTER_MARKET,
        *,
        by: Actor,
        as_of: datetime | date | None = None,
        priority: int = 0,
        run_before: datetime | None = None,
        source: Source = Source.MANUAL,
    ) -> Submitted:
        """Queue one analysis, or answer with the one that is already pending or running.

        A bare date as `as_of` means that session's close. Raises NotFound, Invalid, Refused or Unavailable.
        """
        before = None if run_before is None else _utc("run_before", run_before)
        name = symbol_of(symbol)
        instant = self._instant(as_of, name)
        submission = Submission(expert_instance_id, name, Subtype(subtype), instant, priority, before, source)
        self._check(submission)
        with self._store.command(by, Action.SUBMIT, Subject.ANALYSIS) as command:
            session, sooner = command.session, False
            instance = self._able_instance(session, expert_instance_id, submission.subtype)
            inserted = insert_pending(session, submission, instance.config_id, command.actor_id, command.now)
            if inserted.is_duplicate:
                sooner = self._put_first(command, inserted.analysis_id, submission)
            else:
                ref = Ref(inserted.analysis_id, inserted.attempt, expert_instance_id, priority)
                self._dispatcher.enqueue(session, [ref])
                command.add(inserted.analysis_id)
        about = f"expert {instance.alias} and symbol {submission.symbol}"
        if inserted.is_duplicate:
            sentence = f"Analysis task for {about} is already {inserted.status.value}" + "; it goes first now" * sooner
            log.warning("%s (analysis %s)", sentence, inserted.analysis_id)
        else:
            sentence = f"Analysis {inserted.analysis_id} queued for {about}"
            task = "Analysis task %s/1 submitted for expert %s, symbol %s, priority %s"
            log.info(task, inserted.analysis_id, expert_instance_id, name, priority)
        return Submitted(**vars(inserted), sentence=sentence)

    def submit_batch(
        self,
        instances: Sequence[int],
        symbols: Sequence[str],
        subtype: Subtype = Subtype.ENTER_MARKET,
        *,
        by: Actor,
        as_of: datetime | date | None = None,
        source: Source = Source.MANUAL,
        name: str | None = None,
    ) -> SubmittedBatch:
        """Queue every symbol with every expert as one batch; what cannot be queued is an item with its reason."""
        submissions = self.submissions(instances, symbols, subtype, as_of)
        title = name or f"{len(set(symbols))} symbols, {len(set(instances))} experts"
        with self._store.command(by, Action.SUBMIT, Subject.BATCH) as command:
            new = NewBatch(BatchKind.SUBMIT, title, source, command.actor_id)
            batch = self.insert_batch(command, new, submissions)
        log.info("%s", batch.sentence)
        return batch

    def insert_batch(
        self, transaction: Transaction, new: NewBatch, submissions: Sequence[Submission]
    ) -> SubmittedBatch:
        """Queue these as one batch in the caller's transaction; what cannot be queued is an item that says why.

        The submissions' own source and batch are replaced by the batch's. Raises NotFound for an unknown expert.
        """
        return self.insert_batches(transaction, [BatchSubmission(new, submissions)])[0]

    def insert_batches(
        self, transaction: Transaction, batch_submissions: Sequence[BatchSubmission]
    ) -> list[SubmittedBatch]:
        """Queue several batches in the caller's transaction, in a few statements for all of them.

        What two of them ask for is in the first, and under way already for the second. Raises NotFound for an unknown
        expert.
        """
        batches = insert_all(transaction, self.abilities, self._completion, batch_submissions, self._store.clock.now())
        queued = [
            (submission, item.analysis_id)
            for batch_submission, batch in zip(batch_submissions, batches, strict=True)
            for submission, item in zip(batch_submission.submissions, batch.items, strict=True)
            if item.outcome is ItemOutcome.QUEUED and item.analysis_id is not None
        ]
        refs = [Ref(made, 1, submission.expert_instance_id, submission.priority) for submission, made in queued]
        self._dispatcher.enqueue(transaction.session, refs)
        transaction.add(*(made for _, made in queued))
        return batches

    def state(self) -> QueueState:
        """Return the queue's switches."""
        with self._store.read() as session:
            row = session.execute(
                select(t.queue_state, t.actor.c.name).outerjoin(t.actor, t.actor.c.id == t.queue_state.c.actor_id)
            ).one()
            return QueueState(row.paused, row.reason, row.name, row.since, row.slots)

    def pause(self, *, by: Actor, reason: str | None = None) -> QueueState:
        """Stop claims; what runs goes on, and submits, cancels and rescues too."""
        return self._switch(by, Action.PAUSE, reason, {"paused": True, "reason": clean_reason(reason)})

    def resume(self, *, by: Actor, reason: str | None = None) -> QueueState:
        """Let claims begin again."""
        return self._switch(by, Action.RESUME, reason, {"paused": False, "reason": None})

    def set_slots(self, count: int, *, by: Actor) -> QueueState:
        """Set how many analyses run at once, 1 to 256; it survives a restart. Raises Invalid."""
        if not 1 <= count <= MAX_SLOTS:
            raise Invalid(f"Slots must be between 1 and {MAX_SLOTS}, not {count}")
        return self._switch(by, Action.RESIZE, None, {"slots": count})

    def _switch(self, by: Actor, action: Action, reason: str | None, values: dict[str, Any]) -> QueueState:
        with self._store.command(by, action, Subject.QUEUE) as command:
            if "paused" in values:
                values |= {"actor_id": command.actor_id, "since": command.now}
            command.session.execute(update(t.queue_state).values(**values))
            shown = ", ".join(f"{key}={value}" for key, value in values.items() if key in ("paused", "slots"))
            command.record(after=shown, reason=reason)
            command.wake()
        log.info("Queue: %s by %s", shown, by)
        return self.state()

    def _put_first(self, command: Command, analysis_id: int, submission: Submission) -> bool:
        """Let what waits in a batch, perhaps a paused one, go before the rest of it: a person asked for this one."""
        session, now, a = command.session, command.now, t.analysis.c
        behind = (a.id == analysis_id, a.status == Status.PENDING, (a.priority > submission.priority) | a.held)
        before = session.execute(select(a.priority, a.attempt, a.expert_instance_id).where(*behind)).one_or_none()
        if before is None:
            return False
        priority = min(before.priority, submission.priority)
        session.execute(
            update(t.analysis)
            .where(a.id == analysis_id)
            .values(priority=priority, held=False, updated_at=now, version=a.version + 1)
        )
        self._dispatcher.enqueue(session, [Ref(analysis_id, before.attempt, before.expert_instance_id, priority)])
        log_activity(
            session, command.actor_id, now, Action.PRIORITIZE, Subject.ANALYSIS, analysis_id, attempt=before.attempt,
            before=f"priority {before.priority}", after=f"priority {priority}",
        )  # fmt: skip
        command.touch_analyses(analysis_id)
        command.wake()
        return True

    def submissions(
        self,
        instances: Sequence[int],
        symbols: Sequence[str],
        subtype: Subtype,
        as_of: datetime | date | None = None,
        *,
        run_before: datetime | None = None,
    ) -> list[Submission]:
        """Return a submission for every symbol with every expert; what cannot be queued says why in `refused`.

        Several are bulk work, behind what a person asks for one by one. Raises Invalid for what makes no sense at all.
        """
        if not instances:
            raise Invalid("Choose at least one expert")
        if not symbols:
            raise Invalid("Choose at least one symbol")
        chosen = list(dict.fromkeys(spelled(text) for text in symbols))
        count = len(chosen) * len(set(instances))
        if count > MAX_BATCH:
            raise Impossible(
                f"{count:,} analyses are too many for one batch; {MAX_BATCH:,} at most. Split the list, or choose "
                "fewer experts",
                code="TOO_MANY_ITEMS",
            )
        priority = BATCH_PRIORITY if count > 1 else 0
        before = None if run_before is None else _utc("run_before", run_before)
        instants = {symbol: self._instant_or_why_not(as_of, symbol) for symbol in chosen}
        if all(why for _, why in instants.values()):
            raise Impossible(next(why for _, why in instants.values() if why))
        submissions = [
            Submission(instance, symbol, Subtype(subtype), instant, priority, before, refused=why)
            for instance in dict.fromkeys(instances)
            for symbol, (instant, why) in instants.items()
        ]
        for submission in {submission.as_of: submission for submission in submissions}.values():
            self._check(submission)
        return submissions

    def _instant_or_why_not(self, as_of: datetime | date | None, symbol: str) -> tuple[datetime | None, str | None]:
        if as_of is None or isinstance(as_of, datetime):
            return self._instant(as_of, symbol), None
        try:
            return self._instant(as_of, symbol_of(symbol)), None
        except Invalid as error:
            return None, str(error)

    def _able_instance(self, session: Session, instance_id: int, subtype: Subtype) -> Any:
        instance = instance_of(session, instance_id)
        reason = why_not(self.abilities, instance, subtype)
        if reason:
            raise Refused(f"{instance.alias} cannot work: {reason}", code="EXPERT_UNAVAILABLE")
        return instance

    def _instant(self, as_of: datetime | date | None, symbol: str) -> datetime | None:
        if as_of is None or isinstance(as_of, datetime):
            return as_of and _utc("as_of", as_of)
        try:
            return self._prices.instant_of(as_of, symbol)
        except ExpertError as error:
            raise Impossible(str(error), code=error.code.value) from error

    def _check(self, submission: Submission) -> None:
        if not 0 <= submission.priority <= MAX_PRIORITY:
            raise Invalid(f"The priority must be between 0 and {MAX_PRIORITY}, not {submission.priority}")
        if submission.as_of is not None and submission.as_of > (present := self._prices.clock.now()):
            raise Impossible(
                f"as_of {submission.as_of:%Y-%m-%d %H:%M} UTC lies after the market's now, {present:%Y-%m-%d %H:%M}"
            )
        if submission.run_before is not None and submission.run_before <= self._store.clock.now():
            raise Impossible("run_before has already passed")


def _utc(name: str, instant: datetime) -> datetime:
    """Return an instant in UTC, for equal instants must make equal dedupe keys; raises Invalid."""
    if instant.utcoffset() is None:
        raise Invalid(f"{name} needs a time zone, for example 2014-12-31T21:00:00Z")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise Impossible(f"{name} {instant.isoformat()} lies outside the calendar") from error


def first_slots(store: Store, slots: int) -> None:
    """Make the queue's one row at the first start; later its own number counts."""
    with store.write(internal=True) as transaction:
        if not transaction.session.scalar(select(func.count()).select_from(t.queue_state)):
            transaction.session.execute(insert(t.queue_state).values(id=1, paused=False, slots=slots))
