"""Assumed sessions: days after a calendar's end as they would be, so that a schedule has a time to speak up at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.contracts.exchanges import CalendarReach, ExchangeSession

_DAY = timedelta(days=1)


class AssumedSessions:
    """What an exchange would do if it went on as in the `known` sessions, on one of these days of the week."""

    def __init__(self, reach: CalendarReach, known: Sequence[ExchangeSession], days: Sequence[int]) -> None:
        self._after, self._zone = reach.last, ZoneInfo(reach.zone)
        hours = Counter((self._wall(one, one.opens_at), self._wall(one, one.closes_at)) for one in known)
        self._hours = hours.most_common(1)[0][0] if hours else (timedelta(), _DAY)
        self._weekdays = {session.day.weekday() for session in known} & set(days) or set(days)

    def between(self, first: date, last: date) -> Sequence[ExchangeSession]:
        """Return the sessions from `first` to `last`, none before the calendar's end."""
        start = max(first, self._after + _DAY)
        every = (start + number * _DAY for number in range((last - start).days + 1))
        return [self._session(day) for day in every if day.weekday() in self._weekdays]

    def _wall(self, session: ExchangeSession, instant: datetime) -> timedelta:
        return instant.astimezone(self._zone).replace(tzinfo=None) - datetime.combine(session.day, time())

    def _session(self, day: date) -> ExchangeSession:
        midnight = datetime.combine(day, time())
        opens, closes = ((midnight + wall).replace(tzinfo=self._zone).astimezone(UTC) for wall in self._hours)
        return ExchangeSession(day, opens, closes)
