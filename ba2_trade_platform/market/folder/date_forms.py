"""Date forms: read the day of a bar as people and tools write it, day and month told apart by its rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

# By the first letters that tell a month in English, German, French, Spanish, Italian, Portuguese, Dutch and Polish.
MONTHS = {
    letters: number
    for number, names in enumerate(
        ("jan ene gen sty", "feb fév fev lut", "mar mär mrt maa", "apr avr abr kwi", "may mai mag mei maj",
         "jun juin giu cze", "jul juil lug lip", "aug aoû aou ago sie", "sep set wrz", "oct okt ott out paź",
         "nov lis", "dec dez déc dic gru"),
        start=1,
    )
    for letters in names.split()
}  # fmt: skip
ORDERS = {"dmy": "day before month", "mdy": "month before day"}
_EPOCHS = {9: 1, 10: 1, 12: 10**3, 13: 10**3, 15: 10**6, 16: 10**6, 18: 10**9, 19: 10**9}
_EPOCH = re.compile(r"(\d{9,19})(?:\.\d*)?", re.ASCII)
_NAME = rf"(?u:(?P<name>{'|'.join(sorted(MONTHS, key=len, reverse=True))})[^\W\d_]*)\.?"
_JAVA = re.compile(r"[a-z]{3} ([a-z]{3}) (\d{2}) (\d{2}:\d{2}:\d{2}) ([a-z]{3,4}) (\d{4})", re.ASCII | re.IGNORECASE)
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?e\+?(?:09|1[0-8]|9)", re.ASCII | re.IGNORECASE)
_DAY = re.compile(
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?"
    r"(?:(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"
    r"|(?P<cy>\d{4})(?P<cm>\d{2})(?P<cd>\d{2})"
    r"|(?P<first>\d{1,2})(?P<sep>[-/.])(?P<second>\d{1,2})(?P=sep)(?P<ny>\d{4})"
    rf"|(?:(?P<d1>\d{{1,2}})\.?[-\s/]?(?:de\s)?{_NAME}[-\s/,]+(?:de\s)?(?P<y1>\d{{4}}|\d{{2}}))"
    rf"|(?:{_NAME.replace('name', 'name2')}[-\s/]+(?P<d2>\d{{1,2}})(?:,?\s+|[-/])(?P<y2>\d{{4}}))"
    rf"|(?:(?P<y3>\d{{4}})[-\s/]{_NAME.replace('name', 'name3')}[-\s/](?P<d3>\d{{1,2}}))"
    r"|(?:(?P<y4>\d{4})[年년]\s?(?P<m4>\d{1,2})[月월]\s?(?P<d4>\d{1,2})[日일]))",
    re.ASCII | re.IGNORECASE,
)
_TIME = re.compile(
    r"(?:t|[\s,;]+)(?P<h>\d{1,2})(?::?(?P<mi>\d{2}))(?::?(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<half>am|pm)?\s*(?P<zone>z|utc|(?:gmt|utc)?[+-]\d{2}:?\d{2}(?::\d{2})?|gmt|[a-z]{2,4}t|[a-z]+/[a-z_/]+)?",
    re.ASCII | re.IGNORECASE,
)
_TWO_DIGITS = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}(\D.*)?", re.ASCII)
_UTC = frozenset({"z", "utc", "gmt"})
MIDNIGHT = time(0)


class BadDate(Exception):  # noqa: N818 - what the cell is; whoever knows its line makes the sentence
    """A cell that is no day; its text says why, `row` which row of the column it is."""

    def __init__(self, reason: str, row: int = 0) -> None:
        super().__init__(reason)
        self.row = row


@dataclass(frozen=True)
class Stamp:
    """A cell's day and time of day by its own zone; `instant` where its zone is known, `at` None for a mere day."""

    day: date
    at: time | None = None
    instant: datetime | None = None


@dataclass(frozen=True)
class _Numbers:
    """A day in numbers of which two may change places: 03/04/2024."""

    first: int
    second: int
    year: int
    separator: str

    @property
    def text(self) -> str:
        """The day as it is shown."""
        return f"{self.first:02}{self.separator}{self.second:02}{self.separator}{self.year}"


def read_stamps(cells: Sequence[str], order: str | None = None) -> list[Stamp]:
    """Return the stamp of each cell of a column; `order` is that of day and month where it is known beforehand.

    Raises BadDate for a cell that is no day, and where no row decides which number is the day.
    """
    parsed = [_parts(cell, row) for row, cell in enumerate(cells)]
    numbers = [(row, day) for row, (day, _, _) in enumerate(parsed) if isinstance(day, _Numbers)]
    if numbers:
        order = _order(numbers, order)
    return [_stamp(*parts, order or "dmy", row) for row, parts in enumerate(parsed)]


def _order(numbers: Iterable[tuple[int, _Numbers]], given: str | None) -> str:
    """Return the order of day and month, proved by a number above twelve, or else given, or else usual with dots."""
    shown = list(numbers)
    proofs = {
        "dmy": next((row for row, each in shown if each.first > 12), None),
        "mdy": next((row for row, each in shown if each.second > 12), None),
    }
    found = [order for order, row in proofs.items() if row is not None]
    if len(found) == 2:
        rows: list[int] = [row for row in proofs.values() if row is not None]
        raise BadDate("date has the day in another place than the rows before it", max(rows))
    if found:
        if given and given != found[0]:
            row = proofs[found[0]]
            raise BadDate(f"date cannot have the {ORDERS[given]}, as instruments.csv says", row or 0)
        return found[0]
    if given:
        return given
    if all(each.separator == "." for _, each in shown):
        return "dmy"
    row, day = next(((row, each) for row, each in shown if each.first != each.second), shown[0])
    if day.first == day.second:
        return "dmy"
    readings = f"{_said(day.first, day.second, day.year)} or {_said(day.second, day.first, day.year)}"
    way = "write dmy or mdy into the column dates of instruments.csv, in this symbol's row"
    raise BadDate(f"date {day.text} is {readings}, and no row decides: {way}", row)


