"""Circuit breakers: lists provider incidents, and lets a person open or close one by hand (docs/decisions/0007)."""

from __future__ import annotations

import builtins
import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.base.sanitizing import clean_name, clean_reason, clean_text
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.failures.breaker_states import INCIDENTS, NOT_CLOSED, drain
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import BreakerState, Status

log = logging.getLogger(__name__)
_B, _A = t.breaker.c, t.analysis.c
SHOWN = 200


@dataclass(frozen=True)
class Breaker:
    """One incident of a provider. `waiting` counts the retries that it holds back now."""

    id: int
    provider: str
    code: str | None
    state: BreakerState
    failures: int
    opened_at: datetime
    opened_by: str | None
    reason: str | None
    cooldown_seconds: float
    probe_at: datetime | None
    probe_analysis_id: int | None
    probes: int
    released: int
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None
    waiting: int

    @property
    def sentence(self) -> str:
        """Say how it stands."""
        waiting = f"{self.waiting} {'retry waits' if self.waiting == 1 else 'retries wait'}"
        if self.state is BreakerState.OPEN:
            return f"{self.provider} is held back ({self.reason}): {waiting}"
        if self.state is BreakerState.PROBING:
            return f"{self.provider} is probed with analysis {self.probe_analysis_id}: {waiting}"
        if self.state is BreakerState.DRAINING:
            return f"{self.provider} answers again: {waiting}, {self.released} went"
        return f"{self.provider} is used as usual ({self.close_reason})"


_OPENER, _CLOSER = t.actor.alias(), t.actor.alias()
_BREAKERS = Reader(
    Breaker,
    t.breaker,
    opened_by=_OPENER.c.name,
    closed_by=_CLOSER.c.name,
    waiting=select(func.count())
    .select_from(t.analysis)
    .where(is_status(_A.status, Status.PENDING), _A.retry_provider == _B.provider, NOT_CLOSED)
    .scalar_subquery(),
)
_ALL = (
    _BREAKERS.select().outerjoin(_OPENER, _OPENER.c.id == _B.opened_by).outerjoin(_CLOSER, _CLOSER.c.id == _B.closed_by)
)


class Breakers:
    """Reads the incidents and takes a person's word over the console's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def active(self) -> list[Breaker]:
        """Return the breakers that hold retries back, by provider."""
        with self._store.read() as session:
            return _BREAKERS.all(session, _ALL.where(NOT_CLOSED).order_by(_B.provider))

    def open_providers(self) -> frozenset[str]:
        """Return the providers whose retries wait."""
        with self._store.read() as session:
            return frozenset(session.scalars(select(_B.provider).where(NOT_CLOSED)))

    def known(self) -> builtins.list[str]:
        """Return the providers that attempts have asked, newest incidents aside; for a form's choices."""
        with self._store.read() as session:
            names = select(t.attempt.c.provider).where(t.attempt.c.provider.is_not(None)).distinct()
            return sorted(session.scalars(names))

    def list(self) -> list[Breaker]:
        """Return the newest 200 incidents, newest first."""
        with self._store.read() as session:
            return _BREAKERS.all(session, _ALL.order_by(_B.opened_at.desc(), _B.id.desc()).limit(SHOWN))

    def open(self, provider: str, *, by: Actor, reason: str) -> Breaker:
        """Hold back retries for a provider until somebody closes the breaker. Raises Invalid or Refused."""
        name, why = clean_name(provider, 80), _because(reason)
        if not name:
            raise Invalid("Name the provider whose retries are to wait")
        with self._store.command(by, Action.OPEN, Subject.BREAKER) as command:
            session = command.session
            if session.scalar(select(_B.id).where(_B.provider == name, NOT_CLOSED)) is not None:
                raise Refused(f"Retries for {name} already wait", code="BREAKER_OPEN")
            breaker_id = session.scalar(
                insert(t.breaker)
                .values(
                    provider=name, state=BreakerState.OPEN, failures=0, opened_at=command.now,
                    opened_by=command.actor_id, reason=why, cooldown_seconds=0, probes=0, released=0,
                )
                .returning(_B.id)
            )  # fmt: skip
            command.record(breaker_id, reason=why)
            (opened,) = _BREAKERS.all(session, _ALL.where(_B.id == breaker_id))
        log.info("%s opened the breaker of %s: %s", by, name, why)
        return opened

    def close(self, provider: str, *, by: Actor, reason: str) -> Breaker:
        """Let the retries for a provider go again, at the set rate. Raises NotFound, Refused or Invalid."""
        why = _because(reason)
        with self._store.command(by, Action.CLOSE, Subject.BREAKER) as command:
            session = command.session
            row = INCIDENTS.first(session, INCIDENTS.select().where(_B.provider == provider, NOT_CLOSED))
            if row is None:
                raise NotFound(f"No breaker holds back retries for {clean_text(provider, 80)}")
            if row.state is BreakerState.DRAINING:
                raise Refused(f"Retries for {row.provider} are already going again", code="BREAKER_DRAINING")
            drain(command, row, command.now, command.actor_id, why)
            command.wake()
            (closing,) = _BREAKERS.all(session, _ALL.where(_B.id == row.id))
        log.info("%s closed the breaker of %s: %s", by, provider, why)
        return closing


def _because(reason: str) -> str:
    why = clean_reason(reason)
    if why is None:
        raise Invalid("Say why: the reason is kept and shown to everybody", code="REASON_REQUIRED")
    return why
