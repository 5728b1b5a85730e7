"""Folder research: reads news, posts and figures from the user's news.csv, posts.csv and figures.csv.

Columns (a header is needed, names in any case, further columns are passed over):

    news.csv, posts.csv   published_at, symbol, headline; where wanted summary, source, url, sentiment (-1 to 1)
    figures.csv           published_at, symbol, name, value; where wanted unit, period

`published_at` is an instant with its zone, as 2014-12-31T21:00:00Z or ...-05:00: a line without one cannot be placed
before or after an as_of, so it is left out and reported. A line that cannot be used never costs the others.
"""

from __future__ import annotations

import codecs
import csv
import io
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.base.symbols import is_symbol, spelled
from ba2_trade_platform.core.contracts.language_models import Article, ReportedFigure
from ba2_trade_platform.market.folder.file_cache import FileCache
from ba2_trade_platform.market.folder.file_text import is_clean
from ba2_trade_platform.market.research.sources import FileReport, ResearchSource

log = logging.getLogger(__name__)
NEWS, POSTS, FIGURES = "news.csv", "posts.csv", "figures.csv"
LARGEST_FILE = 64 * 1024 * 1024  # bytes; what is read stays in memory
REPORTED = 100  # bad lines that are kept, of each file; the others are counted
HEADLINE, SUMMARY, SHORT = 500, 4000, 200
_WEB = ("http://", "https://")

T = TypeVar("T", Article, ReportedFigure)
Row = Mapping[str, str]


@dataclass
class ResearchFile(Generic[T]):
    """What one file holds: items by symbol, newest first, and what is wrong with it, each sentence with its line."""

    name: str
    items: dict[str, list[T]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    bad_lines: int = 0

    def blame(self, line: int, reason: str) -> None:
        """Report one line that is left out."""
        self.bad_lines += 1
        if len(self.problems) < REPORTED:
            self.problems.append(f"{self.name}, line {line}: {reason}")

    def report(self) -> FileReport:
        """Return this in numbers."""
        newest = max((items[0].published_at for items in self.items.values()), default=None)
        count = sum(map(len, self.items.values()))
        return FileReport(self.name, count, len(self.items), newest, self.bad_lines, tuple(self.problems))


class ResearchFolder(ResearchSource):
    """The three files behind the ResearchSource contract; read when asked, and again when they have changed.

    A file that is not there is an empty one. Raises ValueError when the folder is none.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise ValueError(f"BA2_RESEARCH_DIR is {path}, which is not a folder")
        self._path = path
        self._cache = FileCache()
        self._news = partial(self._file, NEWS, _article, ("headline",))
        self._posts = partial(self._file, POSTS, _article, ("headline",))
        self._figures = partial(self._file, FIGURES, _figure, ("name", "value"))

    def articles(self, symbol: str) -> Sequence[Article]:
        """Return the news of one symbol, newest first."""
        return self._news().items.get(symbol, ())

    def posts(self, symbol: str) -> Sequence[Article]:
        """Return what investors wrote about one symbol, newest first."""
        return self._posts().items.get(symbol, ())

    def figures(self, symbol: str, as_of: datetime) -> Sequence[ReportedFigure]:  # noqa: ARG002 - the protocol's
        """Return what the company has reported, newest first, as the file gives it."""
        return self._figures().items.get(symbol, ())

    def describe(self) -> str:
        """Say where this research comes from."""
        return f"News, figures and posts come from the folder {self._path}"

    def files(self) -> Sequence[FileReport]:
        """Return what the three files hold now."""
        return self._news().report(), self._figures().report(), self._posts().report()

    def _file(self, name: str, item_of: Callable[[Row], T], required: Sequence[str]) -> ResearchFile[T]:
        path, needed = self._path / name, ("published_at", "symbol", *required)

        def make() -> ResearchFile[T]:
            read = _read(path, item_of, needed)
            if read.problems:
                log.warning("Research: %s lines of %s cannot be used; %s", read.bad_lines, name, read.problems[0])
            return read

        return self._cache.get(name, [path], make)


def _read(path: Path, item_of: Callable[[Row], T], required: Sequence[str]) -> ResearchFile[T]:
    read: ResearchFile[T] = ResearchFile(path.name)
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            read.problems.append(f"{path.name} has {size} bytes; at most {LARGEST_FILE} are read: keep the newer part")
            return read
        content = path.read_bytes()
    except FileNotFoundError:
        return read
    except OSError as error:
        read.problems.append(f"{path.name} cannot be read: {error.strerror}")
        return read
    _read_lines(read, _text(content), item_of, required)
    for items in read.items.values():
        items.sort(key=lambda item: item.published_at, reverse=True)
    return read


def _text(content: bytes) -> str:
    """Return a file's text; a byte that is not understood stands in it as a lone surrogate, and costs its line."""
    text = ""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):
            text = content.decode("utf-16")
    return (text or content.decode("utf-8-sig", errors="surrogateescape")).replace("\0", "")


