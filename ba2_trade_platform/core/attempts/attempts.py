"""Attempts: opened and closed in the caller's transaction, so that each execution of an analysis has its row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts import archives
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.contracts.queue import NO_CHOICE, Claim, ProviderChoice
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.core.models.attempt_costs import add_up
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.types import Json
from ba2_trade_platform.vocabulary import Mode, Outcome, Status, StepStatus, Subtype, Trigger

_HANDED_BACK = (Trigger.RESCUE, Trigger.RELEASE)
_A, _T = t.analysis.c, t.attempt.c
_PREVIOUS = select(
    _T.base_attempt, _T.effective_as_of, _T.fingerprint, _T.error_code, _T.finished_at,
    _T.after_fingerprint, _T.after_code, _T.after_failed_at, _T.provider_choice, _T.batch_id,
).where(_T.analysis_id == bindparam("p_analysis_id"), _T.number == bindparam("p_number"))  # fmt: skip
_SAID_BY_THE_EVENT = frozenset({"status", "attempt", "lease_token", "lease_until"})
_OUTCOME_COLUMNS = ("outcome", "finished_at", "error_code", "error_message", "failure_kind", "fingerprint")
# What an attempt answers: its predecessor's failure, or, when the console only stopped in between, the same as that.
_ANSWERS = {"after_fingerprint": "fingerprint", "after_code": "error_code", "after_failed_at": "finished_at"}
# What a claim, a standing and an attempt that ended all say of it, by the same names.
COMMON = (
    "analysis_id", "attempt", "expert_instance_id", "symbol", "subtype", "trigger", "mode", "started_at", "after_code",
    "after_failed_at",
)  # fmt: skip


@dataclass(frozen=True)
class Opening:
    """The attempt that is to begin: why, how, at whose request and with which settings."""

    trigger: Trigger
    mode: Mode
    actor_id: int
    config_id: int | None
    reason: str | None = None
    step: str | None = None
    providers: ProviderChoice = NO_CHOICE
    batch_id: int | None = None
    acknowledged: Json | None = None


@dataclass(frozen=True)
class Standing:
    """One analysis as it stands in this transaction, and the newest of its attempts."""

    analysis_id: int
    attempt: int
    status: Status
    expert_instance_id: int
    symbol: str
    subtype: Subtype
    trigger: Trigger
    mode: Mode
    lease_token: str | None = None
    started_at: datetime | None = None
    provider: str | None = None
    after_code: str | None = None
    after_failed_at: datetime | None = None

    @classmethod
    def of(cls, claim: Claim) -> Standing:
        """Return what a worker holds, as it stands while its lease does."""
        common = {name: getattr(claim, name) for name in COMMON}
        provider = next(iter(claim.providers), None)
        return cls(**common, status=Status.RUNNING, lease_token=claim.token, provider=provider)


def standings(session: Session, analysis_ids: Sequence[int]) -> dict[int, Standing]:
    """Return how these analyses stand, by id; those that are not there are left out."""
    rows = session.execute(_STANDINGS, {"s_ids": list(analysis_ids)})
    return {row.analysis_id: Standing(**row._mapping) for row in rows}  # noqa: SLF001 - SQLAlchemy's public name


_STANDINGS = (
    select(
        _A.id.label("analysis_id"), _A.attempt, _A.status, _A.expert_instance_id, _A.symbol, _A.subtype,
        _T.trigger, _T.mode, _A.lease_token, _A.started_at, _T.provider, _T.after_code, _T.after_failed_at,
    )
    .join(t.attempt, (_T.analysis_id == _A.id) & (_T.number == _A.attempt))
    .where(_A.id.in_(bindparam("s_ids", expanding=True)))
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """What comes to one analysis: when, why, and what only this one is set to.

    `why` is the failure that its attempt ends with, `reason` a person's or the batch's words, `logged` the same for the
    activity log where it says more, `next` the attempt that follows at once, `next_number` its number where that is
    not the next one, `returns_to` the number of an ended attempt that is the present one again. Status, attempt and
    lease are none of `columns`: the event says them. Raises ValueError if they are.
    """

    standing: Standing
    at: datetime
    why: Failure | None = None
    reason: str | None = None
    logged: str | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    next: Opening | None = None
    next_number: int | None = None
    returns_to: int | None = None

    def __post_init__(self) -> None:
        if not _SAID_BY_THE_EVENT.isdisjoint(self.columns):
            raise ValueError(f"{', '.join(sorted(_SAID_BY_THE_EVENT & set(self.columns)))}: the event says that")
        object.__setattr__(self, "reason", clean_reason(self.reason))

    @property
    def number(self) -> int:
        """The number of the attempt that follows at once."""
        return self.next_number or self.standing.attempt + 1


def open_attempt(
    session: Session, analysis_id: int, number: int, opening: Opening, at: datetime, previous: int = 0
) -> None:
    """Insert attempt `number`; unless it begins fresh it goes on from the base and as_of of its predecessor `previous`.

    It keeps which failure it answers: its predecessor's, or, when the console only stopped in between, the same.
    """
    values = {name: value for name, value in vars(opening).items() if name != "providers"} | {
        "analysis_id": analysis_id, "number": number, "queued_at": at, "base_attempt": number, "effective_as_of": None,
        "provider_choice": opening.providers.stored(),
    }  # fmt: skip
    if opening.trigger is not Trigger.FIRST:
        before = session.execute(_PREVIOUS, {"p_analysis_id": analysis_id, "p_number": previous}).one()
        handed_back = opening.trigger in _HANDED_BACK
        by_itself = handed_back or opening.trigger is Trigger.RETRY
        if opening.mode is not Mode.FRESH:
            values["base_attempt"] = before.base_attempt
        if opening.mode is not Mode.FRESH or by_itself:
            values["effective_as_of"] = before.effective_as_of
        if by_itself:
            values |= {"provider_choice": before.provider_choice, "batch_id": before.batch_id}
        values |= {name: getattr(before, name if handed_back else own) for name, own in _ANSWERS.items()}
    session.execute(insert(t.attempt).values(values))


def newest_number(session: Session, analysis_id: int) -> int:
    """Return the highest number of an analysis' attempts; a re-run that was withdrawn has kept its own."""
    return int(session.scalar(select(func.max(_T.number)).where(_T.analysis_id == analysis_id)) or 0)


