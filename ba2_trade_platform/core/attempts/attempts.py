"""Attempts: opened and closed in the caller's transaction, so that each execution of an analysis has its row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts import archives
from ba2_trade_platform.core.contracts.provider_choice import NO_CHOICE, ProviderChoice
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.core.models.attempt_costs import add_up
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.types import Json
from ba2_trade_platform.vocabulary import Mode, Outcome, StepStatus, Trigger

_HANDED_BACK = (Trigger.RESCUE, Trigger.RELEASE)
_T = t.attempt.c
_PREVIOUS = select(
    _T.base_attempt, _T.effective_as_of, _T.fingerprint, _T.error_code, _T.finished_at,
    _T.after_fingerprint, _T.after_code, _T.after_failed_at, _T.provider_choice, _T.batch_id,
).where(_T.analysis_id == bindparam("p_analysis_id"), _T.number == bindparam("p_number"))  # fmt: skip


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


def open_attempt(
    session: Session, analysis_id: int, number: int, opening: Opening, at: datetime, previous: int | None = None
) -> None:
    """Insert attempt `number`; unless it begins fresh it goes on from its predecessor's base and as_of.

    It keeps which failure it answers: its predecessor's, or, when the console only stopped in between, the same. The
    predecessor is `previous`, without one the attempt before.
    """
    base, as_of, answers = number, None, {}
    choice, batch_id = opening.providers.stored(), opening.batch_id
    if opening.trigger is not Trigger.FIRST:
        before = number - 1 if previous is None else previous
        answered = session.execute(_PREVIOUS, {"p_analysis_id": analysis_id, "p_number": before}).one()
        if opening.mode is not Mode.FRESH or opening.trigger in (*_HANDED_BACK, Trigger.RETRY):
            as_of = answered.effective_as_of
            base = number if opening.mode is Mode.FRESH else answered.base_attempt
        if opening.trigger in (*_HANDED_BACK, Trigger.RETRY):
            choice, batch_id = answered.provider_choice, answered.batch_id
        answers = _answers(answered, opening.trigger)
    session.execute(
        insert(t.attempt).values(
            analysis_id=analysis_id,
            number=number,
            trigger=opening.trigger,
            mode=opening.mode,
            base_attempt=base,
            actor_id=opening.actor_id,
            reason=opening.reason,
            queued_at=at,
            effective_as_of=as_of,
            config_id=opening.config_id,
            step=opening.step,
            provider_choice=choice,
            batch_id=batch_id,
            acknowledged=opening.acknowledged,
            **answers,
        )
    )


def newest_number(session: Session, analysis_id: int) -> int:
    """Return the highest number of an analysis' attempts; a re-run that was withdrawn has kept its own."""
    return int(session.scalar(select(func.max(_T.number)).where(_T.analysis_id == analysis_id)) or 0)


def _answers(previous: Any, trigger: Trigger) -> dict[str, Any]:
    if trigger in _HANDED_BACK:
        return {
            "after_fingerprint": previous.after_fingerprint,
            "after_code": previous.after_code,
            "after_failed_at": previous.after_failed_at,
        }
    return {
        "after_fingerprint": previous.fingerprint,
        "after_code": previous.error_code,
        "after_failed_at": previous.finished_at,
    }


@dataclass(frozen=True)
class Closing:
    """The end of one attempt: how, when, and with which failure."""

    analysis_id: int
    number: int
    outcome: Outcome
    at: datetime
    why: Failure | None = None


_CLOSE = (
    update(t.attempt)
    .where(_T.analysis_id == bindparam("c_id"), _T.number == bindparam("c_number"), _T.outcome.is_(None))
    .values({
        name: bindparam(f"v_{name}", type_=_T[name].type)
        for name in ("outcome", "finished_at", "error_code", "error_message", "failure_kind", "fingerprint")
    } | {"provider": func.coalesce(bindparam("v_provider", type_=_T.provider.type), _T.provider)})
)  # fmt: skip
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


def close(session: Session, closings: Sequence[Closing]) -> None:
    """End attempts that are still open with what they took, and what of their steps is still running."""
    keys = [{"c_id": each.analysis_id, "c_number": each.number} for each in closings]
    ends = [
        {
            **key,
            "v_outcome": each.outcome,
            "v_finished_at": each.at,
            "v_provider": each.why.provider if each.why else None,
            **{f"v_{name}": value for name, value in failure_columns(each.why).items()},
        }
        for key, each in zip(keys, closings, strict=True)
    ]
    connection = session.connection()
    connection.execute(_CLOSE, ends)
    add_up(session, *((each.analysis_id, each.number) for each in closings))
    unfinished = [
        {**key, "v_finished_at": each.at, "v_error_message": each.why.message if each.why else each.outcome.value}
        for key, each in zip(keys, closings, strict=True)
        if each.outcome is not Outcome.COMPLETED
    ]
    if unfinished:
        connection.execute(_CLOSE_STEPS, unfinished)
    archives.keep_tracebacks(
        session,
        {
            (each.analysis_id, each.number): each.why.traceback
            for each in closings
            if each.why is not None and each.why.traceback
        },
    )


def failure_columns(why: Failure | None) -> dict[str, Any]:
    """Return the columns by which analyses and attempts both show a failure, empty without one."""
    return {
        "error_code": why.code.value if why else None,
        "error_message": why.message if why else None,
        "failure_kind": why.kind if why else None,
        "fingerprint": why.fingerprint if why else None,
    }
