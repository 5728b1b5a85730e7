"""Numerals: read numbers as people and tools write them, by the decimal mark that a whole file shows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

NOTHING = frozenset({"", "-", "--", "null", "none", "nan", "n/a", "na", "#n/a"})
_MULTIPLES = {
    "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "TSD.": 1e3, "MIO.": 1e6, "MRD.": 1e9, "TSD": 1e3, "MIO": 1e6, "MRD": 1e9,
    "L": 1e5, "LAKH": 1e5, "CR": 1e7, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8, "천": 1e3, "만": 1e4, "억": 1e8,
}  # fmt: skip
_MULTIPLE = re.compile(r"(.*\d[.,]?)\s*([^\W\d]+\.?)")
_SPACES = str.maketrans({" ": "", "\u00a0": "", "\u202f": "", "\u2009": "", "'": "", "\u2019": "", "\u2212": "-"})
_BY_SPACES = re.compile(r"[+-]?\d{1,3}(?:[ \u00a0\u202f\u2009'\u2019]\d{3})+(?:[.,]\d*)?", re.ASCII)
_EXPONENT = re.compile(r"e[+-]?\d+$", re.ASCII | re.IGNORECASE)
_NUMBER = {
    mark: re.compile(
        rf"[+-]?(?:(?:\d+{re.escape(mark)}?\d*|{re.escape(mark)}\d+)(?:e[+-]?\d+)?"
        rf"|\d{{1,3}}(?:{re.escape(group)}\d{{2,3}})*{re.escape(group)}\d{{3}}(?:{re.escape(mark)}\d*)?)"
        r"|nan|[+-]?inf(?:inity)?",
        re.ASCII | re.IGNORECASE,
    )
    for mark, group in ((".", ","), (",", "."))
}
OTHER = {".": ",", ",": "."}


class AmbiguousNumber(Exception):  # noqa: N818 - what the cell is; whoever knows its line makes the sentence
    """A cell that is one number by one decimal mark and another by the other; its text says both."""


@dataclass(frozen=True)
class Evidence:
    """What one cell says of the decimal mark: `decides` it, or could be either by this `doubt`."""

    decides: str | None = None
    doubt: str | None = None


def bare(cell: str) -> str:
    """Return a cell without blanks, currency signs and the blanks or apostrophes that part its thousands."""
    cell = cell.strip()
    if cell and (unicodedata.category(cell[0]) == "Sc" or unicodedata.category(cell[-1]) == "Sc"):
        cell = "".join(letter for letter in cell if unicodedata.category(letter) != "Sc").strip()
    if cell[:1] in "-+\u2212" and cell[1:2] and unicodedata.category(cell[1]) == "Sc":
        cell = cell[0] + cell[2:]
    if _BY_SPACES.fullmatch(cell):
        return cell.translate(_SPACES)
    return cell.replace("\u2212", "-")


def evidence(cell: str) -> Evidence:
    """Return what a bare cell says of the decimal mark."""
    body = _EXPONENT.sub("", cell).lstrip("+-")
    dots, commas = body.count("."), body.count(",")
    if not dots and not commas:
        return Evidence()
    if dots and commas:
        last = "." if body.rfind(".") > body.rfind(",") else ","
        return Evidence(last if body.count(last) == 1 else None)
    mark = "." if dots else ","
    if dots + commas > 1:
        return Evidence(OTHER[mark])
    head, _, tail = body.partition(mark)
    if len(tail) != 3 or not 1 <= len(head) <= 3 or head.startswith("0"):
        return Evidence(mark)
    return Evidence(doubt=mark)


def decimal_mark(cells: Iterable[str], separator: str) -> str:
    """Return the decimal mark of bare cells, which all are of one file.

    Raises AmbiguousNumber when nothing decides and it matters: 1,234, or 1.234 in a file parted by semicolons, as
    where thousands have dots.
    """
    decided: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for cell in dict.fromkeys(cells):
        found = evidence(cell)
        if found.decides:
            decided.setdefault(found.decides, cell)
        elif found.doubt:
            doubts.setdefault(found.doubt, cell)
    if len(decided) > 1:
        raise AmbiguousNumber(f"{decided['.']!r} has a decimal point and {decided[',']!r} a decimal comma")
    if decided:
        return next(iter(decided))
    doubtful = doubts.get(",") or (doubts.get(".") if separator == ";" or len(doubts) > 1 else None)
    if doubtful:
        whole, part = re.sub("[.,]", "", doubtful), doubtful.replace(",", ".")
        raise AmbiguousNumber(f"{doubtful!r} is {whole} or {part}, and no row decides")
    return "."


def number(cell: str, mark: str) -> float | None:
    """Return a bare cell by this decimal mark, None when it is no number; nan and inf are numbers here."""
    if not _NUMBER[mark].fullmatch(cell):
        return None
    return float(cell.replace(OTHER[mark], "").replace(mark, "."))


def volume(cell: str, mark: str) -> float | None:
    """Return a bare cell as a volume, of which 1.2M may be written; None when it is no number."""
    found = _MULTIPLE.fullmatch(cell)
    multiple = _MULTIPLES.get(found[2].upper()) if found else None
    if found is None or multiple is None:
        return number(cell, mark)
    value = number(found[1], mark)
    return None if value is None else round(value * multiple, 3)


def without_multiple(cell: str) -> str:
    """Return a bare cell without what it is multiplied by: 1.2 of 1.2M."""
    found = _MULTIPLE.fullmatch(cell)
    return found[1] if found and found[2].upper() in _MULTIPLES else cell
