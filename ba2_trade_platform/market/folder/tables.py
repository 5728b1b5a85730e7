"""Table files: parse CSV and Parquet into cells that keep their line, so that errors can name it."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeGuard

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf|infinity)\s*", re.ASCII | re.IGNORECASE)
_SHOWN = 40


class BadFile(Exception):  # noqa: N818 - says what it is about; the sentence says what is wrong
    """A file of the user's that cannot be used; its text names the file, the line and the reason."""


@dataclass(frozen=True)
class Table:
    """The cells of one file by column; row i stood on `lines[i]` (a text line, or the row's number in Parquet)."""

    file: str
    unit: str
    lines: Sequence[int]
    columns: dict[str, Sequence[object]]

    def __len__(self) -> int:
        return len(self.lines)

    def at(self, row: int, reason: str) -> str:
        """Return the sentence that blames row `row` of this file."""
        return f"{self.file}, {self.unit} {self.lines[row]}: {reason}"

    def text(self, row: int, column: str, default: str = "") -> str:
        """Return one cell as stripped text, `default` when it is empty or the file has no such column."""
        cells = self.columns.get(column)
        cell = str(cells[row]).strip() if cells is not None and cells[row] is not None else ""
        return cell or default

    def date(self, row: int, column: str) -> date:
        """Return one cell as a date (of a timestamp, the date in its own zone), or raise BadFile."""
        cell = self.columns[column][row]
        if isinstance(cell, datetime):
            return cell.date()
        if isinstance(cell, date):
            return cell
        if isinstance(cell, str) and _DATE.fullmatch(cell.strip()):
            try:
                return date.fromisoformat(cell.strip())
            except ValueError as error:
                raise BadFile(self.at(row, f"{column} {cell.strip()} is no day of the calendar")) from error
        raise BadFile(self.at(row, f"{column} {_shown(cell)} is not a date (YYYY-MM-DD)"))

    def number(self, row: int, column: str) -> float:
        """Return one cell as a finite number, or raise BadFile."""
        cell = self.columns[column][row]
        if not _is_number(cell):
            raise BadFile(self.at(row, f"{column} {_shown(cell)} is not a number"))
        value = float(cell)
        if not math.isfinite(value):
            raise BadFile(self.at(row, f"{column} {value} is not a finite number"))
        return value


def _is_number(cell: object) -> TypeGuard[str | float | Decimal]:
    if isinstance(cell, str):
        return _NUMBER.fullmatch(cell) is not None
    return isinstance(cell, int | float | Decimal) and not isinstance(cell, bool)


def _shown(cell: object) -> str:
    if cell is None or cell == "":
        return "(empty)"
    text = str(cell)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def read_csv(path: Path, required: Collection[str]) -> Table:
    """Read a comma-separated UTF-8 file with a header (names in any case); blank lines are passed over.

    Raises BadFile when it cannot be read, is empty, lacks a required column or has a row of another length.
    """
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    header: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if not cells:
                continue
            if header is None:
                header = _header(path.name, cells, required)
            elif len(cells) != len(header):
                raise BadFile(
                    f"{path.name}, line {reader.line_num}: {len(cells)} cells where the header names {len(header)}"
                )
            else:
                rows.append(cells)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise BadFile(f"{path.name}, line {reader.line_num}: {error}") from error
    if header is None:
        raise BadFile(f"{path.name}, line 1: the file is empty")
    cells_by_column = zip(*rows, strict=True) if rows else ([] for _ in header)
    return Table(path.name, "line", lines, dict(zip(header, cells_by_column, strict=True)))


def read_parquet(path: Path, required: Collection[str]) -> Table:
    """Read the required columns (names in any case) of a Parquet file.

    Raises BadFile when it cannot be read, is no Parquet file or lacks a required column.
    """
    import polars  # noqa: PLC0415 - a third of a second that only a Parquet file should cost

    try:
        content = path.read_bytes()
        names = list(polars.read_parquet_schema(io.BytesIO(content)))
        header = _header(path.name, names, required)
        wanted = {column: names[header.index(column)] for column in required}
        frame = polars.read_parquet(io.BytesIO(content), columns=list(wanted.values()))
    except OSError as error:
        raise BadFile(f"{path.name} cannot be read: {error.strerror or error}") from error
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        raise BadFile(f"{path.name} is no readable Parquet file: {reason}") from error
    columns: dict[str, Sequence[object]] = {column: frame[name].to_list() for column, name in wanted.items()}
    return Table(path.name, "row", range(1, len(frame) + 1), columns)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path.name} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadFile(f"{path.name}, line {line}: the text is not UTF-8") from error


def _header(file: str, names: Sequence[str], required: Collection[str]) -> list[str]:
    header = [name.strip().lower() for name in names]
    missing = [column for column in required if column not in header]
    if missing:
        raise BadFile(f"{file}, line 1: the column {missing[0]} is missing (needed: {', '.join(required)})")
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        raise BadFile(f"{file}, line 1: the column {doubled[0]} is there twice")
    return header
