"""Completion: closes attempts in the tick, either for good or with an automatic retry queued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.attempts.standings import Standing
from ba2_trade_platform.core.attempts.transitions import Change, Transitions, still_leased
from ba2_trade_platform.core.base.actors import SYSTEM, actor_id
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.worker.breaker_ticks import TickBreakers
from ba2_trade_platform.core.worker.buffers import End, WriteBatch
from ba2_trade_platform.core.worker.retries import Failed, Retries
from ba2_trade_platform.vocabulary import Outcome

log = get_logger(__name__)
EndedWrites = Sequence[tuple[WriteBatch, End]]

# Failures first: whether a group has come back is asked before an answer to it is closed.
EVENTS = {Outcome.FAILED: Event.FAIL, Outcome.SKIPPED: Event.SKIP, Outcome.COMPLETED: Event.SUCCEED}


@dataclass(frozen=True)
class Closer:
    """What closing an attempt takes besides the database: the transitions, who retries, and who watches providers."""

    transitions: Transitions
    retries: Retries
    breakers: TickBreakers


def close(transaction: Transaction, ended: EndedWrites, closer: Closer, now: datetime) -> int:
    """Close these attempts; return how many came too late and changed nothing.

    What failed and may be retried goes back into the queue with its next attempt instead of ending failed.
    """
    if not ended:
        return 0
    session = transaction.session
    leased = still_leased(session, [write_batch.claim for write_batch, _ in ended])
    timely = [(write_batch, end) for write_batch, end in ended if write_batch.claim.token in leased]
    if not timely:
        return len(ended)
    failed = closer.retries.failed(session, timely)
    scheduled = closer.retries.schedule(session, failed, now)
    by = actor_id(session, SYSTEM)
    retried = [closer.retries.change(each, scheduled[each.token], by) for each in failed if each.token in scheduled]
    closer.transitions.apply(transaction, Event.RETRY, retried, by=by)
    for outcome, event in EVENTS.items():
        changes = [
            _change(write_batch, end)
            for write_batch, end in timely
            if end.outcome is outcome and write_batch.claim.token not in scheduled
        ]
        closer.transitions.apply(transaction, event, changes, by=by)
    closer.breakers.open_for(transaction, failed, now)
    for each in failed:
        if each.token not in scheduled:
            _log_failure(each)
    return len(ended) - len(timely)


def _change(write_batch: WriteBatch, end: End) -> Change:
    verdict = end.verdict
    columns: dict[str, Any] = {
        "result_action": verdict.action if verdict else None,
        "result_confidence": verdict.confidence if verdict else None,
        "result_expected_profit": verdict.expected_profit_percent if verdict else None,
    }
    progress = 100 if end.outcome is Outcome.COMPLETED else write_batch.progress
    if progress is not None:
        columns["progress"] = progress
    return Change(Standing.of(write_batch.claim), end.at, end.failure, columns=columns)


def _log_failure(each: Failed) -> None:
    log.warning(
        "Analysis %s: running -> failed (%s: %s)",
        each.row.id,
        each.why.code,
        each.why.message,
        analysis=each.row.id,
        code=each.why.code.value,
        kind=each.why.kind.value,
    )
