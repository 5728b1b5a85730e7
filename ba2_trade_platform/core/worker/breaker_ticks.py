"""Circuit breaker tick: opens after repeated failures, probes with one retry and drains the rest.

Decision record: docs/decisions/0007.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, literal_column, select, update

from ba2_trade_platform.core.base.audit import Action
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.failures.breaker_states import (
    INCIDENTS,
    NOT_CLOSED,
    BreakerPolicy,
    Incident,
    close_breaker,
    drain,
    log,
    log_breaker,
    record_open,
    set_breaker,
)
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import BreakerState, ErrorCode, FailureKind, Outcome, Status

_A = t.analysis.c
_B = t.breaker.c
_T = t.attempt.c
SLICE = 100
# With one of these the provider has answered: it is there, whatever it thinks of the question.
ANSWERED = frozenset(
    {
        ErrorCode.AUTH,
        ErrorCode.PERMISSION,
        ErrorCode.MODEL_NOT_FOUND,
        ErrorCode.BAD_REQUEST,
        ErrorCode.CONTEXT_OVERFLOW,
        ErrorCode.OUTPUT_INVALID,
    }
)
# These are this console's own troubles, whomever the expert was about to ask.
OUR_OWN = frozenset({ErrorCode.INTERRUPTED, ErrorCode.MEMORY_STORE})
CATCH_UP = timedelta(seconds=2)
_ACTIVE = INCIDENTS.select().where(NOT_CLOSED)
DUE = select(_B.id).where(NOT_CLOSED).exists()
_RECENT = select(func.count()).select_from(
    select(_T.id)
    .where(
        _T.provider == bindparam("b_provider"),
        _T.error_code == bindparam("b_code"),
        _T.finished_at > bindparam("b_since"),
    )
    .limit(bindparam("b_limit"))
    .subquery()
)
_NEWEST = INCIDENTS.select().where(_B.provider == bindparam("b_provider")).order_by(_B.id.desc()).limit(1)
_WAITING = (
    select(_A.id, _A.attempt, _A.available_at)
    .where(
        is_status(_A.status, Status.PENDING),
        literal_column("NOT market_analysis.held"),  # its batch is paused: nobody would claim it
        _A.retry_provider == bindparam("b_provider"),
    )
    .limit(bindparam("b_limit"))
)
_NEXT_WAITING = _WAITING.order_by(_A.priority, _A.available_at, _A.id)
_FIRST_DUE = _WAITING.order_by(_A.available_at, _A.priority, _A.id)
_PROBED = (
    select(_T.outcome, _T.started_at, _T.failure_kind, _T.error_code, _A.held)
    .join(t.analysis, _A.id == _T.analysis_id)
    .where(_T.analysis_id == bindparam("b_id"), _T.number == bindparam("b_number"))
)


class TickBreakers:
    """Keeps the breakers true to what attempts do, in the tick's transaction."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy

    def open_for(self, transaction: Transaction, failed: Iterable[tuple[str | None, Failure]], now: datetime) -> None:
        """Open a breaker for each provider with too many equal failures, these included, in a short time."""
        if not self._policy.failures:
            return
        suspects = {
            (provider, why.code)
            for provider, why in failed
            if provider is not None and why.kind is FailureKind.TRANSIENT and why.code not in OUR_OWN
        }
        for provider, code in sorted(suspects):
            self._open_if_too_many(transaction, provider, code, now)

    def _open_if_too_many(self, transaction: Transaction, provider: str, code: ErrorCode, now: datetime) -> None:
        last = INCIDENTS.first(transaction.session, _NEWEST, {"b_provider": provider})
        if last is not None and last.state in (BreakerState.OPEN, BreakerState.PROBING):
            return
        # What opened the breaker before must not open it again.
        known = (last.drained_at or last.closed_at) if last is not None else None
        since = now - timedelta(seconds=self._policy.window_seconds)
        asked = {"b_provider": provider, "b_code": code.value, "b_since": max(since, known) if known else since}
        count = int(transaction.session.scalar(_RECENT, asked | {"b_limit": 10_000}) or 0)
        if count < self._policy.failures:
            return
        reason = f"{count} failures {code.value} within {self._policy.window_seconds:g} s"
        if last is not None and last.state is BreakerState.DRAINING:
            self._reopen(transaction, last, now, code=code, failures=count, reason=reason)
        else:
            cooldown = self._policy.cooldown_seconds
            values = {
                "provider": provider, "code": code.value, "state": BreakerState.OPEN, "failures": count,
                "opened_at": now, "reason": reason, "cooldown_seconds": cooldown, "probes": 0, "released": 0,
                "probe_at": now + timedelta(seconds=cooldown),
            }  # fmt: skip
            breaker_id = transaction.session.scalar(insert(t.breaker).values(**values).returning(_B.id))
            log_breaker(transaction, breaker_id, now, Action.OPEN, f"{provider}: {reason}")
        record_open(transaction, provider, reason, now)

    def bring_forward(self, transaction: Transaction, now: datetime) -> None:
        """Let no breaker wait longer than the longest cool-down, as one that was opened while the clock ran ahead."""
        longest = now + timedelta(seconds=self._policy.longest_cooldown_seconds)
        early = _B.state == BreakerState.OPEN, _B.opened_at > now, _B.probe_at > longest
        transaction.session.execute(update(t.breaker).where(*early).values(probe_at=longest))

    def keep(self, transaction: Transaction, now: datetime) -> list[int]:
        """Probe, judge probes, and drain waiting retries; return the analyses that changed."""
        touched: list[int] = []
        for row in INCIDENTS.all(transaction.session, _ACTIVE):
            if row.state is BreakerState.PROBING:
                self._judge(transaction, row, now)
            elif row.state is BreakerState.OPEN and row.probe_at is not None and row.probe_at <= now:
                touched += self._probe(transaction, row, now)
            elif row.state is BreakerState.DRAINING:
                touched += self._drain(transaction, row, now)
        return touched

    def _probe(self, transaction: Transaction, row: Incident, now: datetime) -> list[int]:
        first = transaction.session.execute(_FIRST_DUE, {"b_provider": row.provider, "b_limit": 1}).one_or_none()
        if first is None:
            close_breaker(transaction, row, now, None, "nothing waits for it any more")
            return []
        if first.available_at > now:  # the provider may have said when it can be asked again
            set_breaker(transaction, row.id, probe_at=first.available_at)
            return []
        set_breaker(
            transaction, row.id, state=BreakerState.PROBING, probe_analysis_id=first.id, probe_attempt=first.attempt,
            probes=row.probes + 1,
        )  # fmt: skip
        log.warning("Provider %s: probing with analysis %s", row.provider, first.id)
        return [int(first.id)]

    def _judge(self, transaction: Transaction, row: Incident, now: datetime) -> None:
        """Go by how the probe's attempt ended; one that was only interrupted goes on as its next attempt."""
        probe = {"b_id": row.probe_analysis_id, "b_number": row.probe_attempt}
        ended = transaction.session.execute(_PROBED, probe).one_or_none()
        if ended is not None and ended.outcome is None and (ended.started_at is not None or not ended.held):
            return  # it waits or runs
        if ended is None or ended.started_at is None:
            # It was deleted, stopped, held, cancelled or refused before it asked anybody.
            _probe_another(transaction, row, now)
        elif ended.outcome in (Outcome.INTERRUPTED, Outcome.RELEASED):
            set_breaker(transaction, row.id, probe_attempt=(row.probe_attempt or 0) + 1)
        elif ended.outcome is Outcome.COMPLETED or ended.error_code in ANSWERED:
            drain(transaction, row, now, None, f"analysis {row.probe_analysis_id} got an answer")
        elif ended.failure_kind is FailureKind.TRANSIENT and ended.error_code not in OUR_OWN:
            self._reopen(transaction, row, now)
        else:  # cancelled, or failed for a reason of its own: it said nothing about the provider
            _probe_another(transaction, row, now)

    def _reopen(self, transaction: Transaction, row: Incident, now: datetime, **why: Any) -> None:
        policy = self._policy
        # One that a person opened had no cool-down of its own.
        cooldown = max(policy.cooldown_seconds, min(policy.longest_cooldown_seconds, row.cooldown_seconds * 2))
        set_breaker(
            transaction, row.id, state=BreakerState.OPEN, cooldown_seconds=cooldown,
            probe_at=now + timedelta(seconds=cooldown), probe_analysis_id=None, probe_attempt=None,
            closed_by=None, close_reason=None, drained_at=None, **why,
        )  # fmt: skip
        sentence = f"{row.provider}: still failing, next probe in {cooldown:g} s"
        log_breaker(transaction, row.id, now, Action.REOPEN, sentence)

    def _drain(self, transaction: Transaction, row: Incident, now: datetime) -> list[int]:
        """Let the next ones go; what was missed while nobody worked is caught up for two seconds only."""
        every = timedelta(minutes=1) / self._policy.drain_per_minute
        drained_at = row.drained_at or now
        late = now - drained_at - row.released * every
        if late > CATCH_UP:
            set_breaker(transaction, row.id, drained_at=drained_at + (late - CATCH_UP))
        allowed = min(max(1 + min(late, CATCH_UP) // every, 0), SLICE)
        asked = {"b_provider": row.provider, "b_limit": allowed + 1}
        waiting = [int(found.id) for found in transaction.session.execute(_NEXT_WAITING, asked)]
        ids = waiting[:allowed]
        if ids:
            freed = update(t.analysis).where(_A.id.in_(ids)).values(retry_provider=None, version=_A.version + 1)
            transaction.session.execute(freed)
            set_breaker(transaction, row.id, released=row.released + len(ids))
        if len(waiting) <= allowed:
            close_breaker(transaction, row, now, row.closed_by, row.close_reason)
        return ids


def _probe_another(transaction: Transaction, row: Incident, now: datetime) -> None:
    set_breaker(transaction, row.id, state=BreakerState.OPEN, probe_at=now, probe_analysis_id=None, probe_attempt=None)
