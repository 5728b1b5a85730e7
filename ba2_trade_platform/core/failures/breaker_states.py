"""Circuit breaker changes: drain and close, the same for the tick and for a person, each with its line in the log.

Decision record: docs/decisions/0007.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from ba2_trade_platform.core.base.actors import SYSTEM, actor_id, log_activity
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import in_words
from ba2_trade_platform.vocabulary import BreakerState

_B = t.breaker.c
log = logging.getLogger(__name__)
NOT_CLOSED = _B.state != in_words(BreakerState.CLOSED)  # in words, as the partial index has it
OPEN_PROVIDERS = select(_B.provider, _B.probe_analysis_id).where(NOT_CLOSED)


@dataclass(frozen=True)
class BreakerPolicy:
    """When a breaker opens and how it closes: `failures` (0: never) of one code within `window_seconds` open it."""

    failures: int = 10
    window_seconds: float = 60
    cooldown_seconds: float = 30
    longest_cooldown_seconds: float = 600
    drain_per_minute: int = 60


@dataclass(frozen=True, slots=True)
class Incident:
    """A breaker's row, as the tick and a person's verbs change it."""

    id: int
    provider: str
    state: BreakerState
    cooldown_seconds: float
    probe_at: datetime | None
    probe_analysis_id: int | None
    probe_attempt: int | None
    probes: int
    drained_at: datetime | None
    released: int
    closed_at: datetime | None
    closed_by: int | None
    close_reason: str | None


INCIDENTS = Reader(Incident, t.breaker)


def drain(transaction: Transaction, row: Incident, now: datetime, by: int | None, reason: str) -> None:
    """Let the retries that wait for a provider go again, at the set rate; the first goes with the next tick."""
    set_breaker(
        transaction, row.id, state=BreakerState.DRAINING, drained_at=now, released=0, probe_at=None,
        probe_analysis_id=None, probe_attempt=None, closed_by=by, close_reason=reason,
    )  # fmt: skip
    log_breaker(transaction, row.id, now, Action.DRAIN, f"{row.provider}: {reason}", by)


def close_breaker(transaction: Transaction, row: Incident, now: datetime, by: int | None, reason: str | None) -> None:
    """Close a breaker: nothing waits for its provider any more."""
    set_breaker(
        transaction, row.id, state=BreakerState.CLOSED, closed_at=now, closed_by=by, close_reason=reason, probe_at=None
    )
    log_breaker(transaction, row.id, now, Action.CLOSE, f"{row.provider}: {reason}", by)


def set_breaker(transaction: Transaction, breaker_id: int, **values: Any) -> None:
    """Change an incident's columns, and touch its topic."""
    transaction.session.execute(update(t.breaker).where(_B.id == breaker_id).values(**values))
    transaction.touch(Topic.BREAKERS)


def record_open(transaction: Transaction, provider: str, reason: str, now: datetime) -> None:
    """Tell whoever wants to hear of it that a breaker opened."""
    sentence = f"{provider} is held back: {reason}. Its retries wait until it answers again"
    facts = {"sentence": sentence, "link": "/providers"}
    record_events(transaction.session, [OutboxEvent(EventType.BREAKER_OPEN, provider, now, facts)])


def log_breaker(
    transaction: Transaction, breaker_id: int | None, now: datetime, action: Action, said: str, by: int | None = None
) -> None:
    """Add a breaker's audit line and its line in the log, and touch its topic."""
    session = transaction.session
    who = actor_id(session, SYSTEM) if by is None else by
    log_activity(session, who, now, action, Subject.BREAKER, breaker_id, after=said)
    transaction.touch(Topic.BREAKERS)
    log.warning("Breaker %s: %s (%s)", breaker_id, action.value, said)
