"""Exchange calendars: implement the contract by which schedules ask for trading sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.contracts.exchanges import ExchangeSession
from ba2_trade_platform.market.calendars.sessions import instant, session_calendar


class ExchangeCalendars:
    """The calendars of exchange_calendars; each is built at first use, which takes about a second."""

    def sessions(self, name: str, first: date, last: date) -> Sequence[ExchangeSession]:
        """Return the sessions from `first` to `last`, both included, oldest first. Raises Invalid CALENDAR_UNKNOWN."""
        try:
            calendar = session_calendar(name)
        except ValueError as error:
            raise Invalid(str(error), code="CALENDAR_UNKNOWN") from error
        begin = int(np.searchsorted(calendar.days, np.datetime64(first, "D"), side="left"))
        end = int(np.searchsorted(calendar.days, np.datetime64(last, "D"), side="right"))
        return [
            ExchangeSession(calendar.days[at].item(), instant(calendar.opens[at]), instant(calendar.closes[at]))
            for at in range(begin, end)
        ]

    def names(self) -> Sequence[str]:
        """Return the calendars that can be chosen, by MIC."""
        import exchange_calendars  # noqa: PLC0415 - brings pandas, one second the start should not cost

        return sorted(exchange_calendars.get_calendar_names(include_aliases=False))
