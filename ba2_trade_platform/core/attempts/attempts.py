"""Opens and closes attempts, in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

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
    """The attempt that is to begin: why, how, on whose wish and with which settings."""

    trigger: Trigger
    mode: Mode
    actor_id: int
    config_id: int | None
    reason: str | None = None
    step: str | None = None
    providers: ProviderChoice = NO_CHOICE
    batch_id: int | None = None
    acknowledged: Json | None = None


def open_attempt(session: Session, analysis_id: int, number: int, opening: Opening, at: datetime) -> None:
    """Insert attempt `number`; unless it begins fresh it goes on from its predecessor's base and as_of.

    It keeps which failure it answers: its predecessor's, or, when the console only stopped in between, the same.
    """
    base, as_of, answers = number, None, {}
    choice, batch_id = opening.providers.stored(), opening.batch_id
    if opening.trigger is not Trigger.FIRST:
        previous = session.execute(_PREVIOUS, {"p_analysis_id": analysis_id, "p_number": number - 1}).one()
        if opening.mode is not Mode.FRESH or opening.trigger in (*_HANDED_BACK, Trigger.RETRY):
            as_of = previous.effective_as_of
            base = number if opening.mode is Mode.FRESH else previous.base_attempt
        if opening.trigger in (*_HANDED_BACK, Trigger.RETRY):
            choice, batch_id = previous.provider_choice, previous.batch_id
        answers = _answers(previous, opening.trigger)
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


def close_attempt(
    session: Session, analysis_id: int, number: int, outcome: Outcome, at: datetime, failed: Failure | None = None
) -> None:
    """End an attempt that is still open with what it took, and what of its steps is still running."""
    session.execute(
        update(t.attempt)
        .where(t.attempt.c.analysis_id == analysis_id, t.attempt.c.number == number, t.attempt.c.outcome.is_(None))
        .values(
            outcome=outcome,
            finished_at=at,
            error_code=failed.code if failed else None,
            error_message=failed.message if failed else None,
            failure_kind=failed.kind if failed else None,
            fingerprint=failed.fingerprint if failed else None,
        )
    )
    add_up(session, (analysis_id, number))
    s = t.step.c
    session.execute(
        update(t.step)
        .where(s.analysis_id == analysis_id, s.attempt == number, s.status == StepStatus.RUNNING)
        .values(status=StepStatus.FAILED, finished_at=at, error_message=failed.message if failed else outcome.value)
    )
