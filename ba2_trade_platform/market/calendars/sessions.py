"""Trading sessions: opens and closes of an exchange from exchange_calendars, by binary search."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ErrorCode

# Before 1970 exchange_calendars knows no New Year and no Christmas: its rules for yearly holidays begin there.
FIRST_DAY = "1970-01-01"
LAST_DAY = "2050-12-31"

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


@dataclass(frozen=True)
class SessionCalendar:
    """The sessions of one exchange, oldest first; every question is one binary search.

    `days` are the exchange's own dates (datetime64[D]), `opens` and `closes` microseconds since the epoch, all of
    shape (n,); `zone` is where it stands.
    """

    name: str
    days: NDArray[np.datetime64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    zone: tzinfo = UTC

    def open_on_or_after(self, day: date) -> datetime:
        """Return the UTC open of the session on `day`, or of the first one after it; ValueError past the calendar."""
        position = self._first_from(day)
        if position >= len(self.days):
            raise ValueError(f"{self.name} knows no session on or after {day}")
        return instant(self.opens[position])

    def close_on_or_before(self, day: date) -> datetime:
        """Return the UTC close of the session on `day`, or of the last one before it.

        Raises ExpertError BAD_REQUEST for a day on which this calendar cannot know the answer.
        """
        position = int(np.searchsorted(self.days, np.datetime64(day, "D"), side="right")) - 1
        if position < 0 or day > self.days[-1].item():
            raise ExpertError(
                ErrorCode.BAD_REQUEST,
                f"{day} lies outside the {self.name} calendar, which knows {self.days[0]} to {self.days[-1]}",
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

    Built once and kept; calendars with shorter records cover what they know: XTKS the last 20 years until
    2050, XSHG and XHKG until the end of what their exchanges have announced.
    Raises ValueError with a sentence for an unknown name.
    """
    with _building:
        return _build(name)


def _widest(name: str) -> Any:
    import exchange_calendars  # noqa: PLC0415 - as below

    for bounds in ({"start": FIRST_DAY, "end": LAST_DAY}, {"end": LAST_DAY}, {}):
        try:
            return exchange_calendars.get_calendar(name, **bounds)
        except ValueError:  # its holidays are not known for so long
            continue
    raise NotImplementedError(name)


@cache
def _build(name: str) -> SessionCalendar:
    import exchange_calendars  # noqa: PLC0415 - brings pandas, one second the start should not cost

    try:
        source = _widest(name)
    except exchange_calendars.errors.CalendarError as error:
        raise ValueError(f"There is no exchange calendar {name!r}") from error
    except NotImplementedError as error:  # XTAE; Orthodox Easter (ASEX, XBEL ...) in some pandas releases
        raise ValueError(f"The exchange calendar {name!r} cannot be computed here") from error
    return SessionCalendar(
        name=source.name,
        days=source.sessions.to_numpy().astype("datetime64[D]"),
        opens=source.opens.dt.tz_convert(None).to_numpy().astype("datetime64[us]").astype(np.int64),
        closes=source.closes.dt.tz_convert(None).to_numpy().astype("datetime64[us]").astype(np.int64),
        zone=source.tz,
    )
