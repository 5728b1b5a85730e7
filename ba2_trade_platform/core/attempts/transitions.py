"""Transitions: the one place where status, lease and attempt of an analysis change, so that every end ends alike.

A caller names the event and the analyses; the table `EFFECTS` says which columns it sets, and subscribers to ends
hear of it in the same transaction (docs/decisions/0018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import bindparam, cast, func, insert, literal_column, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts import archives, attempts
from ba2_trade_platform.core.attempts.attempts import COMMON, Change
from ba2_trade_platform.core.attempts.lifecycle import BY_ITSELF, EFFECTS, Effect, Event, target
from ba2_trade_platform.core.base.audit import Subject
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import LEASE, Claim, EndedAttempt
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.core.failures.groups import Seen, note_failures
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import Mode, Outcome, Status

OnEnded = Callable[[Transaction, Sequence[EndedAttempt]], None]

_A = t.analysis.c
_T = t.attempt.c


class Transitions:
    """Applies events; `on_ended` are told of every attempt that ended, in their order, in its transaction."""

    def __init__(self, on_ended: Sequence[OnEnded] = ()) -> None:
        self._on_ended = tuple(on_ended)

    def apply(self, transaction: Transaction, event: Event, changes: Sequence[Change], *, by: int) -> None:
        """Let `event` come to these analyses at the request of actor `by`, and tell of the attempts that it ended.

        Each must stand as its `standing` says, which was read in this transaction or is held by a lease that was
        looked at in it; raises RuntimeError otherwise, and then nothing of the transaction may be committed. A twin
        that is under way makes a re-run raise IntegrityError on the dedupe key.
        """
        if not changes:
            return
        session, effect = transaction.session, EFFECTS[event]
        if effect.counts:
            seen = [_seen(change, change.why, event) for change in changes if change.why]
            note_failures(session, seen, max(change.at for change in changes))
        if effect.outcome is not None:  # first, so that what is archived has ended too
            attempts.close(session, changes, effect.outcome)
            changes = [_handed_on(session, change) for change in changes]
        _update(session, event, effect, changes)
        for change in changes:
            if change.next is not None:
                analysis_id, previous = change.standing.analysis_id, change.standing.attempt
                attempts.open_attempt(session, analysis_id, change.number, change.next, change.at, previous)
        _log_activity(session, event, changes, by)
        transaction.touch_analyses(*(change.standing.analysis_id for change in changes))
        if not all(target(change.standing.status, event) is Status.FAILED for change in changes):
            transaction.wake()  # work was made, or what runs is to stop
        if effect.outcome is not None:
            ended = _recovered(session, [_ended(change, event, effect, effect.outcome) for change in changes])
            for tell in self._on_ended:
                tell(transaction, ended)


def still_leased(session: Session, claims: Sequence[Claim]) -> set[str]:
    """Return the tokens of those of these claims whose lease is still held: neither ended, deleted nor taken over."""
    if not claims:
        return set()
    rows = session.execute(_LEASED, {"l_tokens": [claim.token for claim in claims]})
    leased = {(row.id, row.attempt, row.lease_token) for row in rows}
    return {claim.token for claim in claims if (claim.analysis_id, claim.attempt, claim.token) in leased}


_LEASED = select(_A.id, _A.attempt, _A.lease_token).where(
    _A.lease_token.in_(bindparam("l_tokens", expanding=True)), is_status(_A.status, Status.RUNNING)
)


def lease(session: Session, analysis_ids: Sequence[int], minted: str, worker_id: str, now: datetime) -> set[int]:
    """Let a worker claim these pending analyses; return those that it got. Its tokens are `minted` and the id."""
    asked = {"c_ids": list(analysis_ids), "c_minted": minted, "c_worker": worker_id, "c_now": now}
    return {row.id for row in session.execute(_LEASE, asked | {"c_until": now + LEASE})}


_OF_ITS_LAST_ATTEMPT = (
    "finished_at", "duration_ms", "error_code", "error_message", "failure_kind", "fingerprint", "retry_provider",
)  # fmt: skip
_LEASE = (
    update(t.analysis)
    .where(_A.id.in_(bindparam("c_ids", expanding=True)), is_status(_A.status, Status.PENDING))
    .values(
        status=target(Status.PENDING, Event.CLAIM),
        lease_token=bindparam("c_minted", type_=_A.lease_token.type) + cast(_A.id, _A.lease_token.type),
        lease_until=bindparam("c_until"),
        worker_id=bindparam("c_worker"),
        started_at=bindparam("c_now"),
        updated_at=bindparam("c_now"),
        version=_A.version + 1,
        **dict.fromkeys(_OF_ITS_LAST_ATTEMPT),
    )
    .returning(_A.id)
)


def renew(session: Session, claims: Sequence[Claim], now: datetime) -> None:
    """Hold these leases for another 30 s from `now`; one that was lost stays lost."""
    rows = [{"r_id": c.analysis_id, "r_token": c.token, "r_until": now + LEASE} for c in claims]
    if rows:
        session.connection().execute(_RENEW, rows)


_RENEW = (
    update(t.analysis)
    .where(
        _A.id == bindparam("r_id"),
        _A.lease_token == bindparam("r_token"),
        is_status(_A.status, Status.RUNNING),
    )
    .values(lease_until=bindparam("r_until"))
)


def _update(session: Session, event: Event, effect: Effect, changes: Sequence[Change]) -> None:
    groups: dict[tuple[Status, bool, tuple[str, ...]], list[dict[str, Any]]] = {}
    for change in changes:
        standing, values = change.standing, _values(change, effect)
        row = {f"v_{name}": value for name, value in values.items()}
        row |= {"u_id": standing.analysis_id, "u_attempt": standing.attempt}
        leased = standing.lease_token is not None
        if leased:
            row["u_token"] = standing.lease_token
        groups.setdefault((standing.status, leased, tuple(values)), []).append(row)
    for (status, leased, columns), rows in groups.items():
        changed: Any = session.connection().execute(_statement(event, status, leased, columns), rows)
        if changed.rowcount != len(rows):
            raise RuntimeError(f"{event.value}: {len(rows)} analyses stood {status.value}, {changed.rowcount} do now")


@cache
def _statement(event: Event, status: Status, leased: bool, columns: tuple[str, ...]) -> Any:
    """Return the conditional UPDATE of an event that comes to analyses at this status."""
    conditions = [
        _A.id == bindparam("u_id"),
        _A.attempt == bindparam("u_attempt"),
        _A.status == literal_column(f"'{status.value}'"),
    ]
    if leased:
        conditions.append(_A.lease_token == bindparam("u_token"))
    values = {name: bindparam(f"v_{name}", type_=_A[name].type) for name in columns}
    constants = {"status": target(status, event), **EFFECTS[event].columns}
    return update(t.analysis).where(*conditions).values(constants | values | {"version": _A.version + 1})


def _values(change: Change, effect: Effect) -> dict[str, Any]:
    values: dict[str, Any] = {"updated_at": change.at}
    if effect.finishes:
        values["finished_at"] = change.at
    if effect.timed and change.standing.status is Status.RUNNING and change.standing.started_at is not None:
        seconds = (change.at - change.standing.started_at).total_seconds()
        values["duration_ms"] = max(0, round(seconds * 1000))
    if effect.shows_failure:
        values |= attempts.failure_columns(change.why)
    if change.next is not None:
        values["attempt"] = change.number
    if change.returns_to is not None:
        values["attempt"] = change.returns_to
    return values | dict(change.columns)


def _handed_on(session: Session, change: Change) -> Change:
    """Archive what the attempt left that another one follows, and say what of the analysis that clears."""
    if change.next is None:
        return change
    standing, resume = change.standing, change.next.mode is Mode.RESUME
    cleared = archives.hand_on(session, standing.analysis_id, standing.attempt, resume=resume)
    return replace(change, columns={**change.columns, **cleared})


def _seen(change: Change, why: Failure, event: Event) -> Seen:
    # Only what an expert ended itself says anything about whom it asked.
    provider = why.provider or (change.standing.provider if event in (Event.FAIL, Event.RETRY) else None)
    return Seen(why.fingerprint, why.code.value, why.message, provider, change.at)


def _log_activity(session: Session, event: Event, changes: Sequence[Change], by: int) -> None:
    coded = event in BY_ITSELF
    session.execute(
        insert(t.activity_log),
        [
            {
                "actor_id": by,
                "at": change.at,
                "subject_type": Subject.ANALYSIS,
                "subject_id": change.standing.analysis_id,
                "attempt": change.standing.attempt if change.next is None else change.number,
                "what": event.value,
                "before": change.standing.status.value,
                "after": target(change.standing.status, event).value,
                "reason": change.logged or change.reason or (change.why.code.value if coded and change.why else None),
            }
            for change in changes
        ],
    )


def _ended(change: Change, event: Event, effect: Effect, outcome: Outcome) -> EndedAttempt:
    why = change.why
    return EndedAttempt(
        **{name: getattr(change.standing, name) for name in COMMON},
        outcome=outcome,
        finished_at=change.at,
        code=why.code.value if why else None,
        kind=why.kind if why else None,
        message=why.message if why else None,
        provider=(why.provider if why else None) or change.standing.provider,
        event=event.value,
        final=effect.finishes,
        reason=change.reason,
    )


def _recovered(session: Session, ended: list[EndedAttempt]) -> list[EndedAttempt]:
    """Say of those that completed after a failure when their analysis first failed."""
    recovered = [one.analysis_id for one in ended if one.outcome is Outcome.COMPLETED and one.after_failed_at]
    if not recovered:
        return ended
    first = {row[0]: row[1] for row in session.execute(_FIRST_FAILED, {"e_ids": recovered})}
    return [replace(one, first_failed_at=first.get(one.analysis_id)) for one in ended]


_FIRST_FAILED = (
    select(_T.analysis_id, func.min(_T.finished_at))
    .where(_T.analysis_id.in_(bindparam("e_ids", expanding=True)), _T.outcome == Outcome.FAILED)
    .group_by(_T.analysis_id)
)
