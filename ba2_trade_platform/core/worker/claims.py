"""Claim: chooses pending analyses by priority and slots, and mints each a lease.

Decision records: docs/decisions/0002, 0005 and 0016.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, literal_column, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.transitions import lease
from ba2_trade_platform.core.contracts.queue import Abilities, Claim, ProviderChoice, RecordedStep
from ba2_trade_platform.core.failures.breaker_states import OPEN_PROVIDERS
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import Mode, Status

ALONE_AFTER_RESCUES = 2
BULK_PRIORITY = 50
_FAR = 1_000_000
Providers = Mapping[int, tuple[str, ...]]  # whom each analysis may ask

_A, _I, _T = t.analysis.c, t.expert_instance.c, t.attempt.c
# The status in words, so that SQLite can plan once with the partial indexes.
_PENDING = is_status(_A.status, Status.PENDING)
_NOT_PAUSED: ColumnElement[bool] = literal_column("NOT market_analysis.held")
_ABLE = select(_I.id, _I.max_concurrent).where(_I.enabled, _I.archived_at.is_(None))
# What a claim takes over as it is read, under the same names.
_CLAIMED = (
    _A.id.label("analysis_id"), _A.attempt, _A.symbol, _A.subtype, _A.priority,
    _T.mode, _T.base_attempt, _T.trigger, _T.queued_at, _T.after_code, _T.after_failed_at,
    _I.id.label("expert_instance_id"), _I.alias, _I.expert, _I.timeout_seconds,
)  # fmt: skip
_CLAIMED_NAMES = tuple(str(column.key) for column in _CLAIMED)
_DUE = (
    select(
        *_CLAIMED, _A.as_of, _A.rescues_used, _A.available_at, _T.effective_as_of, _T.provider_choice,
        t.expert_config.c.settings,
    )
    .join(t.attempt, (_T.analysis_id == _A.id) & (_T.number == _A.attempt))
    .join(t.expert_instance, _I.id == _A.expert_instance_id)
    .outerjoin(t.expert_config, t.expert_config.c.id == _A.config_id)
    .where(_PENDING, _NOT_PAUSED, _A.expert_instance_id == bindparam("c_instance"))
    .where(_A.available_at <= bindparam("c_now"))
    .where(_A.run_before.is_(None) | (_A.run_before >= bindparam("c_now")))
    .order_by(_A.priority, _A.id)
    .limit(bindparam("c_room"))
)  # fmt: skip
# Retries for a provider whose breaker is not closed wait, but for its probe.
_DUE_UNLESS_BREAKER_OPEN = _DUE.where(
    _A.retry_provider.is_(None)
    | _A.retry_provider.not_in(bindparam("c_breaker_open", expanding=True))
    | _A.id.in_(bindparam("c_probes", expanding=True))
)
_START_ATTEMPT = (
    update(t.attempt)
    .where(_T.analysis_id == bindparam("a_id"), _T.number == bindparam("a_number"))
    .values(
        started_at=bindparam("a_started_at"),
        worker_id=bindparam("a_worker_id"),
        effective_as_of=bindparam("a_as_of"),
        environment=bindparam("a_environment"),
        provider=bindparam("a_provider"),
    )
)


@dataclass(frozen=True)
class Occupancy:
    """What a worker has at work: how many, of them bulk and per expert instance, and whether one runs alone."""

    busy: int
    bulk_busy: int
    per_instance: Mapping[int, int]
    alone: bool


@dataclass(frozen=True)
class WorkerIdentity:
    """Who claims, and what the claim stamps on the attempt."""

    id: str
    environment: Mapping[str, Any]
    market_now: Callable[[], datetime]
    abilities: Abilities


class Unable(NamedTuple):
    """A pending analysis whose expert cannot work, and why."""

    analysis_id: int
    alias: str
    reason: str


@dataclass(frozen=True)
class Claimed:
    """What a round of claiming did, and what it found unable to begin."""

    claims: list[Claim]
    unable: list[Unable]


def claim(session: Session, occupancy: Occupancy, slots: int, worker: WorkerIdentity, now: datetime) -> Claimed:
    """Start what there is room for, by priority, then id; each expert instance within its own limit.

    What waits for an expert that lacks something is `unable`, for the caller to refuse.
    """
    if occupancy.alone or occupancy.busy >= slots:
        return Claimed([], [])
    able, unable, providers = [], [], {}
    for row in _candidates(session, occupancy, slots, now):
        ability = worker.abilities(row.expert, row.settings or {}, row.subtype)
        providers[row.analysis_id] = ProviderChoice.of(row.provider_choice).among(ability.providers)
        reason = ability.unavailable
        if reason is None and ability.providers and not providers[row.analysis_id]:
            reason = "none of its providers may be asked in this attempt"
        if reason is None:
            able.append(row)
        else:
            unable.append(Unable(row.analysis_id, row.alias, reason))
    chosen = _choose(able, occupancy, slots)
    return Claimed(_begin(session, chosen, providers, worker, now) if chosen else [], unable)


def _candidates(session: Session, occupancy: Occupancy, slots: int, now: datetime) -> list[Any]:
    """Return the first due rows of each expert instance that has room: one short index scan an instance."""
    due = _DUE
    asked: dict[str, Any] = {"c_now": now}
    if open_breakers := session.execute(OPEN_PROVIDERS).all():
        due = _DUE_UNLESS_BREAKER_OPEN
        asked["c_breaker_open"] = [row.provider for row in open_breakers]
        asked["c_probes"] = [row.probe_analysis_id for row in open_breakers if row.probe_analysis_id is not None]
    found: list[Any] = []
    for instance in session.execute(_ABLE).all():
        room = min(instance.max_concurrent - occupancy.per_instance.get(instance.id, 0), slots - occupancy.busy)
        if room > 0:
            found += session.execute(due, asked | {"c_instance": instance.id, "c_room": room}).all()
    return sorted(found, key=lambda row: (row.priority, row.analysis_id))


def _choose(candidates: Sequence[Any], occupancy: Occupancy, slots: int) -> list[Any]:
    # One slot stays free for a person's Analyse now, so that bulk work never blocks it.
    free_for_bulk = slots - 1 - occupancy.bulk_busy if slots > 1 else _FAR
    chosen: list[Any] = []
    for row in candidates:
        if row.rescues_used >= ALONE_AFTER_RESCUES:
            # It may be what kills workers: wait until nothing else runs, then run it alone.
            return [row] if not chosen and occupancy.busy == 0 else chosen
        bulk = row.priority >= BULK_PRIORITY
        if len(chosen) >= slots - occupancy.busy or (bulk and free_for_bulk <= 0):
            break
        free_for_bulk -= bulk
        chosen.append(row)
    return chosen


def _begin(
    session: Session, rows: Sequence[Any], providers: Providers, worker: WorkerIdentity, now: datetime
) -> list[Claim]:
    minted, market_now = f"{secrets.token_hex(12)}-", worker.market_now()
    leased = lease(session, [row.analysis_id for row in rows], minted, worker.id, now)
    claims = [
        Claim(
            **dict(zip(_CLAIMED_NAMES, row, strict=False)),
            token=f"{minted}{row.analysis_id}",
            settings=row.settings or {},
            as_of=row.effective_as_of or row.as_of or market_now,
            started_at=now,
            alone=row.rescues_used >= ALONE_AFTER_RESCUES,
            providers=providers[row.analysis_id],
            due_at=max(row.queued_at, row.available_at),
            **({} if row.mode is Mode.FRESH else _kept(session, row.analysis_id)),
        )
        for row in rows
        if row.analysis_id in leased
    ]
    begun = [
        {
            "a_id": claimed.analysis_id,
            "a_number": claimed.attempt,
            "a_started_at": now,
            "a_worker_id": worker.id,
            "a_as_of": claimed.as_of,
            "a_environment": dict(worker.environment),
            "a_provider": next(iter(claimed.providers), None),
        }
        for claimed in claims
    ]
    session.connection().execute(_START_ATTEMPT, begun)
    return claims


def _kept(session: Session, analysis_id: int) -> dict[str, Any]:
    """Return the state and the recorded steps that an earlier attempt has left for this one."""
    steps = session.execute(
        select(t.step.c.position, t.step.c.name, t.step.c.inputs_hash, t.step_result.c.result)
        .outerjoin(t.step_result, t.step_result.c.step_id == t.step.c.id)
        .where(t.step.c.analysis_id == analysis_id)
        .order_by(t.step.c.position)
    )
    state = session.scalar(select(_A.state).where(_A.id == analysis_id))
    return {"state": state, "recorded": [RecordedStep(*step) for step in steps]}
