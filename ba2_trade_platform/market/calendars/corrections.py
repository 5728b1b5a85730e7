"""Calendar corrections: extra sessions and closed days laid over a calendar; pure, hence tested alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import numpy as np

from ba2_trade_platform.core.contracts.exchanges import OwnDays
from ba2_trade_platform.market.calendars.sessions import SessionCalendar, instant, microseconds
from ba2_trade_platform.vocabulary import OwnDaysKind

LONGEST = 400
LATEST = date(2100, 12, 31)
AROUND = 20
_DAY = timedelta(days=1)


def problem_of(days: OwnDays, calendar: SessionCalendar) -> str | None:
    """Return why these days cannot be laid over a calendar, None when they can."""
    if days.last < days.first:
        return f"{days.first} to {days.last} ends before it begins"
    if days.length > LONGEST:
        return f"{days.words} are more than {LONGEST} days; part them"
    if days.first < calendar.first_day or days.last > LATEST:
        return f"{days.words} lies outside of {calendar.first_day} to {LATEST}, the days that {calendar.name} can have"
    if (days.opens is None) != (days.closes is None):
        return "Give both the open and the close, or neither"
    if days.opens and days.closes and days.closes <= days.opens:
        return f"The close, {days.closes:%H:%M}, must lie after the open, {days.opens:%H:%M}"
    if days.kind is OwnDaysKind.CLOSED_DAY and days.opens:
        return "A closed day has no open and no close"
    return None


def corrected(calendar: SessionCalendar, own: Sequence[OwnDays]) -> SessionCalendar:
    """Return a calendar with these corrections; of two that speak of one day the one of fewer days counts.

    Days after its end become known one after the other: as long as each is corrected, or falls on a day of the week on
    which the exchange does not trade.
    """
    hours = {
        day.item(): (opens, closes)
        for day, opens, closes in zip(calendar.days, calendar.opens.tolist(), calendar.closes.tolist(), strict=True)
    }
    spoken: set[date] = set()
    for days in sorted(own, key=lambda each: -each.length):
        for day in _days_of(days, calendar):
            spoken.add(day)
            if days.kind is OwnDaysKind.CLOSED_DAY:
                hours.pop(day, None)
            elif days.opens or day not in hours:
                hours[day] = _hours(day, days, calendar)
    last_day = ahead = calendar.last_day
    while (ahead := ahead + _DAY) in spoken or ahead.weekday() not in calendar.weekdays:
        last_day = ahead if ahead in spoken else last_day
    ordered = sorted(day for day in hours if day <= last_day)
    return replace(
        calendar,
        days=np.array(ordered, dtype="datetime64[D]"),
        opens=np.array([hours[day][0] for day in ordered], dtype=np.int64),
        closes=np.array([hours[day][1] for day in ordered], dtype=np.int64),
        last_day=last_day,
    )


def differ(one: SessionCalendar, other: SessionCalendar) -> bool:
    """Tell whether two calendars have other sessions, or know other days."""
    pairs = ((one.days, other.days), (one.opens, other.opens), (one.closes, other.closes))
    return one.last_day != other.last_day or not all(np.array_equal(*pair) for pair in pairs)


def _days_of(days: OwnDays, calendar: SessionCalendar) -> Iterator[date]:
    every = (days.first + number * _DAY for number in range(days.length))
    is_range = days.kind is OwnDaysKind.EXTRA_SESSION and days.length > 1
    return (day for day in every if not is_range or day.weekday() in calendar.weekdays)


def _hours(day: date, days: OwnDays, calendar: SessionCalendar) -> tuple[int, int]:
    """Return open and close of an extra session: the given local times, else those of most sessions around it."""
    if days.opens and days.closes:
        walls = datetime.combine(day, days.opens), datetime.combine(day, days.closes)
    else:
        opens, closes = _usual(day, calendar)
        midnight = datetime.combine(day, time())
        walls = midnight + opens, midnight + closes
    opened, closed = (microseconds(wall.replace(tzinfo=calendar.zone)) for wall in walls)
    return opened, closed


def _usual(day: date, calendar: SessionCalendar) -> tuple[timedelta, timedelta]:
    place = int(np.searchsorted(calendar.days, np.datetime64(day, "D")))
    around = range(max(0, place - AROUND), min(len(calendar.days), place + AROUND))

    def after_midnight(at: int, stamp: np.int64) -> timedelta:
        wall = instant(int(stamp)).astimezone(calendar.zone).replace(tzinfo=None)
        return wall - datetime.combine(calendar.days[at].item(), time())

    pairs = [(after_midnight(at, calendar.opens[at]), after_midnight(at, calendar.closes[at])) for at in around]
    return Counter(pairs).most_common(1)[0][0]
