"""Stuck queue alerts: one for each cause of long waits, so that no queue stands still unnoticed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert
from ba2_trade_platform.core.failures.breaker_states import NOT_CLOSED
from ba2_trade_platform.core.observability.process import steady_seconds
from ba2_trade_platform.core.observability.standstill import ASLEEP, Sleep, Standstill
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.db.sql import is_status
from ba2_trade_platform.vocabulary import Status

log = logging.getLogger(__name__)
KIND = "waiting"
CHECK_SECONDS = 60.0
AT_WORK = timedelta(minutes=10)
_A, _I, _ALERT = t.analysis.c, t.expert_instance.c, t.alert.c
_PENDING_URL = "/marketanalysis?status=pending"
# The alerts about waits that are still so, acknowledged or not.
_STANDING = (
    select(_ALERT.id, _ALERT.key, _ALERT.sentence, _ALERT.acknowledged_at)
    .where(_ALERT.kind == KIND, _ALERT.ended_at.is_(None))
    .order_by(_ALERT.id)
)


class _Cause(NamedTuple):
    """Why something waits: `key` names it, `words` end the alert's sentence."""

    key: str
    words: str
    link: str = _PENDING_URL


@dataclass(frozen=True)
class _QueueFacts:
    """What stands in the way of pending analyses."""

    paused: _Cause | None
    open_providers: frozenset[str]
    running: Mapping[int, int]
    slots: int
    has_ended: bool


class WaitingAlerts:
    """Raises and ends the alerts about long waits; `minutes` 0: never. Blocking; thread-safe.

    What waited while the machine slept has not waited for anybody: a sleep between two looks does not count.
    """

    def __init__(
        self, store: Store, minutes: int, zone: ZoneInfo, steady: Callable[[], float] = steady_seconds
    ) -> None:
        self._store = store
        self._minutes = minutes
        self._zone = zone
        self._standstill = Standstill(CHECK_SECONDS, steady)
        self._sleeps: list[Sleep] = []

    def check(self) -> None:
        """Look once: raise an alert for each cause that keeps analyses waiting, end those that are so no longer.

        An alert that somebody has acknowledged is not raised again until its cause has ended.
        """
        if not self._minutes:
            return
        now = self._store.clock.now()
        late = self._standstill.late()
        if late > ASLEEP:
            self._sleeps.append(Sleep(now - late, now))
        with self._store.read() as session:
            alerts = [self._alert(cause, number) for cause, number in self._causes(session, now).items()]
            standing = session.execute(_STANDING).all()
        told = {row.key: row for row in standing}
        fresh = [alert for alert in alerts if _is_news(alert, told.get(alert.key))]
        gone = [row.id for row in standing if row.key not in {alert.key for alert in alerts}]
        if fresh or gone:
            with self._store.write() as transaction:
                for alert in fresh:
                    if raise_alert(transaction, alert, now):
                        log.warning("%s", alert.sentence)
                transaction.session.execute(update(t.alert).where(_ALERT.id.in_(gone)).values(ended_at=now))
                transaction.touch(Topic.ALERTS)

    def _alert(self, cause: _Cause, number: int) -> AlertEvent:
        what = "analysis has" if number == 1 else "analyses have"
        sentence = f"{number:,} {what} waited for more than {_length(self._minutes)}: {cause.words}"
        return AlertEvent(KIND, f"{KIND}:{cause.key}", sentence, cause.link)

    def _long_ago(self, now: datetime) -> datetime:
        """Return since when the machine has been awake for as long as a long wait is."""
        since = now - timedelta(minutes=self._minutes)
        within: list[Sleep] = []
        for sleep in reversed(self._sleeps):
            if sleep.end <= since:
                break
            since -= sleep.end - sleep.start
            within.insert(0, sleep)
        self._sleeps = within
        return since

    def _causes(self, session: Session, now: datetime) -> Counter[_Cause]:
        long_ago = self._long_ago(now)
        paused_batch = case((_A.held, func.coalesce(t.attempt.c.batch_id, _A.batch_id))).label("paused_batch")
        to_come = (_A.available_at > now).label("to_come")
        waiting = session.execute(
            select(
                _A.expert_instance_id, _I.alias, _I.max_concurrent, _I.enabled, _I.archived_at,
                paused_batch,
                _A.retry_provider, to_come, func.count().label("number"),
            )
            .join(t.attempt, (t.attempt.c.analysis_id == _A.id) & (t.attempt.c.number == _A.attempt))
            .join(t.expert_instance, _I.id == _A.expert_instance_id)
            .where(is_status(_A.status, Status.PENDING), t.attempt.c.queued_at <= long_ago)
            .group_by(_A.expert_instance_id, _I.id, paused_batch, _A.retry_provider, to_come)
        ).all()  # fmt: skip
        causes: Counter[_Cause] = Counter()
        if waiting:
            facts = _queue_facts(session, now, self._zone)
            for row in waiting:
                causes[_cause(row, facts)] += row.number
        return causes


