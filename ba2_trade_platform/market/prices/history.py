"""Price history: a symbol's fetched bars and splits, to which a later answer is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Protocol

import numpy as np

from ba2_trade_platform.core.contracts.experts import MAX_STALE_SESSIONS, InstrumentInfo
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.calendars.sessions import SessionCalendar
from ba2_trade_platform.market.prices.series import RawBars, Series, Split

SETTLES = timedelta(minutes=20)  # after its close a bar may still be corrected, and free feeds come late
LOOK_AGAIN = timedelta(minutes=15)
LONG_GONE = timedelta(days=1)
OVERLAP = timedelta(days=14)
ALIKE = 0.005


@dataclass(frozen=True)
class Fetched:
    """A provider's answer about one symbol: unadjusted bars, and every split since the first of them."""

    raw: RawBars
    splits: tuple[Split, ...]
    name: str
    exchange: str
    currency: str
    calendar: str


class PriceSource(Protocol):
    """A provider that is asked over the network. Blocking; may be asked by several threads at once."""

    name: str
    at_once: int  # how many symbols one question may name
    per_minute: int  # how many questions it allows
    first_day: date

    def name_of(self, symbol: str) -> str:
        """Return what it calls a symbol by its own rules."""

    def fetch(self, names: Sequence[str], since: date, until: datetime) -> Mapping[str, Fetched]:
        """Return the daily bars from `since` to `until` of those that it knows, by its own names.

        Raises ExpertError for whatever goes wrong.
        """


@dataclass(frozen=True)
class History:
    """All bars of one symbol as fetched last at `fetched_at` under the provider's own name for it.

    They are read by `calendars` as these are now.
    """

    symbol: str
    provider_symbol: str
    fetched_at: datetime
    found: Fetched
    calendars: DeskCalendars = field(default_factory=DeskCalendars, compare=False)
    _read: dict[SessionCalendar, Series] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def info(self) -> InstrumentInfo:
        """Return the instrument."""
        found, days = self.found, self.found.raw.days
        first, last = (days[0].item(), days[-1].item()) if len(days) else (None, None)
        return InstrumentInfo(self.symbol, found.name, found.exchange, found.currency, found.calendar, first, last)

    @property
    def calendar(self) -> SessionCalendar:
        """Return the calendar of its exchange."""
        return self.calendars.get(self.found.calendar)

    @property
    def series(self) -> Series:
        """The bars as they can be asked at an instant; made anew when the calendar was corrected."""
        calendar = self.calendar
        if calendar not in self._read:
            self._read.clear()
            self._read[calendar] = Series(self.info, calendar, self.found.raw, self.found.splits)
        return self._read[calendar]

    def is_fresh(self, as_of: datetime, now: datetime) -> bool:
        """Tell whether asking again could bring nothing new for `as_of`, or is not worth it yet."""
        if as_of <= self.fetched_at - LONG_GONE:
            return True
        wanted = min(as_of, now - SETTLES)
        if not len(self.found.raw.days):
            return now < self.fetched_at + LOOK_AGAIN
        calendar = self.calendar
        if not calendar.knows(wanted):
            return now < self.fetched_at + LONG_GONE
        missing = calendar.closed_between(self.found.raw.days[-1].item(), wanted)
        if not missing:
            return True
        return now < self.fetched_at + (LOOK_AGAIN if missing <= MAX_STALE_SESSIONS else LONG_GONE)

    def asks_since(self, first_day: date) -> date:
        """Return from which day on it has to be asked for."""
        days = self.found.raw.days
        return max(first_day, days[-1].item() - OVERLAP) if len(days) else first_day

    def with_more(self, later: Fetched, fetched_at: datetime) -> History | None:
        """Return it with a later answer added, or None when that contradicts it and all has to be asked for anew.

        A split that is new, or a close that is another one, means that the bars before may have been changed too.
        """
        old, new = self.found.raw, later.raw
        if not set(later.splits) <= set(self.found.splits):
            return None
        if not len(new.days):
            return replace(self, fetched_at=fetched_at)
        _, before, after = np.intersect1d(old.days, new.days, assume_unique=True, return_indices=True)
        if len(old.days) and (not len(before) or not np.allclose(old.close[before], new.close[after], rtol=ALIKE)):
            return None
        kept = old.where(old.days < new.days[0])
        joined = RawBars(
            *(np.concatenate([getattr(kept, column), getattr(new, column)]) for column in RawBars.__dataclass_fields__)
        )
        return replace(self, fetched_at=fetched_at, found=replace(later, raw=joined, splits=self.found.splits))


def settled(found: Fetched, at: datetime, calendar: SessionCalendar) -> Fetched:
    """Return the answer without days whose bar is not final at `at`.

    Days that are no session of the calendar are kept once they are over: it may be corrected.
    """
    days, final = found.raw.days, at - SETTLES
    over = days < np.datetime64(final.astimezone(calendar.zone).date(), "D")
    closed = np.isin(days, calendar.days[: calendar.closed_count(final)])
    return replace(found, raw=found.raw.where(np.where(np.isin(days, calendar.days), closed, over)))
