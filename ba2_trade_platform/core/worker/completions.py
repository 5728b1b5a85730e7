"""Completion: closes attempts in the tick, either for good or with an automatic retry queued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ba2_trade_platform.core.attempts.attempts import Change, Standing
from ba2_trade_platform.core.attempts.lifecycle import Event
from ba2_trade_platform.core.attempts.transitions import Transitions, still_leased
from ba2_trade_platform.core.base.actors import SYSTEM, actor_id
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.worker.breaker_ticks import TickBreakers
from ba2_trade_platform.core.worker.buffers import End, WriteBatch
from ba2_trade_platform.core.worker.retries import Retries, failed_among
from ba2_trade_platform.vocabulary import Outcome

log = get_logger(__name__)
# Failures first: whether a group has come back is asked before an answer to it is closed.
EVENTS = {Outcome.FAILED: Event.FAIL, Outcome.SKIPPED: Event.SKIP, Outcome.COMPLETED: Event.SUCCEED}


@dataclass(frozen=True)
class Closer:
    """Closes attempts, with what that takes besides the database: who retries, and who watches providers."""

    transitions: Transitions
    retries: Retries
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
        failed, by = failed_among(session, timely), actor_id(session, SYSTEM)
        retried = self.retries.changes(session, failed, now, by)
        self.transitions.apply(transaction, Event.RETRY, list(retried.values()), by=by)
        for outcome, event in EVENTS.items():
            changes = [
                _change(batch, end)
                for batch, end in timely
                if end.outcome is outcome and batch.claim.token not in retried
            ]
            self.transitions.apply(transaction, event, changes, by=by)
        self.breakers.open_for(transaction, failed, now)
        for each in failed:
            if each.token not in retried:
                analysis_id, why = each.row.id, each.why
                log.warning(
                    "Analysis %s: running -> failed (%s: %s)", analysis_id, why.code, why.message,
                    analysis=analysis_id, code=why.code.value, kind=why.kind.value,
                )  # fmt: skip
        return len(ended) - len(timely)


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