def _cause(row: AnyRow, facts: _QueueFacts) -> _Cause:
    """Return the first thing that would have to change for these to begin."""
    if row.paused_batch is not None:
        batch = row.paused_batch
        return _Cause(f"batch:{batch}", f"batch {batch} is paused", f"/batches/{batch}")
    if row.retry_provider in facts.open_providers:
        return _Cause(f"provider:{row.retry_provider}", f"{row.retry_provider} is held back", "/providers")
    if row.to_come:
        return _Cause("retries", "the time of their automatic retry has not come yet")
    if facts.paused is not None:
        return facts.paused
    of_expert = f"{_PENDING_URL}&expert={row.expert_instance_id}"
    if not row.enabled or row.archived_at is not None:
        return _Cause(f"expert:{row.expert_instance_id}", f"expert {row.alias} is disabled", of_expert)
    running, busy = facts.running.get(row.expert_instance_id, 0), sum(facts.running.values())
    if running >= row.max_concurrent:
        limit = f"expert {row.alias} is at its limit of {row.max_concurrent} at once"
        return _Cause(f"expert:{row.expert_instance_id}", limit, of_expert)
    if busy >= facts.slots:
        return _Cause("slots", f"all {facts.slots} slots are busy")
    if busy or facts.has_ended:
        return _Cause("slots", f"the queue is longer than {facts.slots} slots can work off")
    return _Cause("stuck", "nothing is in their way, but nothing begins; see whether the worker works", "/health")


def _queue_facts(session: Session, now: datetime, zone: ZoneInfo) -> _QueueFacts:
    queue = session.execute(
        select(t.queue_state, t.actor.c.name).outerjoin(t.actor, t.actor.c.id == t.queue_state.c.actor_id)
    ).one()
    paused = None
    if queue.paused:
        since = f" since {queue.since.astimezone(zone):%Y-%m-%d %H:%M}" if queue.since else ""
        why = f" ({queue.reason})" if queue.reason else ""
        paused = _Cause("paused", f"the queue is paused by {queue.name or 'somebody'}{since}{why}")
    running = session.execute(
        select(_A.expert_instance_id, func.count())
        .where(is_status(_A.status, Status.RUNNING))
        .group_by(_A.expert_instance_id)
    )
    ended = session.scalar(select(_A.id).where(_A.finished_at > now - AT_WORK).limit(1))
    return _QueueFacts(
        paused=paused,
        open_providers=frozenset(session.scalars(select(t.breaker.c.provider).where(NOT_CLOSED))),
        running=dict(tuple(row) for row in running),
        slots=queue.slots,
        has_ended=ended is not None,
    )


def _is_news(alert: AlertEvent, told: Any) -> bool:
    return told is None or (told.acknowledged_at is None and told.sentence != alert.sentence)


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest))
