"""Own days file: a desk's corrections of calendars as CSV in its data folder, read and replaced as a whole."""

from __future__ import annotations

import csv
import io
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.contracts.exchanges import OwnDays
from ba2_trade_platform.market.folder.file_text import BadFile
from ba2_trade_platform.market.folder.tables import Table, read_csv
from ba2_trade_platform.vocabulary import OwnDaysKind

COLUMNS = ("calendar", "kind", "first", "last", "opens", "closes", "reason")
REQUIRED = COLUMNS[:3]
MOST_ROWS = 10_000
_TIME = re.compile(r"((?:[01]?\d|2[0-3]):[0-5]\d)(?::00)?")  # a spreadsheet writes 9:15 or 09:15:00


@dataclass(frozen=True)
class OwnDaysTable:
    """What the file says: the corrections that can be read, each with its place, and what is wrong with the others."""

    places: tuple[tuple[str, OwnDays], ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def days(self) -> tuple[OwnDays, ...]:
        """The corrections alone."""
        return tuple(days for _, days in self.places)


def read_own_days(file: Path) -> OwnDaysTable:
    """Read the corrections; a missing file is an empty one."""
    if not file.exists():
        return OwnDaysTable()
    try:
        table = read_csv(file, REQUIRED)
    except BadFile as error:
        return OwnDaysTable(problems=(str(error),))
    if len(table) > MOST_ROWS:
        return OwnDaysTable(problems=(f"{file.name}: {len(table):,} rows are too many; {MOST_ROWS:,} at most",))
    places: list[tuple[str, OwnDays]] = []
    problems: list[str] = []
    for row in range(len(table)):
        try:
            days = _days(table, row)
        except BadFile as error:
            problems.append(str(error))
            continue
        earlier = next((place for place, other in places if days.contradicts(other)), None)
        if earlier:
            problems.append(table.at(row, f"{days.words} is spoken of before, in {earlier.rstrip(': ')}; keep one"))
        else:
            places.append((table.at(row, ""), days))
    return OwnDaysTable(tuple(places), tuple(problems))


def write_own_days(file: Path, own: Sequence[OwnDays]) -> None:
    """Replace the file as a whole, so that a kill leaves the old one or the new. Raises Unavailable."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for days in sorted(own, key=lambda each: (each.calendar, each.first, each.last)):
        hours = (f"{days.opens:%H:%M}" if days.opens else "", f"{days.closes:%H:%M}" if days.closes else "")
        writer.writerow((days.calendar, days.kind.value, days.first, days.last, *hours, days.reason))
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        draft.write_text(text.getvalue(), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Unavailable(f"{file.name} cannot be written: {error.strerror or error}") from error


def _days(table: Table, row: int) -> OwnDays:
    calendar, kind = table.text(row, "calendar"), re.sub(r"[\s-]+", "_", table.text(row, "kind").lower())
    if not calendar:
        raise BadFile(table.at(row, "the calendar is missing, for example XNYS"))
    if kind not in list(OwnDaysKind):
        kinds = " nor ".join(each.value for each in OwnDaysKind)
        raise BadFile(table.at(row, f"kind {kind[:40] or '(empty)'} is neither {kinds}"))
    first = table.date(row, "first")
    last = table.date(row, "last") if table.text(row, "last") else first
    if last < first:
        raise BadFile(table.at(row, f"{first} to {last} ends before it begins"))
    hours = _time(table, row, "opens"), _time(table, row, "closes")
    return OwnDays(calendar, OwnDaysKind(kind), first, last, *hours, table.text(row, "reason"))


def _time(table: Table, row: int, column: str) -> time | None:
    text = table.text(row, column)
    found = _TIME.fullmatch(text)
    if text and not found:
        raise BadFile(table.at(row, f"{column} {text[:40]} is no time of day; write it as 09:15"))
    return time.fromisoformat(found[1].zfill(5)) if found else None
