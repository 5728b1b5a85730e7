"""Table files: parse CSV and Parquet into cells that keep their line, so that errors can name it."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from ba2_trade_platform.market.folder import numerals
from ba2_trade_platform.market.folder.date_forms import BadDate, read_stamps
from ba2_trade_platform.market.folder.file_text import BadFile, is_clean, read_text

SEPARATORS = ",;\t|"
_ISO_COLUMN = re.compile(r"(?:\d{4}-\d{2}-\d{2}\n)*", re.ASCII)
DECLARED = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_SHOWN = 40
ParquetRoles = Callable[[str, Sequence[str]], dict[str, int]]


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

    def only(self, rows: Sequence[int]) -> Table:
        """Return these rows in this order."""
        columns: dict[str, Sequence[object]] = {
            name: [cells[row] for row in rows] for name, cells in self.columns.items()
        }
        return Table(self.file, self.unit, [self.lines[row] for row in rows], columns)

    def text(self, row: int, column: str, default: str = "") -> str:
        """Return one cell as stripped text, `default` when it is empty or the file has no such column.

        Raises BadFile for one whose bytes are no UTF-8: in which alphabet it is written is not guessed.
        """
        cells = self.columns.get(column)
        cell = str(cells[row]).strip() if cells is not None and cells[row] is not None else ""
        if not is_clean(cell):
            raise BadFile(self.at(row, f"{column} is not UTF-8; save the file as UTF-8"))
        return cell or default

    def date(self, row: int, column: str) -> date:
        """Return one cell as a date (of a timestamp, the date in its own zone), or raise BadFile."""
        cell = self.columns[column][row]
        try:
            return read_stamps([str(cell)])[0].day
        except BadDate as error:
            known = "no day of the calendar" in str(error)
            reason = str(error).removeprefix("date ") if known else f"{shown(cell)} is not a date (YYYY-MM-DD)"
            raise BadFile(self.at(row, f"{column} {reason}")) from error

    def number(self, row: int, column: str) -> float:
        """Return one cell as a finite number, or raise BadFile."""
        cell = self.columns[column][row]
        value = _number(cell)
        if value is None:
            raise BadFile(self.at(row, f"{column} {shown(cell)} is not a number"))
        if not math.isfinite(value):
            raise BadFile(self.at(row, f"{column} {value} is not a finite number"))
        return value


def _number(cell: object) -> float | None:
    if isinstance(cell, str):
        bare = numerals.bare(cell)
        return numerals.number(bare, numerals.evidence(bare).decides or ".")
    return float(cell) if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool) else None


def shown(cell: object, most: int = _SHOWN) -> str:
    """Return a cell as a sentence shows it."""
    if cell is None or cell == "":
        return "(empty)"
    text = str(cell).encode("utf-8", "backslashreplace").decode()
    return repr(text if len(text) <= most else f"{text[:most]}...")


def is_iso_column(cells: Sequence[object]) -> bool:
    """Tell whether every cell is a text of the form YYYY-MM-DD."""
    if not cells or not isinstance(cells[0], str):
        return False
    joined = "\n".join(str(cell) for cell in cells)
    return _ISO_COLUMN.fullmatch(f"{joined}\n") is not None


def read_csv(path: Path, required: Collection[str]) -> Table:
    """Read a file of cells with a header (names in any case); blank lines are passed over.

    Cells are parted by what parts the header's names: a comma, a semicolon, a tab or a bar. Raises BadFile when it
    cannot be read, is empty, lacks a required column or has a row of another length.
    """
    text = read_text(path).text
    skipped, separator = _separator(text)
    reader = csv.reader(io.StringIO(text.split("\n", skipped)[skipped], newline=""), delimiter=separator, strict=True)
    header: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for cells in reader:
            if not any(cells):
                continue
            line = reader.line_num + skipped
            if header is None:
                header = _header(path.name, cells, required)
            elif len(cells) != len(header):
                raise BadFile(f"{path.name}, line {line}: {len(cells)} cells where the header names {len(header)}")
            else:
                rows.append(cells)
                lines.append(line)
    except csv.Error as error:
        raise BadFile(f"{path.name}, line {reader.line_num + skipped}: {error}") from error
    if header is None:
        raise BadFile(f"{path.name}, line 1: the file is empty")
    cells_by_column = zip(*rows, strict=True) if rows else ([] for _ in header)
    return Table(path.name, "line", lines, dict(zip(header, cells_by_column, strict=True)))


def _separator(text: str) -> tuple[int, str]:
    """Return how many lines come before the table, and what parts its cells."""
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    declared = DECLARED.fullmatch(lines[first].strip())
    if declared and first + 1 < len(lines):
        return first + 1, declared[1]
    return first, max(SEPARATORS, key=lines[first].count)


def read_parquet(path: Path, roles_of: ParquetRoles) -> Table:
    """Read the columns of a Parquet file to which `roles_of` gives a part by the names of all.

    Raises BadFile when it cannot be read, is no Parquet file or lacks a needed column.
    """
    import polars  # noqa: PLC0415 - a third of a second that only a Parquet file should cost

    try:
        content = path.read_bytes()
        names = list(polars.read_parquet_schema(io.BytesIO(content)))
        roles = roles_of(path.name, names)
        frame = polars.read_parquet(io.BytesIO(content), columns=[names[place] for place in roles.values()])
    except OSError as error:
        raise BadFile(f"{path.name} cannot be read: {error.strerror or error}") from error
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        reason = str(error).partition("\n")[0]
        raise BadFile(f"{path.name} is no readable Parquet file: {reason}") from error
    columns: dict[str, Sequence[object]] = {role: frame[names[place]].to_list() for role, place in roles.items()}
    return Table(path.name, "row", range(1, len(frame) + 1), columns)


def _header(file: str, names: Sequence[str], required: Collection[str]) -> list[str]:
    header = [name.strip().lower() for name in names]
    missing = [column for column in required if column not in header]
    if missing:
        raise BadFile(f"{file}, line 1: the column {missing[0]} is missing (needed: {', '.join(required)})")
    doubled = [name for name in header if header.count(name) > 1]
    if doubled:
        raise BadFile(f"{file}, line 1: the column {doubled[0]} is there twice")
    return header
