"""Alerts: list unacknowledged and past ones, and acknowledge them with actor and reason."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.pages import Page, checked_limit, page_of
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.events.alert_events import UNACKNOWLEDGED
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader

log = logging.getLogger(__name__)
MAX_PAGE = 500
_A = t.alert.c


@dataclass(frozen=True)
class Alert:
    """One alert. It was told first at `first_at`, last at `last_at`, `seen` times; `ended_at`: no longer so since."""

    id: int
    kind: str
    sentence: str
    link: str | None
    first_at: datetime
    last_at: datetime
    seen: int
    ended_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledge_reason: str | None


_READER = Reader(Alert, t.alert, acknowledged_by=t.actor.c.name)
_ALERTS = _READER.select().outerjoin(t.actor, t.actor.c.id == _A.acknowledged_by)


@dataclass(frozen=True)
class Unacknowledged:
    """How many alerts wait to be acknowledged, and the newest of them."""

    count: int = 0
    newest: Alert | None = None


class Alerts:
    """Reads alerts and takes them off the pages once somebody has seen them. Blocking; thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def unacknowledged(self) -> Unacknowledged:
        """Return how many wait, and the newest."""
        counted = _ALERTS.add_columns(func.count().over().label("waiting"))
        with self._store.read() as session:
            newest = counted.where(UNACKNOWLEDGED).order_by(_A.id.desc()).limit(1)
            row = session.execute(newest).one_or_none()
        return Unacknowledged(row.waiting, Alert(*tuple(row)[:-1])) if row else Unacknowledged(0, None)

    def history(self, acknowledged: bool | None = None, cursor: int | None = None, limit: int = 100) -> Page[Alert]:
        """Return a page of alerts, newest first, None: all. Raises Invalid for a limit that is none."""
        checked_limit(limit, MAX_PAGE)
        statement = _ALERTS.order_by(_A.id.desc()).limit(limit + 1)
        if cursor is not None:
            statement = statement.where(_A.id < cursor)
        if acknowledged is not None:
            statement = statement.where(_A.acknowledged_at.is_not(None) if acknowledged else UNACKNOWLEDGED)
        with self._store.read() as session:
            return page_of(_READER.all(session, statement), limit, lambda alert: alert.id)

    def acknowledge(self, ids: Sequence[int], *, by: Actor, reason: str | None = None) -> list[Alert]:
        """Take these alerts off the pages; the first who acknowledges one stays named. Raises NotFound."""
        why = clean_reason(reason)
        wanted = sorted(set(ids))
        with self._store.command(by, Action.ACKNOWLEDGE, Subject.ALERT) as command:
            session = command.session
            known = set(session.scalars(select(_A.id).where(_A.id.in_(wanted))))
            for alert_id in wanted:
                if alert_id not in known:
                    raise NotFound(f"Alert {alert_id} not found", alert_id=alert_id)
            changed = session.scalars(select(_A.id).where(_A.id.in_(wanted), UNACKNOWLEDGED)).all()
            if changed:
                said = {"acknowledged_by": command.actor_id, "acknowledge_reason": why}
                session.execute(update(t.alert).where(_A.id.in_(changed)).values(acknowledged_at=command.now, **said))
            for alert_id in changed:
                command.record(alert_id, reason=why)
            alerts = _READER.all(session, _ALERTS.where(_A.id.in_(wanted)).order_by(_A.id))
        log.info("%s acknowledged %s of %s alerts", by, len(changed), len(wanted))
        return alerts
