"""Occurrences: computes a plan's instants, safe across clock changes, holidays and half days; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, partial
from statistics import median
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.contracts.exchanges import Calendars, ExchangeSession
from ba2_trade_platform.core.recurrence.assumed_sessions import AssumedSessions
from ba2_trade_platform.core.recurrence.timings import Cron, Plan, SessionTimes, Times

# A day that is a session and a 29th of February may be twelve years away; what is not found within this never comes.
HORIZON = timedelta(days=30 * 366)
_DAY = timedelta(days=1)
_CHUNK = timedelta(days=92)
# No open or close lies further than a day from its session's date in UTC, nor an offset further than half a day.
_MARGIN = timedelta(days=3)
# Longer than the twelve years above: what has not come by then has not been kept from it by a calendar that ends.
_LONG = timedelta(days=13 * 366)
_BEFORE_END = timedelta(days=30)
_FirstFrom = Callable[[date], date | None]
_Between = Callable[[date, date], Sequence[ExchangeSession]]
_AROUND = timedelta(days=45)
_SHORTER_SECONDS = 30 * 60
_NEAR = timedelta(hours=16)


@dataclass(frozen=True)
class CalendarEnd:
    """Why no more planned times can be computed; `at` would be the next one if the exchange went on as it does."""

    at: datetime
    sentence: str


class Occurrences(Iterator[datetime]):
    """Planned times, as they are computed; once they have run out, `ends` says whether a calendar has ended before."""

    def __init__(
        self, plan: Plan, after: datetime, calendars: Calendars, until: datetime | None, source: Iterator[datetime]
    ) -> None:
        self._plan, self._after, self._calendars, self._until = plan, after, calendars, until
        self._source: Iterator[datetime] | None = source
        self._last = after
        self.ends: CalendarEnd | None = None

    def __next__(self) -> datetime:
        """Return the next time."""
        for instant in self._source or ():
            if self._until is not None and instant > self._until:
                break
            if instant > self._last:
                self._last = instant
                return instant
        else:
            if self._source is not None:
                self.ends = _end_of(self._plan, self._last, self._calendars, came=self._last > self._after)
                if self.ends is not None and self._until is not None and self.ends.at > self._until:
                    self.ends = None
        self._source = None
        raise StopIteration

    def next_planned(self) -> datetime | None:
        """Return the next time, or that which comes next as far as anybody knows; None when the plan is over."""
        found = next(self, None)
        return self.ends.at if found is None and self.ends is not None else found


def occurrences(plan: Plan, after: datetime, calendars: Calendars, until: datetime | None = None) -> Occurrences:
    """Return the planned times later than `after`, and not later than `until`, as aware UTC instants, each once.

    A local time that occurs twice means the first; one that does not occur means the next minute that does. They end
    with the plan or its calendar, or when none has come for 30 years. Raises Invalid CALENDAR_UNKNOWN.
    """
    timing = plan.timing
    if not isinstance(timing, SessionTimes):
        source = _local(plan, timing, after, calendars)
    elif plan.calendar is None:
        source = iter(())
    else:
        source = _sessions(plan, timing, after, partial(calendars.sessions, plan.calendar))
    return Occurrences(plan, after, calendars, until, source)


def is_occurrence(plan: Plan, instant: datetime, calendars: Calendars) -> bool:
    """Tell whether this very instant is one of the plan's times, by today's knowledge of the calendar."""
    just_before = instant - timedelta(microseconds=1)
    return next(occurrences(plan, just_before, calendars, until=instant), None) is not None


def closed_days(plan: Plan, first: date, last: date, calendars: Calendars) -> list[date]:
    """Return the days from `first` to `last` on which the plan's exchange is known to have no session.

    None without a calendar.
    """
    if plan.calendar is None:
        return []
    reach = calendars.reach(plan.calendar)
    first, last = max(first, reach.first), min(last, reach.last)
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


def _sessions(plan: Plan, timing: SessionTimes, after: datetime, between: _Between) -> Iterator[datetime]:
    start = after.astimezone(UTC).date() - _DAY
    if plan.starts_on:
        start = max(start, plan.starts_on - _MARGIN)
    first, last = plan.starts_on or date.min, _last_day(plan, start)
    while start <= last + _MARGIN:
        end = start + _CHUNK
        instants = {
            (session.opens_at if offset.anchor == "open" else session.closes_at) + timedelta(minutes=offset.minutes)
            for session in between(start - _MARGIN, end + _MARGIN)
            if first <= session.day <= last and session.day.weekday() in timing.days
            for offset in timing.offsets
        }
        yield from sorted(instant for instant in instants if start <= instant.date() < end)
        start = end


def _last_day(plan: Plan, first: date) -> date:
    bound = date.max - _CHUNK - _MARGIN if first.year > 9900 else first + HORIZON
    return bound if plan.ends_on is None else min(bound, plan.ends_on)


def _end_of(plan: Plan, after: datetime, calendars: Calendars, *, came: bool) -> CalendarEnd | None:
    """Return where the plan's calendar ends, None where the plan is over before; its times until `after` came."""
    if plan.calendar is None:
        return None
    reach = calendars.reach(plan.calendar)
    begins = max(after.astimezone(ZoneInfo(plan.zone)).date(), plan.starts_on or date.min)
    if not came and reach.last - begins > _LONG:
        return None
    beyond = replace(plan, starts_on=max(plan.starts_on or date.min, reach.last + _DAY))
    timing = beyond.timing
    if isinstance(timing, SessionTimes):
        known = calendars.sessions(reach.name, reach.last - _BEFORE_END, reach.last)
        times = _sessions(beyond, timing, after, AssumedSessions(reach, known, timing.days).between)
    else:
        times = _local(replace(beyond, calendar=None), timing, after, calendars)
    at = next((instant for instant in times if instant > after), None)
    return None if at is None else CalendarEnd(at, reach.sentence)


def _just_before(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time()) - timedelta(seconds=1)
