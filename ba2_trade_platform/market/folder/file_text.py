"""File text: decodes a file by its marks or as UTF-8, and refuses workbooks, archives and web pages by name."""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from pathlib import Path

LARGEST_BYTES = 64 * 1024 * 1024  # a century of daily bars has two; more would hold up whoever reads it
UNKNOWN = "not UTF-8: only its plain letters and digits are read"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with its mark"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_NO_TEXT = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook: save its sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook: save its sheet as CSV"),
    (b"\x1f\x8b", "compressed by gzip: unpack it"),
    (b"PAR1", "a Parquet file: let its name end with .parquet"),
    (b"%PDF", "a PDF document: prices have to be a table, as CSV"),
)
_PAGES = ("<!doctype", "<html", "<?xml", "<head")
_SAMPLE = 4096
# Of how many bytes a letter is, and which of them a Latin one uses.
_BARE = (("utf-32-le", 4, 0), ("utf-32-be", 4, 3), ("utf-16-le", 2, 0), ("utf-16-be", 2, 1))
_END_OF_FILE = "\x1a"  # as CP/M and DOS close a text


class BadFile(Exception):  # noqa: N818 - says what it is about; the sentence says what is wrong
    """A file of the user's that cannot be used; its text names the file, the line and the reason."""


@dataclass(frozen=True)
class FileText:
    """A file's text with its lines ended by a line feed, and how its bytes were understood.

    A byte that is not UTF-8 stands in it as a lone surrogate: what holds one is used for nothing.
    """

    file: str
    text: str
    encoding: str


def read_text(path: Path) -> FileText:
    """Read a text file, or raise BadFile with what it is instead."""
    try:
        content = _content(path)
    except OSError as error:
        raise BadFile(f"{path.name} cannot be read: {error.strerror}") from error
    for start, what in _NO_TEXT:
        if content.startswith(start):
            raise BadFile(f"{path.name} is {what}")
    text, encoding = _decoded(path.name, content)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.rstrip(_END_OF_FILE)
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise BadFile(
            f"{path.name}, line {line}: zero bytes stand in the text, as where writing was cut off: get it anew"
        )
    _refuse_answers(path.name, text)
    return FileText(path.name, text, encoding)


def is_clean(text: str) -> bool:
    """Tell whether every byte of this text was understood."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise BadFile(f"{path.name} has {size / 1e6:,.0f} MB; the daily prices of one symbol have less than 64")
    with path.open("rb") as file:  # a device or a pipe has no size and no end
        return file.read(LARGEST_BYTES)


def _decoded(file: str, content: bytes) -> tuple[str, str]:
    for mark, codec, name in _MARKS:
        if content.startswith(mark):
            return _strictly(file, content, codec, name)
    if bare := _without_mark(content):
        return _strictly(file, content, bare, f"{bare[:6].upper()} without its mark")
    try:
        return content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        return content.decode("utf-8", "surrogateescape"), UNKNOWN


def _strictly(file: str, content: bytes, codec: str, name: str) -> tuple[str, str]:
    try:
        return content.decode(codec), name
    except UnicodeDecodeError as error:
        raise BadFile(f"{file} begins as {name} and is cut or damaged at byte {error.start:,}: get it anew") from error


def _without_mark(content: bytes) -> str | None:
    """Return the codec of UTF-16 or UTF-32 without a mark: all bytes but one of Latin letters and digits are zero."""
    sample = content[:_SAMPLE]
    if b"\x00" not in sample:
        return None
    for codec, width, place in _BARE:
        others = [sample[start::width] for start in range(width) if start != place]
        if all(each.count(0) > 0.8 * (len(sample) // width) for each in others):
            return codec
    return None


def _refuse_answers(file: str, text: str) -> None:
    """Raise BadFile for a web page or a provider's error that was saved in place of prices."""
    start = text[:_SAMPLE].lstrip()
    if start.lower().startswith(_PAGES):
        raise BadFile(f"{file} is a web page and no price file: get the prices anew")
    if start.startswith(("{", "[{")):
        raise BadFile(f"{file} is JSON and no table{_told(text)}: get the prices as CSV")


def _told(text: str) -> str:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    told = next((value for value in answer.values() if isinstance(value, str)), "") if isinstance(answer, dict) else ""
    return f" ({told[:120]})" if told else ""
