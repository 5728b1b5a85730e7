"""Quiet hours: the next instant at which a channel may send, right also when clocks change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from ba2_trade_platform.core.base.errors import Impossible, Invalid
from ba2_trade_platform.core.recurrence.occurrences import instant_of
from ba2_trade_platform.core.recurrence.timings import CLOCK_TIME


@dataclass(frozen=True)
class QuietHours:
    """From `start` until `end` each day, HH:MM in `zone`, over midnight when `end` is the earlier one."""

    start: str
    end: str
    zone: str

    def over_at(self, instant: datetime) -> datetime:
        """Return when these hours are over, `instant` itself when it is outside of them.

        An hour that clocks show twice counts once: from the first time it is `start`, until the first time it is `end`.
        """
        zone = ZoneInfo(self.zone)
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        today = instant.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            begins = instant_of(datetime.combine(day, start), zone)
            ends = instant_of(datetime.combine(day + timedelta(days=end < start), end), zone)
            if begins <= instant < ends:
                return ends
        return instant


def check_quiet_hours(values: Mapping[str, Any]) -> None:
    """Raise Invalid where a channel's columns hold no quiet hours; none at all are allowed."""
    start, end, zone = values["quiet_from"], values["quiet_until"], str(values["zone"] or "")
    if zone not in available_timezones():
        raise Impossible(f"There is no time zone {zone[:64]!r}; for example Europe/Berlin")
    if not start and not end:
        return
    if not (start and end):
        raise Impossible("Quiet hours need both a start and an end, HH:MM")
    for given in (start, end):
        if not CLOCK_TIME.fullmatch(given):
            raise Invalid(f"Quiet hours: {given[:20]!r} is no time of day, HH:MM")
    if start == end:
        raise Impossible("Quiet hours that end when they begin would never end; switch the channel off instead")
