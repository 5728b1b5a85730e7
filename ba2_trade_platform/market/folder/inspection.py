"""Price file inspection: reads one file as an analysis would, and reports how it was understood."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts import left_out_bars
from ba2_trade_platform.core.contracts.experts import Bars, ExpertError
from ba2_trade_platform.core.contracts.price_files import FileState, PriceFileReport
from ba2_trade_platform.market.calendars.sessions import SessionCalendar
from ba2_trade_platform.market.folder.file_text import BadFile
from ba2_trade_platform.market.folder.prices import FolderPrices

SHOWN = 5
FAR = datetime(9999, 1, 1, tzinfo=UTC)


def inspect(prices: FolderPrices, symbol: str, path: Path, paths: Sequence[Path]) -> PriceFileReport:
    """Read one file, of all `paths` of its symbol, and report it; `behind` is left to whoever knows the time."""
    report = PriceFileReport(path.name, symbol, FileState.REFUSED, calendar=prices.calendar_name(symbol))
    try:
        file, series = prices.read_file(symbol, paths)
        bars = replace(series.bars_at(FAR), calendar_ends="")  # that is told of the present, by `behind`
    except (BadFile, ExpertError) as error:
        return replace(report, problem=str(error))
    calendar = prices.calendar_of(symbol)
    if not bars.sessions:
        return replace(report, problem=_without_sessions(path.name, file.bars.days, calendar))
    if other := left_out_bars.refusal(symbol, calendar.name, bars.left_out, len(bars)):
        return replace(report, form=file.form, problem=f"{path.name}: {other}")
    days = calendar.days
    own = np.array(bars.sessions, dtype="datetime64[D]")
    between = days[(days >= own[0]) & (days <= own[-1])]
    absent = between[~np.isin(between, own)]
    warnings = (*bars.warnings, *_not_for_experts(bars))
    state = FileState.WARNED if warnings else FileState.REPAIRED if file.repaired else FileState.USED
    return replace(
        report,
        state=state,
        form=file.form,
        bars=len(own),
        first_session=bars.sessions[0],
        last_session=bars.sessions[-1],
        missing=len(absent),
        missing_days=tuple(absent[:SHOWN].tolist()),
        repaired=file.repaired,
        warnings=warnings,
    )


def _without_sessions(file: str, days: NDArray[np.datetime64], calendar: SessionCalendar) -> str:
    """Say why a file that can be read has no bar: its calendar knows none of its days, or none is a session."""
    first, last = days[0].item(), days[-1].item()
    if first > calendar.last_day:
        return (
            f"{file}: all its days, {first} to {last}, lie after the end of their calendar. {calendar.reach.sentence}"
        )
    if last < calendar.first_day:
        return f"{file}: all its days, {first} to {last}, lie before {calendar.first_day}, where {calendar.name} begins"
    return (
        f"{file}: none of its days, {first} to {last}, is a {calendar.name} session: look whether it keeps another "
        "calendar, and name that in instruments.csv"
    )


def _not_for_experts(bars: Bars) -> tuple[str, ...]:
    """Return why experts refuse these bars, however many and however old they are."""
    try:
        bars.require(minimum=0, max_stale=sys.maxsize)
    except ExpertError as error:
        return (str(error),)
    return ()


def behind(report: PriceFileReport, calendar: SessionCalendar, now: datetime) -> PriceFileReport:
    """Return a report with the sessions that have closed since its last bar; warned of unknown ones and of the future.

    A report on a file that is refused stays as it is.
    """
    if report.last_session is None:
        return report
    last = report.last_session
    report = replace(report, behind=calendar.closed_between(last, now))
    told = [] if calendar.knows(now) else [calendar.reach.sentence]
    today = now.astimezone(calendar.zone).date()
    if last > today:
        told.append(
            f"{report.file} goes on to {last}, and it is {today}: look whether day and month have changed places"
        )
    return replace(report, state=FileState.WARNED, warnings=(*report.warnings, *told)) if told else report


def to_json(report: PriceFileReport) -> dict[str, Any]:
    """Return a report as JSON."""
    plain = asdict(report)
    plain["missing_days"] = [day.isoformat() for day in report.missing_days]
    for name in ("first_session", "last_session"):
        plain[name] = plain[name] and plain[name].isoformat()
    return plain


def from_json(plain: dict[str, Any]) -> PriceFileReport:
    """Return a report that was JSON; raises ValueError, KeyError or TypeError for what is none."""
    days = {name: plain[name] and date.fromisoformat(plain[name]) for name in ("first_session", "last_session")}
    missing = tuple(date.fromisoformat(day) for day in plain["missing_days"])
    sentences = {name: tuple(plain[name]) for name in ("repaired", "warnings")}
    return PriceFileReport(**plain | days | sentences | {"state": FileState(plain["state"]), "missing_days": missing})


def digest(*parts: object) -> str:
    """Return a short digest of what a report depends on besides its file."""
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]
