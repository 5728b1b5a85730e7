"""Price folders: files of made-up prices on real sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ba2_trade_platform.market.calendars.sessions import session_calendar

BUDGET_SUNDAY = date(2026, 2, 1)  # the exchanges of India traded, and their calendar has no session


def sessions_of(name: str, *, until: date) -> list[date]:
    """Return the recorded sessions of an exchange."""
    return [day for day in session_calendar(name).days.tolist() if day <= until]


def lay_prices(folder: Path, symbol: str, calendar: str, volumes: Mapping[date, int]) -> None:
    """Write a file with a bar for each of these days, whose price rises with the days, and name its calendar."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"{day},{at},{at + 2},{at - 1},{at + 1},{volumes[day]}" for at, day in enumerate(sorted(volumes), 100)]
    (folder / f"{symbol}.csv").write_text("\n".join(["date,open,high,low,close,volume", *rows]) + "\n")
    listed = folder / "instruments.csv"
    text = listed.read_text() if listed.exists() else "symbol,calendar\n"
    listed.write_text(f"{text}{symbol},{calendar}\n")
