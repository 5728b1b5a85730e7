"""Symbol alphabet: one spelling of each symbol wherever one is given, and a file name for it on every system."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

from ba2_trade_platform.core.base.errors import Invalid

LONGEST_SYMBOL = 40
# What copied text brings along unseen: soft hyphens, zero widths, marks of direction. What turns letters round is none.
_UNSEEN = "\u00ad\u200b-\u200f\u202a-\u202d\u2060\u2066\u2068\u2069\ufeff"
_FIRST, _FURTHER = "A-Z0-9^", "A-Z0-9.=^/:_&-"
_SYMBOL = re.compile(rf"[{_FIRST}][{_FURTHER}]{{0,{LONGEST_SYMBOL - 1}}}")
_MARKS = re.compile(f"[{_UNSEEN}]")
# What `symbol_of` takes, in words that JSON Schema understands too.
SYMBOL_PATTERN = (
    rf"^[\s{_UNSEEN}]*[a-z{_FIRST}][{_UNSEEN}]*([a-z{_FURTHER}][{_UNSEEN}]*){{0,{LONGEST_SYMBOL - 1}}}[\s{_UNSEEN}]*$"
)
# Windows has no files of these names, whatever ending they bear.
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|COM\d|LPT\d)(?:\.|\Z)")
_NO_FILE = re.compile("[/:]")
# One share of a class by a blank (BRK B), or two companies: the piece stays whole, so that a person is asked.
_CLASS = r"[A-Za-z]{2,6} [A-Ca-c]"
_PART = r"[^\s,;\"']"
_PIECES = re.compile(rf"(?<!{_PART}){_CLASS}(?!{_PART})|{_PART}+")
_BY_BLANK = re.compile(_CLASS)


def capitals(text: str) -> str:
    """Return a symbol's letters in capitals; other alphabets stay, for their capitals may be letters of this one."""
    return text.upper() if text.isascii() else text


def spelled(text: str) -> str:
    """Return a symbol as it is sought: in capitals, without blanks around it and what came along unseen."""
    return capitals(_MARKS.sub("", text).strip())


def typed_symbols(text: str) -> list[str]:
    """Return the pieces of a typed text that should be symbols; commas, semicolons, blanks, quotes, lines part it."""
    return [piece.removeprefix("$") for piece in _PIECES.findall(text)]


def is_symbol(text: str) -> bool:
    """Tell whether a text is a symbol as it is stored."""
    return _SYMBOL.fullmatch(text) is not None


def symbol_of(text: str) -> str:
    """Return a symbol as it is stored, or raise Invalid."""
    symbol = spelled(text)
    if not is_symbol(symbol):
        shown = text.strip()[:LONGEST_SYMBOL] or "(empty)"
        if _BY_BLANK.fullmatch(symbol):
            one, other = symbol.split()
            sentence = f"{symbol} may be one share or two symbols: write {one}.{other}, or {one}, {other}"
            raise Invalid(sentence, code="SYMBOL_INVALID")
        sentence = f"{shown} is no symbol: letters, digits and . - = ^ / : _ & only, {LONGEST_SYMBOL} at most"
        if stranger := next((letter for letter in symbol if not letter.isascii()), ""):
            sentence += f"; one of its letters is U+{ord(stranger):04X}, {unicodedata.name(stranger, 'without a name')}"
        raise Invalid(sentence, code="SYMBOL_INVALID")
    return symbol


def file_stem(symbol: str) -> str:
    """Return a symbol's file name without its ending: BTC/USD is BTC%2FUSD, CON (a device to Windows) is %43ON."""
    stem = _NO_FILE.sub(lambda sign: f"%{ord(sign[0]):02X}", symbol)
    return f"%{ord(stem[0]):02X}{stem[1:]}" if _DEVICE.match(stem) else stem


def symbol_of_stem(stem: str) -> str | None:
    """Return the symbol that a file name without its ending means, None when it means none."""
    symbol = spelled(unquote(stem))
    return symbol if is_symbol(symbol) else None