def _said(day: int, month: int, year: int) -> str:
    return f"{day} {date(2000, month, 1):%B} {year}" if 1 <= month <= 12 else f"month {month}"


def _parts(cell: str, row: int) -> tuple[date | _Numbers | datetime, time | None, str | None]:
    """Return a cell's day, its time of day and its zone as written."""
    text = _JAVA.sub(r"\1 \2, \5 \3 \4", cell.strip())
    epoch = _EPOCH.fullmatch(text)
    if epoch and len(epoch[1]) in _EPOCHS:
        return _of_epoch(epoch[1], row), None, None
    found = _DAY.match(text)
    rest = text[found.end() :] if found else ""
    clock = _TIME.fullmatch(rest) if rest.strip() else None
    if not found or (rest.strip() and not clock):
        raise BadDate(_reason(text), row)
    day = _day(found, text, row)
    return (day, None, None) if clock is None else (day, _time(clock, text, row), clock["zone"])


def _of_epoch(digits: str, row: int) -> datetime:
    seconds, part = divmod(int(digits), _EPOCHS[len(digits)])
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            seconds=seconds, microseconds=part * 10**6 // _EPOCHS[len(digits)]
        )
    except OverflowError as error:
        raise BadDate(f"date {digits!r} is no instant since 1970", row) from error


def _day(found: re.Match[str], text: str, row: int) -> date | _Numbers:
    part = found.groupdict()
    if part["ny"]:
        return _Numbers(int(part["first"]), int(part["second"]), int(part["ny"]), part["sep"])
    year, month, day = next(_readings(part))
    try:
        return date(year, month, day)
    except ValueError as error:
        raise BadDate(f"date {text[:40]} is no day of the calendar", row) from error


def _readings(part: dict[str, str | None]) -> Iterator[tuple[int, int, int]]:
    for year, month, day in (("y", "m", "d"), ("cy", "cm", "cd"), ("y4", "m4", "d4")):
        if part[year]:
            yield int(part[year] or 0), int(part[month] or 0), int(part[day] or 0)
    for year, name, day in (("y1", "name", "d1"), ("y2", "name2", "d2"), ("y3", "name3", "d3")):
        if part[year]:
            written = part[year] or ""
            century = 0 if len(written) == 4 else 2000 if int(written) < 69 else 1900
            yield century + int(written), MONTHS[(part[name] or "").lower()], int(part[day] or 0)


def _time(clock: re.Match[str], text: str, row: int) -> time:
    hour, half = int(clock["h"]), (clock["half"] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0) if 1 <= hour <= 12 else 99
    micro = int((clock["f"] or "0")[:6].ljust(6, "0"))
    try:
        return time(hour, int(clock["mi"]), int(clock["s"] or 0), micro)
    except ValueError as error:
        raise BadDate(f"date {text[:40]!r} has no time of day", row) from error


def _stamp(day: date | _Numbers | datetime, at: time | None, zone: str | None, order: str, row: int) -> Stamp:
    if isinstance(day, datetime):
        return Stamp(day.date(), day.time(), day)
    if isinstance(day, _Numbers):
        written, (number, month) = day, (day.first, day.second) if order == "dmy" else (day.second, day.first)
        try:
            day = date(day.year, month, number)
        except ValueError as error:
            raise BadDate(f"date {written.text} is no day of the calendar", row) from error
    if at is None or not zone:
        return Stamp(day, at)
    offset = _offset(zone.lower())
    if offset is None:
        return Stamp(day, at)
    try:
        return Stamp(day, at, datetime.combine(day, at, timezone(offset)).astimezone(UTC))
    except (OverflowError, ValueError) as error:
        raise BadDate(f"date {day} {at} has an impossible zone {zone}", row) from error


def _offset(zone: str) -> timedelta | None:
    """Return a written zone's distance from UTC; None of a named one, whose times are its exchange's own."""
    if zone in _UTC:
        return timedelta(0)
    signed = zone.removeprefix("gmt").removeprefix("utc")
    if signed[:1] not in "+-":
        return None
    hours, minutes = int(signed[1:3]), int(signed[3:].replace(":", "")[:2] or 0)
    span = timedelta(hours=hours, minutes=minutes)
    return span if signed[0] == "+" else -span


def _reason(text: str) -> str:
    shown = repr(text if len(text) <= 40 else f"{text[:40]}...") if text else "(empty)"
    if _TWO_DIGITS.fullmatch(text):
        return f"date {shown} has a year of two digits, which may be a day: save it with four"
    if _ROUNDED.fullmatch(text):
        return (
            f"date {shown} was rounded by a spreadsheet, which has lost the day: get the file anew, or save it as text"
        )
    if re.fullmatch(r"\d{5}(\.\d*)?", text, re.ASCII):
        return f"date {shown} is a spreadsheet's number of a day: save the column as dates, YYYY-MM-DD"
    return f"date {shown} is not a date (YYYY-MM-DD)"
