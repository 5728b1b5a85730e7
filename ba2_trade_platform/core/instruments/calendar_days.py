"""Calendar days: a desk's extra sessions and closed days, kept in a file and changed by verbs that are audited."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import Impossible, Invalid, NotFound
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.exchanges import CalendarReach, Calendars, OwnDays, OwnDaysFile

log = logging.getLogger(__name__)
MOST = 10_000
LONGEST_REASON = 200


@dataclass(frozen=True)
class CalendarDay:
    """A correction as it was made, and what came of it in a sentence."""

    days: OwnDays
    sentence: str


class CalendarDays:
    """Reads and changes the file of the desk's corrections. Blocking."""

    def __init__(self, store: Store, calendars: Calendars, file: OwnDaysFile) -> None:
        self._store, self._calendars, self._file = store, calendars, file

    def list(self) -> Sequence[OwnDays]:
        """Return all corrections that can be read, as they stand in the file."""
        return self._file.own_days()

    def problems(self) -> Sequence[str]:
        """Return a sentence with the line for each part of the file that cannot be used."""
        return self._file.problems()

    def reach(self, name: str) -> CalendarReach:
        """Return which days a calendar knows, the desk's own included. Raises NotFound."""
        try:
            return self._calendars.reach(name)
        except Invalid as error:
            raise NotFound(str(error), code="CALENDAR_UNKNOWN") from error

    def names(self) -> Sequence[str]:
        """Return the calendars that can be chosen."""
        return self._calendars.names()

    def add(self, days: OwnDays, *, by: Actor) -> CalendarDay:
        """Make days sessions or close them. Raises Invalid for what makes no sense, contradicts or changes nothing."""
        reason = clean_reason(days.reason) or ""
        if len(reason) > LONGEST_REASON:
            raise Invalid(f"The reason is longer than {LONGEST_REASON} characters")
        days = self._file.check(replace(days, reason=reason))
        own = self._readable()
        if other := next((each for each in own if days.contradicts(each)), None):
            raise Impossible(f"{days.calendar} has {other.words} already: remove that first", code="CALENDAR_DAYS")
        if len(own) >= MOST:
            raise Impossible(f"There are {MOST:,} corrections already; remove some first", code="CALENDAR_DAYS")
        with self._store.command(by, Action.CREATE, Subject.CALENDAR) as command:
            command.record(key=days.calendar, after=days.words, reason=reason or None)
            command.touch(Topic.SCHEDULES)
            self._file.write([*own, days])
        log.info("%s: %s, %s", by, days.calendar, days.words)
        return CalendarDay(days, f"{days.calendar}: {days.words} added{self._known_until(days.calendar)}")

    def remove(
        self, calendar: str, first: date, last: date | None = None, *, by: Actor, reason: str | None = None
    ) -> CalendarDay:
        """Take a correction away; the calendar is as it is recorded again. Raises NotFound."""
        own = self._readable()
        chosen = [each for each in own if (each.calendar, each.first, each.last) == (calendar, first, last or first)]
        if not chosen:
            raise NotFound(f"There is no calendar day of {calendar} on {first}")
        (days, *_) = chosen
        with self._store.command(by, Action.REMOVE, Subject.CALENDAR) as command:
            command.record(key=calendar, before=days.words, reason=clean_reason(reason))
            command.touch(Topic.SCHEDULES)
            self._file.write([each for each in own if each != days])
        log.info("%s: %s, %s removed", by, calendar, days.words)
        return CalendarDay(days, f"{calendar}: {days.words} removed")

    def _readable(self) -> Sequence[OwnDays]:
        """Return all of the file, or raise Impossible: what cannot be read would be lost with the next change."""
        if problems := self._file.problems():
            raise Impossible(f"Mend the file first: {problems[0]}", code="CALENDAR_DAYS")
        return self._file.own_days()

    def _known_until(self, name: str) -> str:
        return f"; it is known until {self._calendars.reach(name).last}"
