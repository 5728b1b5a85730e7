"""Exchange contract: the trading sessions that schedules ask for, so that calendars stay a plug-in's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True)
class ExchangeSession:
    """One trading day: the exchange's own date, and its open and close as aware UTC instants."""

    day: date
    opens_at: datetime
    closes_at: datetime


class Calendars(Protocol):
    """The sessions of exchanges, by MIC or a known alias such as NYSE."""

    def sessions(self, name: str, first: date, last: date) -> Sequence[ExchangeSession]:
        """Return the sessions from `first` to `last`, both included, oldest first.

        Raises Invalid CALENDAR_UNKNOWN for a calendar that does not exist; days that it does not reach have none.
        """

    def names(self) -> Sequence[str]:
        """Return the calendars that can be chosen."""
