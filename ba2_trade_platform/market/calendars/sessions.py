"""Trading sessions: opens and closes of an exchange from exchange_calendars, by binary search."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts.exchanges import COMPUTED_UNTIL, CalendarReach
from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode

# Before 1970 exchange_calendars knows no New Year and no Christmas: its rules for yearly holidays begin there.
FIRST_DAY = "1970-01-01"
LAST_DAY = COMPUTED_UNTIL.isoformat()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_building = threading.Lock()


def microseconds(instant: datetime) -> int:
    """Return an aware instant as whole microseconds since 1970-01-01T00:00Z; ValueError when it is naive."""
    if instant.utcoffset() is None:
        raise ValueError(f"{instant} has no time zone; an instant must be aware")
    return (instant - _EPOCH) // _MICROSECOND


def instant(since_epoch: int) -> datetime:
    """Return microseconds since 1970-01-01T00:00Z as an aware UTC instant."""
    return _EPOCH + int(since_epoch) * _MICROSECOND


@dataclass(frozen=True, eq=False)
class SessionCalendar:
    """The sessions of one exchange, oldest first; every question is one binary search.

    `days` are the exchange's own dates (datetime64[D]), `opens` and `closes` microseconds since the epoch, all of
    shape (n,). From `first_day` to `last_day` it is known of each day whether it is a session; `zone` is where the
    exchange stands, `weekdays` are the days of the week, 0 is Monday, on which there usually is one.
    """

    name: str
    days: NDArray[np.datetime64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    first_day: date
    last_day: date
    zone: ZoneInfo
    weekdays: frozenset[int]

    @property
    def reach(self) -> CalendarReach:
        """Of which days it knows whether they are sessions."""
        return CalendarReach(self.name, self.first_day, self.last_day, self.zone.key)

    @cached_property
    def _known_until(self) -> int:
        return self.end_of(self.last_day)

    def end_of(self, day: date) -> int:
        """Return the midnight that ends this day at the exchange, in microseconds since the epoch."""
        return microseconds(datetime.combine(day + timedelta(days=1), time(), self.zone))

    def knows(self, until: datetime) -> bool:
        """Tell whether every session that has closed by the aware instant `until` is known; after its end none is."""
        return microseconds(until) <= self._known_until

    def is_shut(self, days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Tell of each of these days whether it is known to be no session."""
        known = (days >= np.datetime64(self.first_day, "D")) & (days <= np.datetime64(self.last_day, "D"))
        return known & ~np.isin(days, self.days)

    @cached_property
    def digest(self) -> str:
        """A short digest of all its sessions and of its reach: another one is another calendar."""
        digest = hashlib.sha256(repr((self.reach, sorted(self.weekdays))).encode())
        for column in (self.days, self.opens, self.closes):
            digest.update(column.tobytes())
        return digest.hexdigest()[:16]

    def open_on_or_after(self, day: date) -> datetime:
        """Return the UTC open of the session on `day`, or of the first one after it; ValueError past the calendar."""
        position = self._first_from(day)
        if position >= len(self.days):
            raise ValueError(f"{self.name} knows no session on or after {day}")
        return instant(self.opens[position])

    def close_on_or_before(self, day: date) -> datetime:
        """Return the UTC close of the session on `day`, or of the last one before it.

        Raises ExpertError CALENDAR_ENDS for a day after the calendar, BAD_REQUEST for one before it.
        """
        if day > self.last_day:
            raise ExpertError(ErrorCode.CALENDAR_ENDS, self.reach.sentence)
        position = int(np.searchsorted(self.days, np.datetime64(day, "D"), side="right")) - 1
        if position < 0:
            raise ExpertError(
                ErrorCode.BAD_REQUEST,
                f"{day} lies outside the {self.name} calendar, which knows {self.days[0]} to {self.last_day}",
            )
        return instant(self.closes[position])

    def closed_count(self, until: datetime) -> int:
        """Return how many sessions have closed by the aware instant `until`."""
        return int(np.searchsorted(self.closes, microseconds(until), side="right"))

    def closed_between(self, after: date, until: datetime) -> int:
        """Return how many sessions later than the day `after` have closed by the aware instant `until`."""
        not_after = int(np.searchsorted(self.days, np.datetime64(after, "D"), side="right"))
        return max(0, self.closed_count(until) - not_after)

    def has_opened_since(self, day: date, now: datetime) -> bool:
        """Tell whether the session of `day`, or else the first one after it, has opened by the aware instant `now`."""
        position = self._first_from(day)
        return position < len(self.days) and bool(self.opens[position] <= microseconds(now))

    def _first_from(self, day: date) -> int:
        return int(np.searchsorted(self.days, np.datetime64(day, "D"), side="left"))


def session_calendar(name: str) -> SessionCalendar:
    """Return the calendar of an exchange by its MIC or a known alias, from 1970 to 2050 where its holidays are known.

    Built once and kept; calendars with shorter records cover what is recorded: XTKS from 1997, XSHG until the end of
    what its exchange has announced. Raises ValueError with a sentence for an unknown name.
    """
    with _building:
        return _build(name)


def canonical_name(name: str) -> str:
    """Return the name that an alias stands for; any other name is its own."""
    import exchange_calendars  # noqa: PLC0415 - on first use, for it brings pandas

    try:
        return str(exchange_calendars.resolve_alias(name))
    except exchange_calendars.errors.InvalidCalendarName:
        return name


def _widest(name: str) -> Any:
    import exchange_calendars  # noqa: PLC0415 - on first use, for it brings pandas

    try:
        return exchange_calendars.get_calendar(name, start=FIRST_DAY, end=LAST_DAY)
    except ValueError:  # its holidays are not recorded for so long
        recorded = exchange_calendars.get_calendar(name)
        first, last = recorded.bound_min(), recorded.bound_max()
        start = max(FIRST_DAY, first.date().isoformat()) if first is not None else FIRST_DAY
        end = min(LAST_DAY, last.date().isoformat()) if last is not None else LAST_DAY
        return exchange_calendars.get_calendar(name, start=start, end=end)


@cache
def _build(name: str) -> SessionCalendar:
    import exchange_calendars  # noqa: PLC0415 - brings pandas, one second the start should not cost

    try:
        source = _widest(name)
    except exchange_calendars.errors.CalendarError as error:
        raise ValueError(f"There is no exchange calendar {name!r}") from error
    except (NotImplementedError, ValueError) as error:  # XTAE; Orthodox Easter (ASEX, XBEL ...) in some pandas releases
        raise ValueError(f"The exchange calendar {name!r} cannot be computed here") from error
    first, last = source.bound_min(), source.bound_max()
    return SessionCalendar(
        name=source.name,
        days=source.sessions.to_numpy().astype("datetime64[D]"),
        opens=source.opens.dt.tz_convert(None).to_numpy().astype("datetime64[us]").astype(np.int64),
        closes=source.closes.dt.tz_convert(None).to_numpy().astype("datetime64[us]").astype(np.int64),
        first_day=max(date.fromisoformat(FIRST_DAY), first.date() if first is not None else date.min),
        last_day=min(date.fromisoformat(LAST_DAY), last.date() if last is not None else date.max),
        zone=ZoneInfo(str(source.tz)),
        weekdays=frozenset(day for day, open_ in enumerate(source.weekmask) if open_ == "1"),
    )
