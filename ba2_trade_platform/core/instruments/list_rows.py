"""List rows: tells positions from totals, cash, options and notes, so that no word of a file becomes a company."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.core.instruments.list_columns import CASH, TOTAL


class RowKind(Enum):
    """What a line of a list is."""

    POSITION = auto()
    PASSED_OVER = auto()
    DOUBTFUL = auto()


@dataclass(frozen=True)
class RowReading:
    """What a line is, and why it is no position."""

    kind: RowKind = RowKind.POSITION
    reason: str = ""


POSITION = RowReading()
_OPTION = re.compile(
    r"[-. ]*[A-Z]{1,6}\d? *\d{6}[CP]\d+(?:\.\d+)?|[A-Z.]{1,6} \d{1,2}/\d{1,2}/\d{2,4} [\d.]+ [CP]|"
    r"[A-Z.]{1,6} \d{1,2}[A-Z]{3}\d{2} [\d.]+ [CP]",
    re.IGNORECASE,
)
# Each is a company or a fund at some exchange, and far oftener a word of a broker.
_CURRENCIES = "USD EUR GBP GBX JPY CHF CAD AUD NZD HKD SGD SEK NOK DKK PLN CZK HUF TRY ZAR INR CNY CNH KRW TWD MXN BRL"
_TITLES = "CASH ALL TOTAL SYMBOL TICKER NAME DATE ACCOUNT POSITIONS HOLDINGS PORTFOLIO WATCHLIST STOCKS NONE NULL "
_TITLES += "NAN TRUE FALSE"
_WORDS = frozenset(f"{_CURRENCIES} {_TITLES}".split())
_NOTHING = frozenset({"", "-", "--", "\N{EN DASH}", "\N{EM DASH}", "n/a", "na", "none"})
_KINDS = (
    (re.compile(r".*(?:option|warrant|optionsschein).*|opt|iopt|war"), RowKind.PASSED_OVER, "an option"),
    (re.compile(r".*(?:cash|money market|forex|currency|devisen).*"), RowKind.PASSED_OVER, "cash"),
    (re.compile(r".*crypto.*|.*krypto.*"), RowKind.DOUBTFUL, "a crypto currency here: write its pair, such as BTC-USD"),
    (re.compile(r".*(?:future|anleihe|bond|fixed income).*|fut|fop|cfd|cfds"), RowKind.DOUBTFUL, "no share: {kind}"),
)


def reading_of(text: str, cells: Mapping[str, str], others: list[str], *, is_ours: bool) -> RowReading:
    """Return what a line is; `text` is its symbol, `others` its further cells.

    `is_ours`: the file has only columns that mean something here, so that no broker's line stands in it.
    """
    bare = text.strip()
    if not is_ours and (found := _by_words(bare, cells, [cell for cell in others if cell.casefold() not in _NOTHING])):
        return found
    if _OPTION.fullmatch(bare) and not is_ours:
        return RowReading(RowKind.PASSED_OVER, "an option")
    symbol = spelled(bare)
    if symbol in _WORDS:
        return _of_word(symbol, cells.get("name", ""))
    if number := security_number(symbol):
        whose = f" of {name[:40]}" if (name := cells.get("name", "").strip()) else ""
        sentence = f"{symbol} is {number}, no symbol: look up the symbol{whose} and write it in its place"
        return RowReading(RowKind.DOUBTFUL, sentence)
    return POSITION


def _by_words(bare: str, cells: Mapping[str, str], others: list[str]) -> RowReading | None:
    kind = cells.get("kind", "").casefold().strip()
    for pattern, row, reason in _KINDS:
        if kind and pattern.fullmatch(kind):
            return RowReading(row, reason.format(kind=kind))
    if not bare or bare.casefold() in _NOTHING:
        texts = [cell for cell in others if TOTAL.fullmatch(cell) or CASH.fullmatch(cell)]
        if texts:
            return RowReading(RowKind.PASSED_OVER, "a total" if TOTAL.fullmatch(texts[0]) else "cash")
        return RowReading(RowKind.PASSED_OVER, "a line without a symbol")
    words = " " in bare or bare.endswith("**")
    if TOTAL.fullmatch(bare) and (words or not cells.get("name")):
        return RowReading(RowKind.PASSED_OVER, "a total")
    if bare.endswith("**") or (words and CASH.fullmatch(bare)):
        return RowReading(RowKind.PASSED_OVER, "cash")
    return None


def _of_word(symbol: str, name: str) -> RowReading:
    said = name.strip()
    if said.casefold() in _NOTHING or spelled(said) == symbol:
        sentence = f"{symbol} may be a word of the file and no symbol; a name beside it would tell"
        return RowReading(RowKind.DOUBTFUL, sentence)
    if CASH.fullmatch(said) or TOTAL.fullmatch(said):
        return RowReading(RowKind.PASSED_OVER, "cash" if CASH.fullmatch(said) else "a total")
    return POSITION


def security_number(symbol: str) -> str | None:
    """Return what kind of number this is, told by its check digit: an ISIN or a CUSIP; None where it is none."""
    if re.fullmatch(r"[A-Z]{2}[A-Z0-9]{9}\d", symbol) and _is_isin(symbol):
        return "an ISIN"
    if re.fullmatch(r"(?=.*\d.*\d)[A-Z0-9]{8}\d", symbol) and not symbol.isdigit() and _is_cusip(symbol):
        return "a CUSIP"
    return None


def _is_isin(text: str) -> bool:
    digits = "".join(str(int(sign, 36)) for sign in text)
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _is_cusip(text: str) -> bool:
    values = [int(sign, 36) * (1 + place % 2) for place, sign in enumerate(text[:8])]
    return (10 - sum(value // 10 + value % 10 for value in values) % 10) % 10 == int(text[8])
