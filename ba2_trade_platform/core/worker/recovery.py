"""Recovery: rescues attempts of dead workers, hands work back at a stop, and ends work that can no longer begin."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, literal_column, select, update

from ba2_trade_platform.core.attempts.attempts import Change, Opening, standings
from ba2_trade_platform.core.attempts.lifecycle import Event, target
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.actors import SYSTEM, actor_id
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import Abilities, Ability, Claim
from ba2_trade_platform.core.failures.classification import failure
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.db.sql import is_status, likely
from ba2_trade_platform.vocabulary import ErrorCode, Mode, Status, Trigger

log = get_logger(__name__)
SLICE = 100
_A, _I, _T = t.analysis.c, t.expert_instance.c, t.attempt.c
# Statements are built once, for a tick has many; statuses in words, so that SQLite plans with the partial indexes.
# `likely` leads SQLite to the index that holds only what has a deadline, away from all that is pending.
_OVERDUE = (
    select(_A.id).where(likely(is_status(_A.status, Status.PENDING)), _A.run_before < bindparam("h_now")).limit(SLICE)
)
_IDLE = select(_I.id, _I.alias, _I.archived_at).where(~_I.enabled | _I.archived_at.is_not(None))
_WAITING = (
    select(_A.id)
    .where(
        is_status(_A.status, Status.PENDING),
        literal_column("NOT market_analysis.held"),
        _A.expert_instance_id == bindparam("h_instance"),
    )
    .order_by(_A.priority, _A.id)
    .limit(SLICE)
)
_RUNNING = (
    select(
        _A.id, _A.attempt, _A.symbol, _A.subtype, _A.config_id, _A.rescues_used, _A.lease_token,
        _I.expert, t.expert_config.c.settings,
    )
    .join(t.expert_instance, _I.id == _A.expert_instance_id)
    .outerjoin(t.expert_config, t.expert_config.c.id == _A.config_id)
    .where(is_status(_A.status, Status.RUNNING))
)  # fmt: skip
_LEASED = _RUNNING.where(_A.lease_token.in_(bindparam("h_tokens", expanding=True)))
# What this worker holds is alive, even when its lease ran out while the machine slept.
_ORPHANS = _RUNNING.where(
    _A.lease_token.is_(None) | _A.lease_token.not_in(bindparam("h_tokens", expanding=True))
).limit(SLICE)
_EXPIRED_ORPHANS = _ORPHANS.where(_A.lease_until < bindparam("h_now"))
_EXPIRED = select(_A.id).where(is_status(_A.status, Status.RUNNING), _A.lease_until < bindparam("h_now"))
_OF_TOMORROW = (
    select(_A.id, _A.available_at, _T.queued_at)
    .join(t.attempt, (_T.analysis_id == _A.id) & (_T.number == _A.attempt))
    .where(
        is_status(_A.status, Status.PENDING), _A.available_at > bindparam("h_now"), _T.queued_at > bindparam("h_now")
    )
)
_BRING_FORWARD = update(t.analysis).where(_A.id == bindparam("h_id")).values(available_at=bindparam("h_due"))
DUE = _EXPIRED.exists() | _OVERDUE.exists() | _IDLE.exists()


class Recovery:
    """Ends what cannot begin any more, and hands back what a worker left running."""

    def __init__(self, transitions: Transitions, abilities: Abilities, max_rescues: int) -> None:
        self._transitions = transitions
        self._abilities = abilities
        self._max_rescues = max_rescues

    def expire(self, transaction: Transaction, now: datetime) -> int:
        """Skip what was to run before now, a slice a call; return how many."""
        due = transaction.session.scalars(_OVERDUE, {"h_now": now}).all()
        late = "It was to run before a time that has passed"
        self._end_pending(transaction, Event.EXPIRE, due, ErrorCode.RUN_BEFORE, late, now)
        return len(due)

    def refuse_disabled(self, transaction: Transaction, now: datetime) -> int:
        """Fail what waits for an expert instance that is disabled or removed, a slice a call; return how many."""
        refused = 0
        for instance in transaction.session.execute(_IDLE).all():
            waiting = transaction.session.scalars(_WAITING, {"h_instance": instance.id}).all()
            reason = "it was removed" if instance.archived_at else "it is disabled"
            self.refuse(transaction, waiting, instance.alias, reason, now)
            refused += len(waiting)
        return refused

    def refuse(
        self, transaction: Transaction, analysis_ids: Sequence[int], alias: str, reason: str, now: datetime
    ) -> None:
        """Fail pending analyses because their expert cannot work."""
        sentence = f"{alias} cannot work: {reason}"
        self._end_pending(transaction, Event.REFUSE, analysis_ids, ErrorCode.EXPERT_UNAVAILABLE, sentence, now)

    def bring_forward(self, transaction: Transaction, now: datetime) -> list[int]:
        """Let what was queued while the clock ran ahead wait as long from now as it was to wait; return whose."""
        early = transaction.session.execute(_OF_TOMORROW, {"h_now": now}).all()
        if early:
            due = [{"h_id": row.id, "h_due": now + (row.available_at - row.queued_at)} for row in early]
            transaction.session.connection().execute(_BRING_FORWARD, due)
            log.warning("%s analyses were queued while the clock ran ahead: they wait from now on", len(early))
        return [row.id for row in early]

    def rescue(
        self, transaction: Transaction, now: datetime, *, all_running: bool, leased: Sequence[Claim] = ()
    ) -> int:
        """Give back what a dead worker left running: every running row at boot, else those whose lease ran out.

        What this worker holds is alive, even when its lease ran out while the machine slept. Returns how many.
        """
        session = transaction.session
        asked: dict[str, Any] = {"h_tokens": [claim.token for claim in leased]}
        orphans = session.execute(_ORPHANS if all_running else _EXPIRED_ORPHANS, asked | {"h_now": now}).all()
        if not orphans:
            return 0
        standing, by = standings(session, [row.id for row in orphans]), actor_id(session, SYSTEM)
        interrupted = failure(ErrorCode.INTERRUPTED, "The worker stopped before the analysis ended")
        given_up, rescued = dict[int, str](), []
        for row in orphans:
            ability = self._abilities(row.expert, row.settings or {}, row.subtype)
            if not ability.safe_to_repeat:
                given_up[row.id] = "The worker stopped while it ran, and this expert is not safe to repeat by itself"
            elif row.rescues_used >= self._max_rescues:
                given_up[row.id] = f"The worker stopped {row.rescues_used + 1} times while it ran"
            else:
                columns = {"available_at": now, "rescues_used": row.rescues_used + 1}
                opening = _opening(row, Trigger.RESCUE, ability, by)
                rescued.append(Change(standing[row.id], now, interrupted, columns=columns, next=opening))
        ends = [Change(standing[key], now, failure(ErrorCode.INTERRUPTED, why)) for key, why in given_up.items()]
        self._transitions.apply(transaction, Event.GIVE_UP, ends, by=by)
        for analysis_id, why in given_up.items():
            log.warning("Analysis %s: running -> failed (%s)", analysis_id, why)
        self._requeue(transaction, Event.RESCUE, rescued, by)
        return len(orphans)

    def release(self, transaction: Transaction, claims: Sequence[Claim], now: datetime) -> None:
        """Queue again what this worker was working on when it was told to stop; it counts against nothing."""
        session = transaction.session
        leased = session.execute(_LEASED, {"h_tokens": [claim.token for claim in claims]}).all()
        if not leased:
            return
        standing, by = standings(session, [row.id for row in leased]), actor_id(session, SYSTEM)
        released = []
        for row in leased:
            opening = _opening(row, Trigger.RELEASE, self._abilities(row.expert, row.settings or {}, row.subtype), by)
            released.append(Change(standing[row.id], now, columns={"available_at": now}, next=opening))
        self._requeue(transaction, Event.RELEASE, released, by)

    def _requeue(self, transaction: Transaction, event: Event, changes: Sequence[Change], by: int) -> None:
        self._transitions.apply(transaction, event, changes, by=by)
        for change in changes:
            number, attempt = change.standing.analysis_id, change.standing.attempt + 1
            log.warning("Analysis %s: running -> pending (%s, attempt %s)", number, event.value, attempt)

    def _end_pending(
        self, transaction: Transaction, event: Event, ids: Sequence[int], code: ErrorCode, sentence: str, now: datetime
    ) -> None:
        if not ids:
            return
        session, why = transaction.session, failure(code, sentence)
        changes = [Change(standing, now, why) for standing in standings(session, ids).values()]
        self._transitions.apply(transaction, event, changes, by=actor_id(session, SYSTEM))
        became = target(Status.PENDING, event).value
        for change in changes:
            number = change.standing.analysis_id
            log.warning(
                "Analysis %s: pending -> %s (%s)", number, became, why.message, analysis=number, code=code.value
            )


def _opening(row: AnyRow, trigger: Trigger, ability: Ability, by: int) -> Opening:
    return Opening(trigger, Mode.RESUME if ability.can_resume else Mode.FRESH, by, row.config_id)
