"""Symbol spellings: the names a symbol of a list may have here, for exchanges and classes are written in many ways."""

from __future__ import annotations

import re

from ba2_trade_platform.core.base.symbols import is_symbol, spelled

# The names of exchanges by the ending that their symbols bear; TSE is Toronto for one vendor, Tokyo for another.
_EXCHANGES = {
    "": "NASDAQ NYSE AMEX NYSEAMERICAN NYSEARCA ARCA NYSEMKT BATS CBOE CBOEBZX OTC OTCMKTS PINK XNAS XNYS XASE ARCX US",
    ".L": "LSE LON XLON LSEETF",
    ".DE": "XETR XETRA ETR IBIS IBIS2",
    ".F": "FWB FRA XFRA",
    ".PA": "EPA XPAR SBF",
    ".AS": "AMS XAMS AEB",
    ".BR": "EBR XBRU",
    ".MI": "BIT XMIL BVME MIL",
    ".MC": "BME XMAD",
    ".SW": "SIX SWX EBS XSWX",
    ".WA": "GPW WSE XWAR",
    ".TO": "TSX XTSE TSE",
    ".V": "TSXV XTSX VENTURE",
    ".T": "TYO XTKS TSEJ",
    ".HK": "HKEX HKG SEHK XHKG",
    ".SS": "SSE SHA XSHG SEHKNTL",
    ".SZ": "SZSE SHE XSHE SEHKSZSE",
    ".NS": "NSE XNSE",
    ".BO": "BSE BOM XBOM",
    ".AX": "ASX XASX",
    ".KS": "KRX XKRX",
    ".TW": "TWSE TPE XTAI",
}
_ENDINGS = {name: ending for ending, names in _EXCHANGES.items() for name in names.split()}
_NUMBERED = frozenset({".HK", ".SS", ".SZ"})
# Behind a blank or a hyphen (VOD LN Equity, VOD-GB): the ending that means the same.
_COUNTRIES = {"US": "", "UN": "", "UW": "", "UQ": "", "LN": ".L", "GB": ".L", "GY": ".DE", "GR": ".DE", "FP": ".PA"}
_COUNTRIES |= {"NA": ".AS", "IM": ".MI", "SM": ".MC", "SW": ".SW", "JT": ".T", "JP": ".T", "HK": ".HK", "AU": ".AX"}
_BY_COUNTRY = re.compile(r"(?P<stem>[A-Z0-9.&/]{1,12})(?P<sign>[ .-])(?P<country>[A-Z]{2})(?: EQUITY)?")
_CLASS = re.compile(r"(?P<stem>[A-Z]{1,6})[ ./-](?P<letter>[ABC])")
_WIDE = {0xFF01 + place: 0x21 + place for place in range(94)} | {0x3000: 0x20}


def spellings(text: str, exchange: str = "") -> tuple[str, ...]:
    """Return the symbols that a cell may mean, the likeliest first; none where it is no symbol.

    `exchange`: what the line says of where it is traded.
    """
    plain = spelled(text.translate(_WIDE)).removeprefix("$")
    plain = " ".join(plain.split())
    found = _with_exchange(plain, spelled(exchange)) or _by_country(plain) or _of_class(plain) or [plain]
    return tuple(dict.fromkeys(symbol for symbol in found if is_symbol(symbol)))


def is_at(venue: str, *said: str) -> bool:
    """Tell whether one of these names of exchanges and calendars means the same as `venue`."""
    return _ENDINGS.get(spelled(venue)) in {_ENDINGS.get(spelled(name), name) for name in said}


def divided(symbol: str) -> str | None:
    """Return BRK.B for BRKB, which may as well be a symbol of its own; None where no class can stand behind."""
    found = re.fullmatch(r"([A-Z]{2,5})([AB])", symbol)
    return f"{found[1]}.{found[2]}" if found else None


def _with_exchange(plain: str, exchange: str) -> list[str] | None:
    """Return NASDAQ:AAPL as AAPL and LSE:VOD as VOD.L; the American VOD is another."""
    venue, colon, stem = plain.partition(":")
    if not colon:
        venue, stem = exchange, plain
    ending = _ENDINGS.get(venue)
    if ending is None or (not colon and (not ending or "." in plain)):
        return None
    if venue == "TSE" and stem[:1].isdigit():
        ending = ".T"
    if ending in _NUMBERED and not stem.isdigit():
        return None
    # One charting site writes M_M for M&M.
    names = [stem.replace("_", "&"), stem] if ending in {".NS", ".BO"} else [stem]
    return [spelling for name in names for spelling in _ended(name, ending)] + [plain]


def _ended(stem: str, ending: str) -> list[str]:
    if not ending:
        return _of_class(stem) or [stem]
    return [f"{stem.zfill(4) if ending == '.HK' else stem}{ending}"]


def _by_country(plain: str) -> list[str] | None:
    found = _BY_COUNTRY.fullmatch(plain)
    if found is None or found["country"] not in _COUNTRIES or (found["sign"] == "." and found["country"] != "US"):
        return None
    return [*_ended(found["stem"], _COUNTRIES[found["country"]]), plain]


def _of_class(plain: str) -> list[str] | None:
    """Return BRK-B, BRK.B and BRK/B, beginning with the one that is given, or with the dot."""
    found = _CLASS.fullmatch(plain)
    if found is None:
        return None
    return [plain, *(f"{found['stem']}{sign}{found['letter']}" for sign in ".-/")]
