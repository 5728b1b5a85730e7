"""Quiet hours: the next instant at which a channel may send, right also when clocks change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from ba2_trade_platform.core.base.errors import Invalid

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


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
        today = instant.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            begins = _instant(day, self.start, zone)
            ends = _instant(day + timedelta(days=self.end < self.start), self.end, zone)
            if begins <= instant < ends:
                return ends
        return instant


def quiet_hours(start: str | None, end: str | None, zone: str) -> QuietHours | None:
    """Return these hours, None where there are none. Raises Invalid for what are no hours."""
    if zone not in available_timezones():
        raise Invalid(f"There is no time zone {zone[:64]!r}; for example Europe/Berlin")
    if not start and not end:
        return None
    if not (start and end):
        raise Invalid("Quiet hours need both a start and an end, HH:MM")
    for given in (start, end):
        if not _TIME.fullmatch(given):
            raise Invalid(f"Quiet hours: {given[:20]!r} is no time of day, HH:MM")
    if start == end:
        raise Invalid("Quiet hours that end when they begin would never end; switch the channel off instead")
    return QuietHours(start, end, zone)


def _instant(day: date, clock: str, zone: ZoneInfo) -> datetime:
    """Return when clocks first show this, or, where they skip it, the next minute that they show."""
    local = datetime.combine(day, time.fromisoformat(clock))
    while True:
        instant = local.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == local:
            return instant
        local += timedelta(minutes=1)
