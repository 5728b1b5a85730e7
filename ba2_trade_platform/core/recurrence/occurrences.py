"""Occurrences: computes a plan's instants, safe across clock changes, holidays and half days; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from statistics import median
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.contracts.exchanges import Calendars, ExchangeSession
from ba2_trade_platform.core.recurrence.timings import Cron, Plan, SessionTimes, Times

# A day that is a session and a 29th of February may be twelve years away; what is not found within this never comes.
HORIZON = timedelta(days=30 * 366)
_DAY = timedelta(days=1)
_CHUNK = timedelta(days=92)
# No open or close lies further than a day from its session's date in UTC, nor an offset further than half a day.
_MARGIN = timedelta(days=3)
_FirstFrom = Callable[[date], date | None]
_AROUND = timedelta(days=45)
_SHORTER_SECONDS = 30 * 60
_NEAR = timedelta(hours=16)


def occurrences(plan: Plan, after: datetime, calendars: Calendars, until: datetime | None = None) -> Iterator[datetime]:
    """Yield the planned times later than `after`, and not later than `until`, as aware UTC instants, each once.

    A local time that occurs twice means the first; one that does not occur means the next minute that does. It ends
    with the plan, or when none has come for 30 years. Raises Invalid CALENDAR_UNKNOWN.
    """
    last, timing = after, plan.timing
    if isinstance(timing, SessionTimes):
        source = _sessions(plan, timing, after, calendars)
    else:
        source = _local(plan, timing, after, calendars)
    for instant in source:
        if until is not None and instant > until:
            return
        if instant > last:
            last = instant
            yield instant


def is_occurrence(plan: Plan, instant: datetime, calendars: Calendars) -> bool:
    """Tell whether this very instant is one of the plan's times, by today's knowledge of the calendar."""
    just_before = instant - timedelta(microseconds=1)
    return next(occurrences(plan, just_before, calendars, until=instant), None) is not None


def closed_days(plan: Plan, first: date, last: date, calendars: Calendars) -> list[date]:
    """Return the days from `first` to `last` on which the plan's exchange has no session; none without a calendar."""
    if plan.calendar is None:
        return []
    open_days = {session.day for session in calendars.sessions(plan.calendar, first, last)}
    days = (first + number * _DAY for number in range((last - first).days + 1))
    return [day for day in days if day not in open_days]


class EarlyCloses:
    """Compares sessions with those around them. Blocking: a calendar is built at its first use."""

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars

    def among(self, name: str | None, instants: Sequence[datetime]) -> dict[datetime, ExchangeSession]:
        """Return the shortened session that each instant belongs to; those of ordinary days are left out.

        Raises Invalid for an unknown calendar; without one there are none.
        """
        if name is None:
            return {}
        return {instant: session for instant in instants if (session := self._short(name, instant))}

    def _short(self, name: str, instant: datetime) -> ExchangeSession | None:
        around = self._calendars.sessions(name, instant.date() - _AROUND, instant.date() + _AROUND)
        own = min(around, key=lambda session: abs(session.opens_at - instant), default=None)
        if own is None or abs(own.opens_at - instant) > _NEAR:
            return None
        usual = median(_seconds(session) for session in around)
        return own if usual - _seconds(own) > _SHORTER_SECONDS else None


def _seconds(session: ExchangeSession) -> float:
    return (session.closes_at - session.opens_at).total_seconds()


