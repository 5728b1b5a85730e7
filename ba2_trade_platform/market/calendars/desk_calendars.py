"""Desk calendars: the library's calendars with the desk's own extra sessions and closed days."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from ba2_trade_platform.core.base.errors import Impossible
from ba2_trade_platform.core.contracts.exchanges import OwnDays
from ba2_trade_platform.market.calendars.corrections import corrected, differ, problem_of
from ba2_trade_platform.market.calendars.own_days_file import OwnDaysTable, read_own_days, write_own_days
from ba2_trade_platform.market.calendars.sessions import SessionCalendar, canonical_name, session_calendar
from ba2_trade_platform.market.folder.file_cache import FileCache

FILE = "calendar_days.csv"


class DeskCalendars:
    """Calendars by name, as corrected in `file` now; without a file they are the library's. Thread-safe."""

    def __init__(self, file: Path | None = None) -> None:
        self.files: Sequence[Path] = () if file is None else (file,)
        self._lock = threading.Lock()
        self._cache = FileCache()
        self._made: dict[str, tuple[tuple[OwnDays, ...], SessionCalendar]] = {}

    def get(self, name: str) -> SessionCalendar:
        """Return one calendar, the same object until its corrections change. Raises ValueError for an unknown name."""
        calendar = session_calendar(name)
        own = tuple(days for days in self._table().days if canonical_name(days.calendar) == calendar.name)
        usable = tuple(days for days in own if problem_of(days, calendar) is None)
        if not usable:
            return calendar
        with self._lock:
            made = self._made.get(calendar.name)
            if made is None or made[0] != usable:
                made = self._made[calendar.name] = (usable, corrected(calendar, usable))
        return made[1]

    def own_days(self) -> Sequence[OwnDays]:
        """Return the corrections as they are written, but for those that cannot be read."""
        return self._table().days

    def problems(self) -> Sequence[str]:
        """Return a sentence with the line for each correction that cannot be used."""
        table = self._table()
        wrong = [f"{place}{why}" for place, days in table.places if (why := self._why_not(days))]
        return [*table.problems, *wrong]

    def check(self, days: OwnDays) -> OwnDays:
        """Return it under its calendar's own name. Raises Impossible for what makes no sense or does nothing."""
        try:
            before = self.get(days.calendar)
        except ValueError as error:
            raise Impossible(str(error), code="CALENDAR_UNKNOWN") from error
        named = OwnDays(**{**vars(days), "calendar": before.name})
        if why := problem_of(named, session_calendar(before.name)):
            raise Impossible(why, code="CALENDAR_DAYS")
        if named.first <= before.last_day and not differ(corrected(before, [named]), before):
            raise Impossible(f"{before.name} has it so already: {named.words}", code="CALENDAR_DAYS")
        return named

    def write(self, days: Sequence[OwnDays]) -> None:
        """Replace the file. Raises Unavailable when it cannot be written, Impossible where there is none."""
        if not self.files:
            raise Impossible("This desk has no file for the days of its calendars", code="CALENDAR_DAYS")
        write_own_days(self.files[0], days)

    def _why_not(self, days: OwnDays) -> str | None:
        try:
            return problem_of(days, session_calendar(days.calendar))
        except ValueError as error:
            return str(error)

    def _table(self) -> OwnDaysTable:
        if not self.files:
            return OwnDaysTable()
        file = self.files[0]
        return self._cache.get(FILE, [file], lambda: read_own_days(file))