_CLOSE = (
    update(t.attempt)
    .where(_T.analysis_id == bindparam("c_id"), _T.number == bindparam("c_number"), _T.outcome.is_(None))
    .values({name: bindparam(f"v_{name}", type_=_T[name].type) for name in _OUTCOME_COLUMNS})
    .values(provider=func.coalesce(bindparam("v_provider", type_=_T.provider.type), _T.provider))
)
# No step goes on without its attempt; in one that completed there is none.
_CLOSE_STEPS = (
    update(t.step)
    .where(
        t.step.c.analysis_id == bindparam("c_id"),
        t.step.c.attempt == bindparam("c_number"),
        t.step.c.status == StepStatus.RUNNING,
    )
    .values(
        status=StepStatus.FAILED,
        finished_at=bindparam("v_finished_at", type_=t.step.c.finished_at.type),
        error_message=bindparam("v_error_message"),
    )
)


def close(session: Session, changes: Sequence[Change], outcome: Outcome) -> None:
    """End attempts that are still open with what they took, and what of their steps is still running."""
    ends, unfinished, tracebacks = [], [], {}
    for change in changes:
        key, why = (change.standing.analysis_id, change.standing.attempt), change.why
        end = {"c_id": key[0], "c_number": key[1], "v_finished_at": change.at}
        failure = {f"v_{name}": value for name, value in failure_columns(why).items()}
        ends.append({**end, "v_outcome": outcome, "v_provider": why.provider if why else None, **failure})
        unfinished.append({**end, "v_error_message": why.message if why else outcome.value})
        if why is not None and why.traceback:
            tracebacks[key] = why.traceback
    connection = session.connection()
    connection.execute(_CLOSE, ends)
    add_up(session, *((change.standing.analysis_id, change.standing.attempt) for change in changes))
    if outcome is not Outcome.COMPLETED:
        connection.execute(_CLOSE_STEPS, unfinished)
    archives.keep_tracebacks(session, tracebacks)


def failure_columns(why: Failure | None) -> dict[str, Any]:
    """Return the columns by which analyses and attempts both show a failure, empty without one."""
    return {
        "error_code": why.code.value if why else None,
        "error_message": why.message if why else None,
        "failure_kind": why.kind if why else None,
        "fingerprint": why.fingerprint if why else None,
    }
