"""Decides which failed attempts are retried by themselves and when, and queues their next attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session
from tenacity import RetryCallState, Retrying, wait_random_exponential

from ba2_trade_platform.core.attempts import archives, attempts
from ba2_trade_platform.core.attempts.attempts import Opening
from ba2_trade_platform.core.attempts.lifecycle import Event, after
from ba2_trade_platform.core.base.actors import SYSTEM, actor_id, note
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.contracts.queue import Abilities
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.core.failures.groups import Seen
from ba2_trade_platform.core.worker.buffers import End, Sheet
from ba2_trade_platform.core.worker.fencing import HELD, fence
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import FailureKind, Mode, Outcome, Status, Trigger

log = get_logger(__name__)
_A, _I, _G = t.analysis.c, t.expert_instance.c, t.failure_group.c
_ROWS = (
    select(
        _A.id, _A.lease_token, _A.attempt, _A.symbol, _A.retries_used, _A.run_before, _A.config_id,
        _I.max_retries, _I.retry_base_seconds, _I.retry_cap_seconds,
    )
    .join(t.expert_instance, _I.id == _A.expert_instance_id)
    .where(_A.lease_token.in_(bindparam("h_tokens", expanding=True)), _A.status == Status.RUNNING)
)  # fmt: skip
_OVERRIDES = select(_G.fingerprint, _G.kind).where(
    _G.kind.is_not(None), _G.fingerprint.in_(bindparam("h_fingerprints", expanding=True))
)


@dataclass(frozen=True)
class Failed:
    """An attempt that failed while its lease was held: nobody else has ended it."""

    sheet: Sheet
    why: Failure
    row: Any
    at: datetime

    @property
    def seen(self) -> Seen:
        """What the group of its like has to know."""
        return Seen(self.why.fingerprint, self.why.code.value, self.why.message, self.provider, self.at)

    @property
    def token(self) -> str:
        """The lease's token."""
        return self.sheet.claim.token

    @property
    def provider(self) -> str | None:
        """Who failed: whom the expert named, else whom it asks first."""
        return self.why.provider or next(iter(self.sheet.claim.providers), None)


@dataclass(frozen=True)
class Scheduled:
    """A retry that is to come: when, how, and which of how many."""

    available_at: datetime
    mode: Mode
    number: int
    of: int


def back_off(retries_used: int, base: float, cap: float, retry_after: float | None = None) -> float:
    """Return how many seconds to wait before the next retry.

    Full jitter: uniform between 0 and min(cap, base * 2^retries_used), so that equal failures do not come back all at
    once (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A provider that named a time is
    never asked before it, only up to `base` seconds later.
    """
    if retry_after is not None:
        return retry_after + uniform(0, base)  # noqa: S311 - jitter is no secret
    call = RetryCallState(Retrying(), None, (), {})
    call.attempt_number = retries_used + 1
    return float(wait_random_exponential(multiplier=base, max=cap)(call))


def held(session: Session, ended: Sequence[tuple[Sheet, End]]) -> list[Failed]:
    """Return the failed ones among these attempts whose lease is still held, with what their rows say of retries."""
    failed = [(sheet, end.failure, end.at) for sheet, end in ended if end.failure and end.outcome is Outcome.FAILED]
    if not failed:
        return []
    rows = session.execute(_ROWS, {"h_tokens": [sheet.claim.token for sheet, _, _ in failed]})
    by_token = {row.lease_token: row for row in rows}
    return [
        Failed(sheet, why, by_token[sheet.claim.token], at)
        for sheet, why, at in failed
        if sheet.claim.token in by_token and by_token[sheet.claim.token].attempt == sheet.claim.attempt
    ]


class Retries:
    """The queue's automatic retries."""

    def __init__(self, abilities: Abilities) -> None:
        self._abilities = abilities

    def schedule(self, session: Session, failed: Sequence[Failed], now: datetime) -> dict[str, Scheduled]:
        """Return which of these are to be retried, by token: transient, retries left, in time, safe to repeat."""
        if not failed:
            return {}
        asked = {"h_fingerprints": [each.why.fingerprint for each in failed]}
        kinds = {row.fingerprint: row.kind for row in session.execute(_OVERRIDES, asked)}
        scheduled = {}
        for each in failed:
            kind = kinds.get(each.why.fingerprint, each.why.kind)
            if kind is FailureKind.TRANSIENT and (found := self._scheduled(each, now)) is not None:
                scheduled[each.token] = found
        return scheduled

    def _scheduled(self, each: Failed, now: datetime) -> Scheduled | None:
        row, claim = each.row, each.sheet.claim
        if row.retries_used >= row.max_retries:
            return None
        ability = self._abilities(claim.expert, claim.settings, claim.subtype)
        if not ability.safe_to_repeat:
            return None
        seconds = back_off(row.retries_used, row.retry_base_seconds, row.retry_cap_seconds, each.why.retry_after)
        try:
            due = now + timedelta(seconds=seconds)
        except OverflowError:  # a provider that asks for a thousand years
            return None
        if row.run_before is not None and due >= row.run_before:
            return None
        mode = Mode.RESUME if ability.can_resume else Mode.FRESH
        return Scheduled(due, mode, row.retries_used + 1, row.max_retries)

    def queue(self, session: Session, each: Failed, plan: Scheduled, now: datetime) -> None:
        """Keep what the failed attempt left, and queue the next one for its time; the failure stays on the row."""
        row, why, number = each.row, each.why, each.row.attempt + 1
        cleared = archives.hand_on(session, row.id, row.attempt, resume=plan.mode is Mode.RESUME)
        session.execute(
            update(t.analysis)
            .where(HELD)
            .values(
                status=after(Status.RUNNING, Event.RETRY),
                attempt=number,
                retries_used=plan.number,
                available_at=plan.available_at,
                retry_provider=each.provider,
                started_at=None,
                current_step=None,
                lease_token=None,
                lease_until=None,
                worker_id=None,
                error_code=why.code.value,
                error_message=why.message,
                failure_kind=why.kind,
                fingerprint=why.fingerprint,
                updated_at=now,
                version=_A.version + 1,
                **cleared,
            ),
            fence(each.sheet),
        )
        by = actor_id(session, SYSTEM)
        reason = f"retry {plan.number}/{plan.of} after {why.code.value}"
        opening = Opening(Trigger.RETRY, plan.mode, by, row.config_id, reason)
        attempts.open_attempt(session, row.id, number, opening, now)
        note(
            session, by, now, "retry", subject_id=row.id, attempt=number,
            before="running", after="pending", reason=reason,
        )  # fmt: skip
        seconds = max(0.0, (plan.available_at - now).total_seconds())
        log.warning(
            "Analysis %s: running -> pending (%s, in %.1f s: %s)",
            row.id,
            reason,
            seconds,
            why.message,
            analysis=row.id,
            code=why.code.value,
            retry_in_seconds=round(seconds, 1),
        )
