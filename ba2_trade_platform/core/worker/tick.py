"""Tick: one short transaction of the database thread that writes, rescues, refuses and claims.

Decision record: docs/decisions/0001.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from ba2_trade_platform.core.attempts.transitions import Transitions, renew, still_leased
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.batches import bulk_slices, cancellations
from ba2_trade_platform.core.batches.bulk_slices import BulkSlices
from ba2_trade_platform.core.batches.cancellations import Cancellations
from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.failures.breaker_states import BreakerPolicy
from ba2_trade_platform.core.failures.classification import classify
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.core.worker import breaker_ticks, recovery
from ba2_trade_platform.core.worker.breaker_ticks import TickBreakers
from ba2_trade_platform.core.worker.buffers import End, WriteBatch
from ba2_trade_platform.core.worker.claims import Occupancy, WorkerIdentity, claim
from ba2_trade_platform.core.worker.completions import Closer
from ba2_trade_platform.core.worker.recovery import SLICE, Recovery
from ba2_trade_platform.core.worker.writes import write_down
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.vocabulary import Outcome

log = logging.getLogger(__name__)

# The queue's switches, and which of a tick's chores have anything to do: mostly none has.
_STANDING = select(
    t.queue_state.c.paused,
    t.queue_state.c.slots,
    recovery.DUE.label("recovery"),
    breaker_ticks.DUE.label("breakers"),
    bulk_slices.DUE.label("bulk"),
    cancellations.DUE.label("cancellations"),
)
SET_BACK = timedelta(seconds=5)  # less is a clock that is kept right
# What a value that the database cannot take raises, from SQLAlchemy or from the driver below it.
DATA_ERRORS = (SQLAlchemyError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, kw_only=True)
class Plan(Occupancy):
    """What a tick is to do, gathered on the worker's loop. `busy` counts what runs, without what ends in this tick."""

    write_batches: Sequence[WriteBatch]
    running: Sequence[Claim]
    now: datetime
    renew: bool = False
    boot: bool = False
    releasing: bool = False


@dataclass
class Ticked:
    """What a committed tick did."""

    claims: list[Claim] = field(default_factory=list)
    lost: list[Claim] = field(default_factory=list)
    stale: int = 0
    rescued: int = 0
    paused: bool = False
    slots: int = 1
    more: bool = False


class Tick:
    """Carries out plans, one transaction each."""

    def __init__(
        self,
        store: Store,
        worker: WorkerIdentity,
        max_rescues: int,
        bulk: BulkSlices,
        cancellations: Cancellations,
        transitions: Transitions,
        policy: BreakerPolicy,
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._bulk = bulk
        self._worker = worker
        self._recovery = Recovery(transitions, worker.abilities, max_rescues)
        self._cancellations = cancellations
        self._breakers = TickBreakers(policy)
        closer = Closer(transitions, worker.abilities, self._breakers)
        self._write = partial(write_down, closer=closer)
        self._telemetry = telemetry
        self._latest = datetime.min.replace(tzinfo=UTC)

    def is_set_back(self, now: datetime) -> bool:
        """Tell whether the clock was set back since the last tick: what was written before has times to come."""
        return now + SET_BACK < self._latest

    def run(self, plan: Plan) -> Ticked:
        """Do everything in `plan`; raises Unavailable when the database cannot serve, then nothing was done.

        A record that the database cannot take is found by repeating the plan item by item; its analysis ends as BUG.
        """
        try:
            return self._all(plan, partial(self._write, now=plan.now))
        except DATA_ERRORS as error:
            if not plan.write_batches:
                raise
            log.warning("A tick of %s results failed (%s); writing them one by one", len(plan.write_batches), error)
        return self._all(plan, partial(_one_by_one, write=self._write, now=plan.now))

    def _all(self, plan: Plan, write: Callable[[Transaction, Sequence[WriteBatch]], int]) -> Ticked:
        done = Ticked()
        with self._store.write(internal=True) as transaction:
            done.stale = write(transaction, plan.write_batches)
            transaction.touch_analyses(*(write_batch.claim.analysis_id for write_batch in plan.write_batches))
            if plan.releasing:
                self._recovery.release(transaction, plan.running, plan.now)
            else:
                self._keep_leases(transaction, plan, done)
                standing = transaction.session.execute(_STANDING, {"h_now": plan.now}).one()
                done.paused, done.slots = standing.paused, standing.slots
                self._do_chores(transaction, plan, done, standing)
                self._claim(transaction, plan, done)
            transaction.then(partial(self._count, done, plan.now))
        self._latest = plan.now
        return done

    def _count(self, done: Ticked, now: datetime) -> None:
        metrics = self._telemetry.metrics
        metrics.claimed(done.claims, now)
        metrics.stale(done.stale)
        metrics.rescued(done.rescued)

    def _keep_leases(self, transaction: Transaction, plan: Plan, done: Ticked) -> None:
        leased = still_leased(transaction.session, plan.running)
        done.lost = [each for each in plan.running if each.token not in leased]
        if plan.renew:
            renew(transaction.session, [each for each in plan.running if each.token in leased], plan.now)

    def _do_chores(self, transaction: Transaction, plan: Plan, done: Ticked, standing: AnyRow) -> None:
        now, recovering = plan.now, plan.boot or standing.recovery
        if plan.boot or self.is_set_back(now):
            transaction.touch_analyses(*self._recovery.bring_forward(transaction, now))
            self._breakers.bring_forward(transaction, now)
        if recovering:
            done.rescued = self._recovery.rescue(transaction, now, all_running=plan.boot, leased=plan.running)
        if standing.breakers:
            transaction.touch_analyses(*self._breakers.keep(transaction, now))
        if recovering:
            ended = self._recovery.expire(transaction, now) + self._recovery.refuse_disabled(transaction, now)
            done.more = done.rescued + ended >= SLICE
        if standing.bulk:
            done.more |= self._bulk.advance(transaction, now)
        if standing.cancellations:
            done.more |= self._cancellations.carry_on(transaction, now) > 0

    def _claim(self, transaction: Transaction, plan: Plan, done: Ticked) -> None:
        # What a dead worker left at boot may be more than one slice: rescue all of it before anything runs.
        if done.paused or (plan.boot and done.more):
            return
        claimed = claim(transaction.session, plan, done.slots, self._worker, plan.now)
        done.claims = claimed.claims
        transaction.touch_analyses(*(each.analysis_id for each in claimed.claims))
        for unable in claimed.unable:
            self._recovery.refuse(transaction, [unable.analysis_id], unable.alias, unable.reason, plan.now)
        done.more = done.more or bool(claimed.unable)


def _one_by_one(
    transaction: Transaction, write_batches: Sequence[WriteBatch], write: Callable[..., int], now: datetime
) -> int:
    """Write each batch for itself in the one transaction; end as BUG what the database cannot take."""
    stale = 0
    for write_batch in write_batches:
        try:
            with transaction.savepoint():
                stale += write(transaction, [write_batch], now=now)
        except OperationalError:
            raise  # locked or full: nobody's data is to blame
        except DATA_ERRORS as error:
            log.error("Analysis %s: its result cannot be stored", write_batch.claim, exc_info=error)  # noqa: TRY400 - our bug
            end = End(Outcome.FAILED, now, failure=classify(error, write_batch.claim.symbol))
            stale += write(transaction, [WriteBatch(write_batch.claim, end=end)], now=now)
    return stale
