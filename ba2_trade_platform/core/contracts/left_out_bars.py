"""Left-out bars: the sentences about traded bars on days on which their calendar has no session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

MOST = 5  # with more, and more than 2 in 100, it is another calendar


def warning(symbol: str, calendar: str, days: Sequence[date]) -> str:
    """Say that these days were left out, and how they would be used."""
    bars = f"a traded bar on {days[-1]}"
    if len(days) > 1:
        bars = f"{len(days)} traded bars on days such as {days[-1]}"
    return (
        f"{symbol} has {bars}, where the {calendar} calendar has no session; left out. If it traded then, add an extra "
        f"session to the calendar days of {calendar} on the page Instruments, then re-run"
    )


def refusal(symbol: str, calendar: str, days: Sequence[date], used: int) -> str | None:
    """Say that a symbol keeps another calendar, where more was left out beside `used` bars than a calendar forgets."""
    if len(days) <= max(MOST, used // 50):
        return None
    return (
        f"{symbol} has {len(days)} traded bars on days without a {calendar} session, from {days[0]} to {days[-1]}: it "
        f"seems to keep another calendar. Name that in instruments.csv, or add those days to the calendar days of "
        f"{calendar} on the page Instruments"
    )