def jitter(schedule_id: int, planned: datetime, seconds: int) -> timedelta:
    """Return how long after its planned time a run begins: 0 to `seconds`, always the same for the same time."""
    if seconds <= 0:
        return timedelta(0)
    digest = hashlib.sha256(f"{schedule_id}|{planned.astimezone(UTC).isoformat()}".encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8], "big") % (seconds + 1))


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a naive local time: its first, or the next minute that exists where it does not."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # In a gap fold 0 counts with the offset before it and fold 1 with the one after it: the change lies in between.
    lowest, highest = sorted((first, wall.replace(tzinfo=zone, fold=1).astimezone(UTC)))
    before = lowest.astimezone(zone).utcoffset()
    while highest - lowest > timedelta(seconds=1):
        middle = lowest + (highest - lowest) // 2
        lowest, highest = (middle, highest) if middle.astimezone(zone).utcoffset() == before else (lowest, middle)
    # The search ends within a second above the change, which lies on a whole minute wherever clocks are changed today.
    rounded = highest.replace(second=0, microsecond=0)
    return rounded if highest - rounded <= timedelta(seconds=1) else rounded + timedelta(minutes=1)


def _open_days(calendars: Calendars, calendar: str | None, last: date) -> _FirstFrom:
    """Return what finds the first day that counts on or after another; it knows none later than `last`."""

    @cache
    def of_year(name: str, year: int) -> list[date]:
        return [session.day for session in calendars.sessions(name, date(year, 1, 1), date(year, 12, 31))]

    def first_from(day: date) -> date | None:
        while day <= last:
            if calendar is None:
                return day
            found = next((each for each in of_year(calendar, day.year) if each >= day), None)
            if found is not None:
                return found if found <= last else None
            day = date(day.year + 1, 1, 1)
        return None

    return first_from


def _local(plan: Plan, timing: Times | Cron, after: datetime, calendars: Calendars) -> Iterator[datetime]:
    zone = ZoneInfo(plan.zone)
    wall = after.astimezone(zone).replace(tzinfo=None)
    if plan.starts_on and plan.starts_on > wall.date():
        wall = _just_before(plan.starts_on)
    first_from = _open_days(calendars, plan.calendar, _last_day(plan, wall.date()))
    for local in _cron(timing, wall, first_from) if isinstance(timing, Cron) else _times(timing, wall, first_from):
        yield instant_of(local, zone)


def _times(timing: Times, wall: datetime, first_from: _FirstFrom) -> Iterator[datetime]:
    clock_times = [time.fromisoformat(text) for text in timing.times]
    day = first_from((wall + timedelta(seconds=1)).date())
    while day is not None:
        if day.weekday() in timing.days:
            yield from (datetime.combine(day, each) for each in clock_times)
        day = first_from(day + _DAY)


def _cron(timing: Cron, wall: datetime, first_from: _FirstFrom) -> Iterator[datetime]:
    from cronsim import CronSim  # noqa: PLC0415 - only for those who want cron

    ticks = CronSim(timing.expression, wall)
    while (tick := next(ticks, None)) is not None and (opens := first_from(tick.date())) is not None:
        if opens == tick.date():
            yield tick
        else:
            ticks = CronSim(timing.expression, _just_before(opens))


def _sessions(plan: Plan, timing: SessionTimes, after: datetime, calendars: Calendars) -> Iterator[datetime]:
    if plan.calendar is None:
        return
    start = after.astimezone(UTC).date() - _DAY
    if plan.starts_on:
        start = max(start, plan.starts_on - _MARGIN)
    first, last = plan.starts_on or date.min, _last_day(plan, start)
    while start <= last + _MARGIN:
        end = start + _CHUNK
        instants = {
            (session.opens_at if offset.anchor == "open" else session.closes_at) + timedelta(minutes=offset.minutes)
            for session in calendars.sessions(plan.calendar, start - _MARGIN, end + _MARGIN)
            if first <= session.day <= last and session.day.weekday() in timing.days
            for offset in timing.offsets
        }
        yield from sorted(instant for instant in instants if start <= instant.date() < end)
        start = end


def _last_day(plan: Plan, first: date) -> date:
    bound = date.max - _CHUNK - _MARGIN if first.year > 9900 else first + HORIZON
    return bound if plan.ends_on is None else min(bound, plan.ends_on)


def _just_before(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time()) - timedelta(seconds=1)
