"""Exchange calendars: implement the contract by which schedules ask for trading sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache

import numpy as np

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.contracts.exchanges import CalendarReach, ExchangeSession, OwnDays
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.calendars.sessions import SessionCalendar, instant, session_calendar

# Some releases of pandas or of the library cannot compute these: each is tried before it is offered.
DOUBTFUL = ("ASEX", "XBEL", "XBSE", "XCYS", "XTAE")


class ExchangeCalendars:
    """The calendars of exchange_calendars as the desk corrects them; each is built at first use, in about a second."""

    def __init__(self, calendars: DeskCalendars | None = None) -> None:
        self._calendars = calendars or DeskCalendars()

    def sessions(self, name: str, first: date, last: date) -> Sequence[ExchangeSession]:
        """Return the sessions from `first` to `last`, both included, oldest first. Raises Invalid CALENDAR_UNKNOWN."""
        calendar = self._get(name)
        begin = int(np.searchsorted(calendar.days, np.datetime64(first, "D"), side="left"))
        end = int(np.searchsorted(calendar.days, np.datetime64(last, "D"), side="right"))
        return [
            ExchangeSession(calendar.days[at].item(), instant(calendar.opens[at]), instant(calendar.closes[at]))
            for at in range(begin, end)
        ]

    def reach(self, name: str) -> CalendarReach:
        """Return which days a calendar knows. Raises Invalid CALENDAR_UNKNOWN."""
        return self._get(name).reach

    def names(self) -> Sequence[str]:
        """Return the calendars that can be chosen, by MIC; none that cannot be computed here."""
        import exchange_calendars  # noqa: PLC0415 - brings pandas, one second the start should not cost

        names = exchange_calendars.get_calendar_names(include_aliases=False)
        return sorted(name for name in names if name not in DOUBTFUL or _is_computable(name))

    def own_days(self) -> Sequence[OwnDays]:
        """Return the desk's own corrections."""
        return self._calendars.own_days()

    def _get(self, name: str) -> SessionCalendar:
        try:
            return self._calendars.get(name)
        except ValueError as error:
            raise Invalid(str(error), code="CALENDAR_UNKNOWN") from error


@cache
def _is_computable(name: str) -> bool:
    try:
        session_calendar(name)
    except ValueError:
        return False
    return True
