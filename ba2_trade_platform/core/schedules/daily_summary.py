"""Daily summary: announces each day's runs once, at the time the trader has set."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.base.actors import SYSTEM, Actor, actor_id
from ba2_trade_platform.core.base.app_settings import DeskSettings, read_setting, write_setting
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events
from ba2_trade_platform.core.recurrence.timings import CLOCK_TIME
from ba2_trade_platform.core.schedules.run_records import DaySummary
from ba2_trade_platform.core.schedules.runs import ScheduleRuns

log = logging.getLogger(__name__)
TIME = "daily_summary_time"
LAST = "daily_summary_last_day"
DEFAULT_TIME = "18:00"


class DailySummary:
    """Records each day of the desk's zone once, however often the console is started. Blocking; thread-safe."""

    def __init__(self, store: Store, runs: ScheduleRuns, settings: DeskSettings, zone: ZoneInfo) -> None:
        self._store = store
        self._runs = runs
        self._settings = settings
        self._zone = zone

    def time(self) -> str:
        """Return at which time of the desk's zone a day is summed up, HH:MM."""
        return str(self._settings.get(TIME).value or DEFAULT_TIME)

    def set_time(self, wanted: str, *, by: Actor) -> str:
        """Sum up at this time from now on. Raises Invalid for what is no time of day."""
        text = wanted.strip()
        if not CLOCK_TIME.fullmatch(text):
            raise Invalid(f"{text[:20] or '(empty)'} is no time of day; write it as 18:00")
        self._settings.change(TIME, text, by=by)
        return text

    def tell_when_due(self) -> None:
        """Record the newest day whose time has come, unless it is recorded; a new desk begins with its next day."""
        day = self._newest_due()
        last = self._settings.get(LAST).value
        if last == day.isoformat():
            return
        summary = self._runs.day_summary(day)
        with self._store.write() as transaction:
            session, now = transaction.session, self._store.clock.now()
            if read_setting(session, LAST) != last:
                return  # another thread was quicker
            write_setting(session, LAST, day.isoformat(), actor_id(session, SYSTEM), now)
            if last is not None and last < day.isoformat():
                numbers = {name: number for name, number in asdict(summary).items() if name != "day"}
                facts = {"sentence": describe(summary), "link": f"/schedules?tab=runs&day={day}", **numbers}
                record_events(session, [OutboxEvent(EventType.DAILY_SUMMARY, day.isoformat(), now, facts)])
                log.info("%s", facts["sentence"])

    def _newest_due(self) -> date:
        local = self._store.clock.now().astimezone(self._zone)
        return local.date() if local.time() >= time.fromisoformat(self.time()) else local.date() - timedelta(days=1)


def describe(summary: DaySummary) -> str:
    """Return a day as one sentence: planned, done, and everything that was not as it should be."""
    named = ("late", "partly failed", "failed", "missed", "skipped", "running")
    counts = [(name, getattr(summary, name.replace(" ", "_"))) for name in named]
    parts = [f"{number:,} {name}" for name, number in counts if number]
    parts += [f"{summary.ahead:,} to come"] * bool(summary.ahead)
    return f"{summary.day:%a %d %b}: " + ", ".join([f"{summary.planned:,} planned", f"{summary.done:,} done", *parts])
