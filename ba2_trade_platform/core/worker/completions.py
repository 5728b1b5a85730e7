"""Completion: closes attempts in the tick, either for good or with an automatic retry queued (docs/decisions/0006).

A retry is decided by code and back-off, and puts the same row back to pending.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from tenacity import RetryCallState, Retrying, wait_random_exponential

from ba2_trade_platform.core.attempts.attempts import Change, Opening, Standing
from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.attempts.transitions import Transitions, still_leased
from ba2_trade_platform.core.base.actors import SYSTEM, actor_id
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import Abilities, Claim
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.core.worker.breaker_ticks import TickBreakers
from ba2_trade_platform.core.worker.buffers import End, WriteBatch
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.vocabulary import FailureKind, Mode, Outcome, Trigger

log = get_logger(__name__)
# Failures first: whether a group has come back is asked before an answer to it is closed.
EVENTS = {Outcome.FAILED: Event.FAIL, Outcome.SKIPPED: Event.SKIP, Outcome.COMPLETED: Event.SUCCEED}
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
    """An attempt that failed while its lease was held: nobody else has ended it; `row` is what its retry goes by."""

    claim: Claim
    why: Failure
    at: datetime
    row: AnyRow

    @property
    def provider(self) -> str | None:
        """Who failed: whom the expert named, else whom it asks first."""
        return self.why.provider or next(iter(self.claim.providers), None)


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


@dataclass(frozen=True)
class Closer:
    """Closes attempts, with what that takes besides the database: what experts can do, and who watches providers."""

    transitions: Transitions
    abilities: Abilities
    breakers: TickBreakers

    def close(self, transaction: Transaction, ended: Sequence[tuple[WriteBatch, End]], now: datetime) -> int:
        """Close these attempts; return how many came too late and changed nothing.

        What failed and may be retried goes back into the queue with its next attempt instead of ending failed.
        """
        session = transaction.session
        leased = still_leased(session, [batch.claim for batch, _ in ended])
        timely = [(batch, end) for batch, end in ended if batch.claim.token in leased]
        if not timely:
            return len(ended)
        failed, by = _failed(session, timely), actor_id(session, SYSTEM)
        retried = self._retried(session, failed, now, by)
        self.transitions.apply(transaction, Event.RETRY, list(retried.values()), by=by)
        for outcome, event in EVENTS.items():
            changes = [
                _change(batch, end)
                for batch, end in timely
                if end.outcome is outcome and batch.claim.token not in retried
            ]
            self.transitions.apply(transaction, event, changes, by=by)
        if failed:
            self.breakers.open_for(transaction, [(each.provider, each.why) for each in failed], now)
        for each in failed:
            if each.claim.token not in retried:
                analysis_id, why = each.row.id, each.why
                log.warning(
                    "Analysis %s: running -> failed (%s: %s)", analysis_id, why.code, why.message,
                    analysis=analysis_id, code=why.code.value, kind=why.kind.value,
                )  # fmt: skip
        return len(ended) - len(timely)

    def _retried(self, session: Session, failed: Sequence[Failed], now: datetime, by: int) -> dict[str, Change]:
        """Return the transitions that queue the next attempts of those that are to be retried, by their tokens."""
        if not failed:
            return {}
        asked = {"h_fingerprints": [each.why.fingerprint for each in failed]}
        kinds = {row.fingerprint: row.kind for row in session.execute(_OVERRIDES, asked)}
        return {
            each.claim.token: change
            for each in failed
            if kinds.get(each.why.fingerprint, each.why.kind) is FailureKind.TRANSIENT
            and (change := self._retry(each, now, by)) is not None
        }

    def _retry(self, each: Failed, now: datetime, by: int) -> Change | None:
        """Queue the next attempt when retries are left, it may be repeated, and its time is not too late."""
        row, claim, why = each.row, each.claim, each.why
        if row.retries_used >= row.max_retries:
            return None
        ability = self.abilities(claim.expert, claim.settings, claim.subtype)
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


def _failed(session: Session, ended: Sequence[tuple[WriteBatch, End]]) -> list[Failed]:
    failed = [
        (batch.claim, end.failure, end.at) for batch, end in ended if end.failure and end.outcome is Outcome.FAILED
    ]
    if not failed:
        return []
    rows = {row.id: row for row in session.execute(_ROWS, {"h_ids": [claim.analysis_id for claim, _, _ in failed]})}
    return [Failed(claim, why, at, rows[claim.analysis_id]) for claim, why, at in failed]


def _change(batch: WriteBatch, end: End) -> Change:
    verdict = end.verdict
    columns: dict[str, Any] = {
        "result_action": verdict.action if verdict else None,
        "result_confidence": verdict.confidence if verdict else None,
        "result_expected_profit": verdict.expected_profit_percent if verdict else None,
    }
    progress = 100 if end.outcome is Outcome.COMPLETED else batch.progress
    if progress is not None:
        columns["progress"] = progress
    return Change(Standing.of(batch.claim), end.at, end.failure, columns=columns)
