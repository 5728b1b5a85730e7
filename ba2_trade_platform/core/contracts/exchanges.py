"""Exchange contract: trading sessions, how far they are known, and the desk's own corrections of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from ba2_trade_platform.vocabulary import OwnDaysKind

COMPUTED_UNTIL = date(2050, 12, 31)
WARN_BEFORE = timedelta(days=60)


@dataclass(frozen=True)
class ExchangeSession:
    """One trading day: the exchange's own date, and its open and close as aware UTC instants."""

    day: date
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True)
class CalendarReach:
    """From which day to which it is known of each day whether it is a session; `zone` is the exchange's."""

    name: str
    first: date
    last: date
    zone: str

    @property
    def sentence(self) -> str:
        """Say that it ends, and what can be done."""
        if self.last == COMPUTED_UNTIL:
            return (
                f"The {self.name} calendar is computed until {self.last}: whether later days are sessions is not known "
                "here. Choose a day before, or update the console"
            )
        return (
            f"The {self.name} calendar ends on {self.last}: whether later days are sessions is not known here. Update "
            f"exchange-calendars and restart the console, or add the days from {self.last + timedelta(days=1)} on to "
            f"the calendar days of {self.name} on the page Instruments"
        )

    def ends_soon(self, today: date) -> bool:
        """Tell whether it ends within 60 days, or has ended."""
        return self.last - today < WARN_BEFORE


@dataclass(frozen=True)
class OwnDays:
    """A correction of a calendar: these days are sessions, or are none.

    Of an extra session of several days those count on which the exchange usually trades. `opens` and `closes` are
    the exchange's local times; absent: as usual.
    """

    calendar: str
    kind: OwnDaysKind
    first: date
    last: date
    opens: time | None = None
    closes: time | None = None
    reason: str = ""

    @property
    def length(self) -> int:
        """How many days it spans."""
        return (self.last - self.first).days + 1

    @property
    def words(self) -> str:
        """Name it in a sentence."""
        days = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        hours = f", {self.opens:%H:%M} to {self.closes:%H:%M}" if self.opens and self.closes else ""
        return f"{self.kind.value.replace('_', ' ')} {days}{hours}"

    def contradicts(self, other: OwnDays) -> bool:
        """Tell whether both speak of the same days, and neither of fewer, which would count."""
        overlaps = self.calendar == other.calendar and self.first <= other.last and other.first <= self.last
        return overlaps and self.length == other.length and (self.kind != other.kind or self.first == other.first)


class Calendars(Protocol):
    """The sessions of exchanges, by MIC or a known alias such as NYSE."""

    def sessions(self, name: str, first: date, last: date) -> Sequence[ExchangeSession]:
        """Return the sessions from `first` to `last`, both included, oldest first.

        Raises Invalid CALENDAR_UNKNOWN for a calendar that does not exist; days that it does not reach have none.
        """

    def reach(self, name: str) -> CalendarReach:
        """Return which days a calendar knows. Raises Invalid CALENDAR_UNKNOWN."""

    def names(self) -> Sequence[str]:
        """Return the calendars that can be chosen."""

    def own_days(self) -> Sequence[OwnDays]:
        """Return the desk's own corrections."""


class OwnDaysFile(Protocol):
    """The file in which a desk keeps its corrections of calendars."""

    def own_days(self) -> Sequence[OwnDays]:
        """Return what can be used of it; asking is cheap, for it is read only when it has changed."""

    def problems(self) -> Sequence[str]:
        """Return a sentence with the line for each part of it that cannot be used."""

    def check(self, days: OwnDays) -> OwnDays:
        """Return them under their calendar's own name. Raises Impossible for what makes no sense or changes nothing."""

    def write(self, days: Sequence[OwnDays]) -> None:
        """Replace it. Raises Unavailable when it cannot be written."""
