"""Early closes: finds planned times on an exchange's half days, to warn a trader of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from ba2_trade_platform.core.contracts.exchanges import Calendars, ExchangeSession

_AROUND = timedelta(days=45)
_SHORTER_SECONDS = 30 * 60
_NEAR = timedelta(hours=16)


class EarlyCloses:
    """Compares sessions with those around them. Blocking: a calendar is built at its first use."""

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars

    def among(self, name: str | None, instants: Sequence[datetime]) -> dict[datetime, ExchangeSession]:
        """Return the shortened session that each instant belongs to; those of ordinary days are left out.

        Raises Invalid for an unknown calendar; without one there are none.
        """
        if name is None:
            return {}
        return {instant: session for instant in instants if (session := self._short(name, instant))}

    def _short(self, name: str, instant: datetime) -> ExchangeSession | None:
        around = self._calendars.sessions(name, instant.date() - _AROUND, instant.date() + _AROUND)
        own = min(around, key=lambda session: abs(session.opens_at - instant), default=None)
        if own is None or abs(own.opens_at - instant) > _NEAR:
            return None
        usual = median(_seconds(session) for session in around)
        return own if usual - _seconds(own) > _SHORTER_SECONDS else None


def _seconds(session: ExchangeSession) -> float:
    return (session.closes_at - session.opens_at).total_seconds()
