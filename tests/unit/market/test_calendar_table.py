"""The table of calendars in docs/schedules: written from the library."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date
from pathlib import Path

import exchange_calendars
import pytest

from ba2_trade_platform.core.contracts.exchanges import COMPUTED_UNTIL
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.market.calendars.sessions import session_calendar

DOCUMENT = Path(__file__).parents[3] / "docs" / "schedules.md"
BEGIN, END = "<!-- reach: written by tests/unit/market/test_calendar_table.py -->", "<!-- end of reach -->"
YEARS_IN_A_ROW = 5


def moving_until(name: str) -> date | None:
    """Return the end of the last year with holidays recorded day by day, where there were some in each year before."""
    recorded = exchange_calendars.get_calendar(name).adhoc_holidays
    years = Counter(int(str(day)[:4]) for day in recorded)  # of one calendar they are numpy days
    last = max(years, default=0)
    in_each = all(years[last - back] for back in range(YEARS_IN_A_ROW))
    return date(last, 12, 31) if last and in_each and last < COMPUTED_UNTIL.year - 1 else None


def table() -> str:
    """Return the table as it is to stand in the document."""
    lines = ["| calendar | from | until | moving holidays until |", "| --- | --- | --- | --- |"]
    for name in ExchangeCalendars().names():
        reach = session_calendar(name).reach
        moving = moving_until(name)
        shown = moving if moving is not None and moving < reach.last else ""
        lines.append(f"| `{name}` | {reach.first} | {reach.last} | {shown} |")
    return "\n".join(lines)


def test_the_document_says_how_far_each_offered_calendar_reaches() -> None:
    """Set BA2_WRITE_DOCS=1 to have it written."""
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    written, _, after = rest.partition(END)
    wanted = f"\n{table()}\n"
    if os.environ.get("BA2_WRITE_DOCS"):
        DOCUMENT.write_text(f"{before}{BEGIN}{wanted}{END}{after}")
        pytest.skip("The table was written")
    assert written == wanted
