"""Price forms: the table of how tools name the columns of daily prices, read by one reader."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

PRICES = ("open", "high", "low", "close")
DATE, TIME, VOLUME, TICKS = "date", "time", "volume", "ticks"

# What each column may be called, the surest name first. Names are compared by `plain`.
ROLES: Mapping[str, tuple[str, ...]] = {
    DATE: (
        "date", "<date>", "<dtyyyymmdd>", "datetime", "<datetime>", "timestamp", "time", "open time", "opentime",
        "gmt time", "local time", "utc", "utc time", "unix", "unix timestamp", "t", "day", "session", "trade date",
        "trading date", "date/time", "datum", "data", "fecha", "tarih", "дата", "日期", "日付", "날짜",
    ),
    TIME: (
        "<time>", "time",
    ),
    "open": (
        "open", "<open>", "open price", "opening price", "o", "price open", "eröffn.", "eröffnung", "eröffnungskurs",
        "apertura", "abertura", "ouv.", "ouverture", "otwarcie", "откр.", "开盘", "开盘价", "始値", "시가",
        "erster",
    ),
    "high": (
        "high", "<high>", "high price", "h", "price high", "hoch", "tageshoch", "máximo", "máxima", "max.",
        "massimo", "plus haut", "+ haut", "najwyzszy", "yüksek", "макс.", "高", "最高", "最高价", "高値",
        "고가",
    ),
    "low": (
        "low", "<low>", "low price", "l", "price low", "tief", "tagestief", "mínimo", "mínima", "min.", "minimo",
        "plus bas", "+ bas", "najnizszy", "düşük", "мин.", "低", "最低", "最低价", "安値", "저가",
    ),
    "close": (
        "close", "<close>", "close/last", "last", "close price", "closing price", "settle", "settlement price",
        "price close", "c", "price", "zuletzt", "schlusskurs", "schluss", "cierre", "último", "ultimo", "chiusura",
        "dernier", "clôture", "zamkniecie", "şimdi", "цена", "收盘", "收盘价", "終値", "종가",
    ),
    VOLUME: (
        "stücke", "stuecke", "volume", "vol", "vol.", "<vol>", "<volume>", "real volume",
        "total volume", "total trade quantity", "traded volume", "share volume", "v", "volumen", "wolumen", "hac.",
        "объём", "交易量", "成交量", "出来高", "거래량",
    ),
    TICKS: ("<tickvol>", "tick volume", "tickvol", "ticks"),
    "adjusted": (
        "adj close", "adj. close", "adjclose", "adjusted close", "adjusted", "adj closing price",
    ),
    "symbol": (
        "symbol", "ticker", "<ticker>", "ts code", "<symbol>", "name", "stock", "code", "instrument", "pair",
        "series symbol",
    ),
    "period": (
        "<per>", "per", "interval", "timeframe",
    ),
    "dividend": (
        "dividends", "dividend amount", "dividend", "cash dividend", "divcash", "ex-dividend",
    ),
    "split": (
        "split coefficient", "stock splits", "splits", "split ratio", "splitfactor", "split factor",
    ),
}  # fmt: skip
UNNAMED = frozenset({"", "unnamed: 0", "index", "price"})


@dataclass(frozen=True)
class Form:
    """One way in which prices are written: the names that tell it apart, or the cells of a row without a header.

    `order` is that of day and month where the tool has only one; `cells` and `roles` belong to a form without a header.
    """

    title: str
    names: frozenset[str] = frozenset()
    order: str | None = None
    cells: Sequence[str] = ()
    roles: Mapping[str, int] = field(default_factory=dict)


_DATED = r"\d{4}\.\d{2}\.\d{2}"
_NUMBER = r"-?\d+(?:[.,]\d+)?"
_OHLCV = {"open": 1, "high": 2, "low": 3, "close": 4, VOLUME: 5}
FORMS: tuple[Form, ...] = (
    Form("Stooq, its database", frozenset({"<ticker>", "<per>", "<date>"})),
    Form("Stooq, as Metastock", frozenset({"<dtyyyymmdd>"})),
    Form("MetaTrader 5", frozenset({"<date>", "<tickvol>"})),
    Form("Alpha Vantage, adjusted", frozenset({"timestamp", "adjusted close", "split coefficient"})),
    Form("Alpaca", frozenset({"timestamp", "trade count", "vwap"})),
    Form("Tiingo", frozenset({"adjclose", "splitfactor"})),
    Form("ARIVA.DE", frozenset({"datum", "erster", "schlusskurs"})),
    Form("AKShare", frozenset({"日期", "开盘", "最高"})),
    Form("Tushare", frozenset({"ts code", "trade date"})),
    Form("Alpha Vantage", frozenset({"timestamp", "open", "close", "volume"})),
    Form("Nasdaq", frozenset({"close/last"}), order="mdy"),
    Form("Investing.com", frozenset({"price", "change %"})),
    Form("Investing.com, in German", frozenset({"zuletzt", "eröffn."})),
    Form("Investing.com, in Spanish", frozenset({"último", "apertura"})),
    Form("Investing.com, in Portuguese", frozenset({"último", "abertura"})),
    Form("Investing.com, in French", frozenset({"dernier", "ouv."})),
    Form("Investing.com, in Italian", frozenset({"ultimo", "apertura"})),
    Form("Stooq, in Polish", frozenset({"otwarcie", "zamkniecie"})),
    Form("Binance klines", frozenset({"open time", "close time"})),
    Form("CryptoDataDownload", frozenset({"unix", "symbol"})),
    Form("Interactive Brokers", frozenset({"barcount", "average"})),
    Form("Interactive Brokers", frozenset({"barcount", "wap"})),
    Form("Dukascopy", frozenset({"gmt time"})),
    Form("Dukascopy", frozenset({"local time"})),
    Form("yfinance, a history", frozenset({"dividends", "stock splits"})),
    Form("Yahoo", frozenset({"adj close"})),
    Form("Kaggle, several symbols", frozenset({"date", "name"})),
    Form("TradingView", frozenset({"time", "open", "close"})),
)
HEADERLESS: tuple[Form, ...] = (
    Form("Binance klines", cells=(r"\d{12,16}", *[_NUMBER] * 5, r"\d{12,16}"), roles={DATE: 0} | _OHLCV),
    Form(
        "MetaTrader 4",
        cells=(_DATED, r"\d{1,2}:\d{2}(?::\d{2})?", *[_NUMBER] * 5),
        roles={DATE: 0, TIME: 1} | {role: place + 1 for role, place in _OHLCV.items()},
    ),
    Form("MetaTrader 4", cells=(rf"{_DATED}(?: \d{{1,2}}:\d{{2}})?", *[_NUMBER] * 5), roles={DATE: 0} | _OHLCV),
)  # fmt: skip
PLAIN = Form("date, open, high, low, close, volume")


def plain(name: str) -> str:
    """Return a column's name as it is compared: small, without marks of notes and numbers before it."""
    name = re.sub(r"^\d+[a-z]?[.)]\s*", "", name.strip().strip("\ufeff").lower())
    return re.sub(r"[\s_]+", " ", name.rstrip("*")).strip()


def roles_of(names: Sequence[str]) -> dict[str, int]:
    """Return which column plays which part, by plain names; the surest name wins, and of a pair the first."""
    found: dict[str, int] = {}
    for role, known in ROLES.items():
        place = next((names.index(name) for name in known if name in names), None)
        if place is not None and place not in found.values():
            found[role] = place
    if VOLUME not in found:
        place = next((at for at, name in enumerate(names) if re.match(r"volume[ (]", name)), None)
        if place is not None:
            found[VOLUME] = place
    return found


def form_of(names: Sequence[str]) -> Form:
    """Return the form that these plain names tell."""
    known = frozenset(names)
    return next((form for form in FORMS if form.names <= known), PLAIN)


def headerless_form(cells: Sequence[str]) -> Form | None:
    """Return the form of a file without a header by the cells of its first row."""
    for form in HEADERLESS:
        if len(cells) >= len(form.cells) and all(
            re.fullmatch(kind, cell.strip(), re.ASCII) for kind, cell in zip(form.cells, cells, strict=False)
        ):
            return form
    return None
