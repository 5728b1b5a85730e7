"""Automatic retry: decides by code and back-off, and puts the same row back to pending (docs/decisions/0006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from tenacity import RetryCallState, Retrying, wait_random_exponential

from ba2_trade_platform.core.attempts.attempts import Change, Opening, Standing
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.contracts.queue import Abilities
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.core.worker.buffers import End, WriteBatch
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.vocabulary import FailureKind, Mode, Outcome, Trigger

log = get_logger(__name__)
_A, _I, _G = t.analysis.c, t.expert_instance.c, t.failure_group.c
_ROWS = (
    select(
        _A.id, _A.retries_used, _A.run_before, _A.config_id,
        _I.max_retries, _I.retry_base_seconds, _I.retry_cap_seconds,
    )
    .join(t.expert_instance, _I.id == _A.expert_instance_id)
    .where(_A.id.in_(bindparam("h_ids", expanding=True)))
)  # fmt: skip
_OVERRIDES = select(_G.fingerprint, _G.kind).where(
    _G.kind.is_not(None), _G.fingerprint.in_(bindparam("h_fingerprints", expanding=True))
)


@dataclass(frozen=True)
class Failed:
    """An attempt that failed while its lease was held: nobody else has ended it."""

    write_batch: WriteBatch
    why: Failure
    row: AnyRow
    at: datetime

    @property
    def token(self) -> str:
        """The lease's token."""
        return self.write_batch.claim.token

    @property
    def provider(self) -> str | None:
        """Who failed: whom the expert named, else whom it asks first."""
        return self.why.provider or next(iter(self.write_batch.claim.providers), None)


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


def failed_among(session: Session, ended: Sequence[tuple[WriteBatch, End]]) -> list[Failed]:
    """Return the failed ones among these attempts, whose leases are held, with what their rows say of retries."""
    failed = [(batch, end.failure, end.at) for batch, end in ended if end.failure and end.outcome is Outcome.FAILED]
    if not failed:
        return []
    rows = session.execute(_ROWS, {"h_ids": [batch.claim.analysis_id for batch, _, _ in failed]})
    by_id = {row.id: row for row in rows}
    return [Failed(batch, why, by_id[batch.claim.analysis_id], at) for batch, why, at in failed]


class Retries:
    """The queue's automatic retries."""

    def __init__(self, abilities: Abilities) -> None:
        self._abilities = abilities

    def changes(self, session: Session, failed: Sequence[Failed], now: datetime, by: int) -> dict[str, Change]:
        """Return the transitions that queue the next attempts of those of these that are to be retried, by token.

        They are transient, have retries left, end in time and are safe to repeat.
        """
        if not failed:
            return {}
        asked = {"h_fingerprints": [each.why.fingerprint for each in failed]}
        kinds = {row.fingerprint: row.kind for row in session.execute(_OVERRIDES, asked)}
        return {
            each.token: change
            for each in failed
            if kinds.get(each.why.fingerprint, each.why.kind) is FailureKind.TRANSIENT
            and (change := self._change(each, now, by)) is not None
        }

    def _change(self, each: Failed, now: datetime, by: int) -> Change | None:
        row, claim, why = each.row, each.write_batch.claim, each.why
        if row.retries_used >= row.max_retries:
            return None
        ability = self._abilities(claim.expert, claim.settings, claim.subtype)
        if not ability.safe_to_repeat:
            return None
        seconds = back_off(row.retries_used, row.retry_base_seconds, row.retry_cap_seconds, why.retry_after)
        try:
            due = now + timedelta(seconds=seconds)
        except OverflowError:  # a provider that asks for a thousand years
            return None
        if row.run_before is not None and due >= row.run_before:
            return None
        number = row.retries_used + 1
        reason = f"retry {number}/{row.max_retries} after {why.code.value}"
        wait = max(0.0, (due - each.at).total_seconds())
        log.warning(
            "Analysis %s: running -> pending (%s, in %.1f s: %s)", row.id, reason, wait, why.message,
            analysis=row.id, code=why.code.value, retry_in_seconds=round(wait, 1),
        )  # fmt: skip
        columns = {"retries_used": number, "available_at": due, "retry_provider": each.provider}
        opening = Opening(Trigger.RETRY, Mode.RESUME if ability.can_resume else Mode.FRESH, by, row.config_id, reason)
        return Change(Standing.of(claim), each.at, why, reason=reason, columns=columns, next=opening)
