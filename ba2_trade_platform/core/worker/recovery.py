"""What the queue does beside claiming: leases renewed, dead jobs rescued, stopped ones handed back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, literal_column, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts import archives, attempts
from ba2_trade_platform.core.attempts.attempts import Opening
from ba2_trade_platform.core.attempts.lifecycle import Event, after
from ba2_trade_platform.core.attempts.pending_endings import end_pending, refuse
from ba2_trade_platform.core.base.actors import SYSTEM, actor_id, note
from ba2_trade_platform.core.completion.batches import settle_items
from ba2_trade_platform.core.contracts.queue import LEASE, Abilities, Ability, Claim
from ba2_trade_platform.core.failures.classification import failure
from ba2_trade_platform.core.failures.groups import Seen, note_failures
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ErrorCode, Mode, Outcome, Status, Trigger

log = logging.getLogger(__name__)
SLICE = 100
_A = t.analysis.c


_RENEW = (
    update(t.analysis)
    .where(_A.id == bindparam("r_id"), _A.lease_token == bindparam("r_token"), _A.status == Status.RUNNING)
    .values(lease_until=bindparam("r_until"))
)

_I = t.expert_instance.c
# Statements are built once, for a tick has many; statuses in words, so that SQLite plans with the partial indexes.
# `likely` leads SQLite to the index that holds only what has a deadline, away from all that is pending.
_OVERDUE = (
    select(_A.id)
    .where(func.likely(_A.status == literal_column("'pending'")), _A.run_before < bindparam("h_now"))
    .limit(SLICE)
)
_IDLE = select(_I.id, _I.alias, _I.archived_at).where(~_I.enabled | _I.archived_at.is_not(None))
_WAITING = (
    select(_A.id)
    .where(
        _A.status == literal_column("'pending'"),
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
    .where(_A.status == literal_column("'running'"))
)  # fmt: skip
_HELD_TOKENS = _RUNNING.where(_A.lease_token.in_(bindparam("h_tokens", expanding=True)))
# What this worker holds is alive, even when its lease ran out while the machine slept.
_ORPHANS = _RUNNING.where(
    _A.lease_token.is_(None) | _A.lease_token.not_in(bindparam("h_tokens", expanding=True))
).limit(SLICE)
_EXPIRED_ORPHANS = _ORPHANS.where(_A.lease_until < bindparam("h_now"))


def lost(session: Session, claims: Sequence[Claim]) -> list[Claim]:
    """Return those of these claims whose lease is no longer held: cancelled, deleted, or taken over."""
    if not claims:
        return []
    held = session.execute(
        select(_A.id, _A.lease_token).where(
            _A.id.in_([claim.analysis_id for claim in claims]), _A.status == Status.RUNNING
        )
    )
    tokens = {row.id: row.lease_token for row in held}
    return [claim for claim in claims if tokens.get(claim.analysis_id) != claim.token]


def renew(session: Session, claims: Sequence[Claim], now: datetime) -> None:
    """Hold these leases for another 30 s from `now`."""
    rows = [{"r_id": c.analysis_id, "r_token": c.token, "r_until": now + LEASE} for c in claims]
    if rows:
        session.connection().execute(_RENEW, rows)


def expire(session: Session, now: datetime) -> list[int]:
    """Skip what was to run before now."""
    due = session.scalars(_OVERDUE, {"h_now": now}).all()
    for analysis_id in due:
        late = failure(ErrorCode.RUN_BEFORE, "It was to run before a time that has passed")
        end_pending(session, analysis_id, Event.EXPIRE, Outcome.SKIPPED, late, now)
    return list(due)


def refuse_disabled(session: Session, now: datetime) -> list[int]:
    """Fail what waits for an expert instance that is disabled or removed; a slice a call."""
    refused: list[int] = []
    for instance in session.execute(_IDLE).all():
        waiting = session.scalars(_WAITING, {"h_instance": instance.id}).all()
        reason = "it was removed" if instance.archived_at else "it is disabled"
        for analysis_id in waiting:
            refuse(session, analysis_id, instance.alias, reason, now)
        refused += waiting
    return refused


def rescue(
    session: Session,
    abilities: Abilities,
    max_rescues: int,
    now: datetime,
    *,
    all_running: bool,
    held: Sequence[Claim] = (),
) -> list[int]:
    """Give back what a dead worker left running: every running row at boot, else those whose lease ran out.

    What this worker holds is alive, even when its lease ran out while the machine slept.
    """
    asked: dict[str, Any] = {"h_tokens": [claim.token for claim in held]}
    orphans = session.execute(_ORPHANS if all_running else _EXPIRED_ORPHANS, asked | {"h_now": now}).all()
    for row in orphans:
        ability = abilities(row.expert, row.settings or {}, row.subtype)
        if row.rescues_used >= max_rescues or not ability.safe_to_repeat:
            _give_up(session, row, ability, now)
        else:
            _hand_back(session, row, Trigger.RESCUE, ability, now)
    return [row.id for row in orphans]


def release(session: Session, claims: Sequence[Claim], abilities: Abilities, now: datetime) -> list[int]:
    """Hand back what this worker was working on when it was told to stop; it counts against nothing."""
    held = session.execute(_HELD_TOKENS, {"h_tokens": [claim.token for claim in claims]}).all()
    for row in held:
        _hand_back(session, row, Trigger.RELEASE, abilities(row.expert, row.settings or {}, row.subtype), now)
    return [row.id for row in held]


def _hand_back(session: Session, row: Any, trigger: Trigger, ability: Ability, now: datetime) -> None:
    rescued = trigger is Trigger.RESCUE
    mode = Mode.RESUME if ability.can_resume else Mode.FRESH
    why = failure(ErrorCode.INTERRUPTED, "The worker stopped before the analysis ended") if rescued else None
    outcome = Outcome.INTERRUPTED if rescued else Outcome.RELEASED
    cleared = archives.hand_on(session, row.id, row.attempt, resume=ability.can_resume)
    attempts.close_attempt(session, row.id, row.attempt, outcome, now, why)
    by = actor_id(session, SYSTEM)
    attempts.open_attempt(session, row.id, row.attempt + 1, Opening(trigger, mode, by, row.config_id), now)
    event = Event.RESCUE if rescued else Event.RELEASE
    session.execute(
        update(t.analysis)
        .where(_A.id == row.id, _A.lease_token == row.lease_token, _A.status == Status.RUNNING)
        .values(
            status=after(Status.RUNNING, event),
            attempt=row.attempt + 1,
            rescues_used=_A.rescues_used + (1 if rescued else 0),
            available_at=now,
            started_at=None,
            current_step=None,
            lease_token=None,
            lease_until=None,
            worker_id=None,
            updated_at=now,
            version=_A.version + 1,
            **cleared,
        )
    )
    note(session, by, now, event.value, subject_id=row.id, attempt=row.attempt + 1, before="running", after="pending")
    log.warning("Analysis %s: running -> pending (%s, attempt %s)", row.id, event.value, row.attempt + 1)


def _give_up(session: Session, row: Any, ability: Ability, now: datetime) -> None:
    reason = (
        f"The worker stopped {row.rescues_used + 1} times while it ran"
        if ability.safe_to_repeat
        else "The worker stopped while it ran, and this expert is not safe to repeat by itself"
    )
    why = failure(ErrorCode.INTERRUPTED, reason)
    note_failures(session, [Seen(why.fingerprint, why.code.value, why.message, None, now)], now)
    attempts.close_attempt(session, row.id, row.attempt, Outcome.FAILED, now, why)
    settle_items(session, row.id, Outcome.FAILED, why.message, now)
    session.execute(
        update(t.analysis)
        .where(_A.id == row.id, _A.lease_token == row.lease_token, _A.status == Status.RUNNING)
        .values(
            status=after(Status.RUNNING, Event.GIVE_UP),
            finished_at=now,
            current_step=None,
            lease_token=None,
            lease_until=None,
            error_code=why.code.value,
            error_message=why.message,
            failure_kind=why.kind,
            fingerprint=why.fingerprint,
            updated_at=now,
            version=_A.version + 1,
        )
    )
    log.warning("Analysis %s: running -> failed (%s)", row.id, why.message)
