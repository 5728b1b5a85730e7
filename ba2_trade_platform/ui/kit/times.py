"""Times: instants and durations as text, in the desk's zone or the browser's."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from nicegui import app

from ba2_trade_platform.core.analyses.rerun_plans import ago as largest_unit
from ba2_trade_platform.settings import Settings

DASH = "\N{EM DASH}"


def display_zone(settings: Settings) -> ZoneInfo:
    """Return the zone this page shows times in: the desk's, unless the trader chose another."""
    chosen = app.storage.client.get("zone")
    return ZoneInfo(chosen) if chosen else settings.zone


def moment(instant: datetime | None, zone: ZoneInfo) -> str:
    """Return an instant as short text: the time alone today, with its day otherwise."""
    if instant is None:
        return DASH
    local, today = instant.astimezone(zone), datetime.now(zone).date()
    if local.date() == today:
        return f"{local:%H:%M:%S}"
    return f"{local:%d %b %H:%M:%S}" if local.year == today.year else f"{local:%Y-%m-%d %H:%M}"


def exact(instant: datetime | None, zone: ZoneInfo) -> str:
    """Return an instant in full, with its zone; for tooltips and details."""
    return DASH if instant is None else f"{instant.astimezone(zone):%Y-%m-%d %H:%M:%S} {instant.astimezone(zone):%Z}"


def duration(milliseconds: float | None) -> str:
    """Return a duration: 85 ms, 4.2 s, 3:07, 1:02:45."""
    if milliseconds is None:
        return DASH
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def ago(instant: datetime) -> str:
    """Return how long ago an instant was, in one unit."""
    return f"{largest_unit(round((datetime.now(UTC) - instant).total_seconds()))} ago"


def ahead(instant: datetime) -> str:
    """Return in how long an instant comes, in one unit; for the browser to count down from."""
    seconds = round((instant - datetime.now(UTC)).total_seconds())
    return f"in {largest_unit(seconds)}" if seconds > 0 else "due now"


def zone_named(name: str | None) -> ZoneInfo:
    """Return the zone of this name, UTC where a trader has not written down a whole one yet."""
    return ZoneInfo(name) if name in available_timezones() else ZoneInfo("UTC")