def _read_lines(read: ResearchFile[T], text: str, item_of: Callable[[Row], T], required: Sequence[str]) -> None:
    header: list[str] | None = None
    for line, cells in _lines(read, text):
        if not all(map(is_clean, cells)):
            read.blame(line, "it is not UTF-8: save the file as CSV in UTF-8, or its words would be others")
        elif header is None:
            header = [cell.lower() for cell in cells]
            missing = [column for column in required if column not in header]
            if missing:
                read.blame(line, f"the column {missing[0]} is missing (needed: {', '.join(required)})")
                return
        elif len(cells) != len(header):
            read.blame(line, f"{len(cells)} cells where the header names {len(header)}")
        else:
            row = dict(zip(header, cells, strict=True))
            symbol = spelled(row["symbol"])
            if not is_symbol(symbol):
                read.blame(line, f"{symbol[:40]!r} is not a symbol")
                continue
            try:
                item = item_of(row)
            except ValueError as error:
                read.blame(line, str(error))
            else:
                read.items.setdefault(symbol, []).append(item)
    if header is None:
        read.blame(1, "there is no header")


def _lines(read: ResearchFile[T], text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each record with the line it begins on; blank lines are passed over."""
    # Strict, so that a quote which is never closed costs an error and not all lines behind it, silently.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            ends = f", up to line {reader.line_num}" if reader.line_num > begins else ""
            read.blame(begins, f"{error}{ends}")
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield begins, [cell.strip() for cell in cells]


def _article(row: Row) -> Article:
    headline = clean_text(row["headline"], HEADLINE)
    if not headline:
        raise ValueError("the headline is empty")
    url = row.get("url", "")[: 4 * SHORT]
    return Article(
        published_at=_instant(row),
        headline=headline,
        summary=clean_text(row.get("summary", ""), SUMMARY),
        source=clean_text(row.get("source", ""), SHORT),
        url=url if url.lower().startswith(_WEB) else "",  # no other scheme may ever become a link
        sentiment=_sentiment(row),
    )


def _figure(row: Row) -> ReportedFigure:
    name = clean_text(row["name"], SHORT)
    if not name:
        raise ValueError("the name is empty")
    value = _number("value", row["value"])
    unit, period = (clean_text(row.get(column, ""), SHORT) for column in ("unit", "period"))
    return ReportedFigure(_instant(row), name, value, unit, period)


def _instant(row: Row) -> datetime:
    text = row["published_at"]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"published_at {text[:40]!r} is not an instant (2014-12-31T21:00:00Z)") from None
    if at.utcoffset() is None:
        raise ValueError(f"published_at {text[:40]!r} has no time zone; write 2014-12-31T21:00:00Z or ...-05:00")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"published_at {text[:40]!r} lies outside the calendar") from None


def _number(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{column} {text[:40]!r} is not a number")
    return value


def _sentiment(row: Row) -> float | None:
    text = row.get("sentiment", "")
    if not text:
        return None
    value = _number("sentiment", text)
    if not -1 <= value <= 1:
        raise ValueError(f"sentiment {text[:40]!r} is not from -1 to 1")
    return value
