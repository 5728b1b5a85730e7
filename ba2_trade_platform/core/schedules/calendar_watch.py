"""Calendar watch: warns before a schedule's calendar ends, and finds planned times that have become known."""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Integer, select, update

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.exchanges import CalendarReach, Calendars, OwnDays, OwnDaysFile
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert
from ba2_trade_platform.core.schedules.due_runs import RunStarter
from ba2_trade_platform.core.schedules.rows import ACTIVE
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.sql import each
from ba2_trade_platform.vocabulary import ScheduleClock

log = logging.getLogger(__name__)
CHECK_SECONDS = 60.0
KIND = "calendar"
SHOWN = 5
_S, _A = t.schedule.c, t.alert.c
_STANDING = select(_A.id, _A.key, _A.sentence, _A.acknowledged_at).where(_A.kind == KIND, _A.ended_at.is_(None))
_KEPT = (
    select(_S.name, _S.calendar, _S.ends_on)
    .where(*ACTIVE, _S.clock == ScheduleClock.REAL, _S.calendar.is_not(None))
    .order_by(_S.name)
)


@dataclass(frozen=True)
class CalendarNotes:
    """What is to be said of the calendars: which end soon, whether one has ended, what is wrong in the desk's file."""

    ends: tuple[str, ...] = ()
    has_ended: bool = False
    problems: tuple[str, ...] = ()


class CalendarWatch:
    """Looks once a minute. Blocking; `changed` is called when a schedule waits for another time."""

    def __init__(
        self,
        store: Store,
        calendars: Calendars,
        own_days: OwnDaysFile,
        run_starter: RunStarter,
        clock: Clock,
        changed: Callable[[], None],
    ) -> None:
        self._store, self._calendars, self._own_days = store, calendars, own_days
        self._run_starter, self._clock, self._changed = run_starter, clock, changed
        self._turn = threading.Lock()
        self._seen: Sequence[OwnDays] | None = None
        self.notes = CalendarNotes()

    def look(self) -> None:
        """Have schedules follow what is known now, and warn of calendars that end. Raises Unavailable."""
        with self._turn:
            own = tuple(self._own_days.own_days())
            if own != self._seen:
                if self._run_starter.find_earlier():
                    self._changed()
                self._seen = own
            with self._store.read() as session:
                kept = [tuple(row) for row in session.execute(_KEPT)]
            ending = self._ending(kept)
            problems = tuple(self._own_days.problems())
            today = self._clock.now().date()
            ended = any(reach.last < today for reach in ending)
            self.notes = CalendarNotes(tuple(reach.sentence for reach in ending), ended, problems)
            self._tell([_alert(reach, names) for reach, names in ending.items()])

    def _ending(self, kept: Sequence[tuple[str, str, date | None]]) -> Mapping[CalendarReach, Sequence[str]]:
        """Return the calendars that end within 60 days, with the schedules that go on for longer."""
        found: dict[CalendarReach, list[str]] = defaultdict(list)
        today = self._clock.now().date()
        for name, calendar, ends_on in kept:
            try:
                reach = self._calendars.reach(calendar)
            except PlatformError:  # a calendar that this version does not know: its schedule's own alert says so
                continue
            if reach.ends_soon(today) and (ends_on is None or ends_on > reach.last):
                found[reach].append(name)
        return found

    def _tell(self, alerts: Sequence[AlertEvent]) -> None:
        now = self._clock.now()
        with self._store.read() as session:
            standing = {row.key: row for row in session.execute(_STANDING)}
        fresh = [
            alert
            for alert in alerts
            if (told := standing.get(alert.key)) is None
            or (told.acknowledged_at is None and told.sentence != alert.sentence)
        ]
        gone = [row.id for key, row in standing.items() if key not in {alert.key for alert in alerts}]
        if fresh or gone:
            with self._store.write() as transaction:
                for alert in fresh:
                    if raise_alert(transaction, alert, now):
                        log.warning("%s", alert.sentence)
                mended = update(t.alert).where(_A.id.in_(each(gone, Integer()))).values(ended_at=now)
                transaction.session.execute(mended)
                transaction.touch(Topic.ALERTS)


def _alert(reach: CalendarReach, names: Sequence[str]) -> AlertEvent:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    whose = f"Schedules that keep to it: {', '.join(names[:SHOWN])}{more}"
    return AlertEvent(KIND, f"{KIND} {reach.name}", f"{reach.sentence}. {whose}", "/schedules")
