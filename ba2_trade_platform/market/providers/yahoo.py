"""Yahoo provider: daily prices by yfinance, which handles the cookies and crumbs that Yahoo wants.

The chart's answer is read here and not by `Ticker.history`: Yahoo's prices are adjusted for every later split, and an
analysis as of an earlier day must see them as they were then. So the splits are taken out again, and `Series` applies
them from the open of their session on. Prices are not adjusted for dividends. yfinance is imported on first use.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import numpy as np

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.market.prices.currency_units import scale_of
from ba2_trade_platform.market.prices.history import Fetched
from ba2_trade_platform.market.prices.series import RawBars, Split
from ba2_trade_platform.market.providers.requests import TIMEOUT_SECONDS, refusal
from ba2_trade_platform.vocabulary import ErrorCode

HOST = "https://query2.finance.yahoo.com"
TITLE = "Yahoo"
COLUMNS = ("open", "high", "low", "close", "volume")
# What Yahoo calls an exchange, and the calendar of its sessions.
CALENDARS = {
    exchange: calendar
    for calendar, exchanges in {
        "XNYS": "NYQ NMS NGM NCM PCX ASE BTS NYS PNK OQB OQX SNP DJI NIM",
        "XLON": "LSE IOB FGI",
        "XETR": "GER",
        "XPAR": "PAR",
        "XAMS": "AMS",
        "XBRU": "BRU",
        "XLIS": "LIS",
        "XMIL": "MIL",
        "XMAD": "MCE",
        "XSWX": "EBS",
        "XSTO": "STO",
        "XCSE": "CPH",
        "XHEL": "HEL",
        "XOSL": "OSL",
        "XWBO": "VIE",
        "XTSE": "TOR VAN",
        "BVMF": "SAO",
        "XMEX": "MEX",
        "XTKS": "JPX OSA",
        "XHKG": "HKG",
        "XSHG": "SHH SHZ",
        "XKRX": "KSC KOE",
        "XTAI": "TAI",
        "XSES": "SES",
        "XASX": "ASX",
        "XNZE": "NZE",
        "XBOM": "NSI BSE",
        "XJSE": "JNB",
        "24/7": "CCC",
    }.items()
    for exchange in exchanges.split()
}


class YahooSource:
    """Asks Yahoo for one symbol at a time; `base_url` is where Yahoo is, `folder` where its cookie is kept."""

    name = "yahoo"
    at_once = 1
    per_minute = 100
    first_day = date(2000, 1, 1)

    def __init__(self, folder: Path, base_url: str = HOST, timeout: float = TIMEOUT_SECONDS) -> None:
        self._folder = folder
        self._base_url = base_url
        self._timeout = timeout
        self._lock = threading.Lock()
        self._session: Any = None

    def name_of(self, symbol: str) -> str:
        """Return Yahoo's name: a class of shares has a hyphen where others write a dot (BRK.B, BRK-B)."""
        stem, dot, share_class = symbol.rpartition(".")
        return f"{stem}-{share_class}" if dot and share_class in {"A", "B", "C"} else symbol

    def fetch(self, names: Sequence[str], since: date, until: datetime) -> Mapping[str, Fetched]:
        """Return the daily bars of those that Yahoo knows; see PriceSource."""
        answers = ((name, self._chart(name, since, until)) for name in names)
        return {name: fetched for name, answer in answers if (fetched := answer and read_chart(name, answer))}

    def _chart(self, name: str, since: date, until: datetime) -> Any:
        """Return the chart as Yahoo sends it, None where Yahoo knows no such symbol."""
        from yfinance.data import YfData  # noqa: PLC0415 - brings pandas
        from yfinance.exceptions import YFRateLimitError  # noqa: PLC0415

        session = self._own_session()
        params = {
            "period1": int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp()),
            "period2": int(until.timestamp()),
            "interval": "1d",
            "events": "div,splits",
            "includePrePost": "false",
        }
        try:
            url = f"{self._base_url}/v8/finance/chart/{quote(name, safe='^=')}"
            answer = YfData(session=session).get(url, params=params, timeout=self._timeout)
        except YFRateLimitError as error:
            raise refusal(TITLE, 429, session.retry_after) from error
        if answer.status_code == 404:
            return None
        if answer.status_code >= 400:
            raise refusal(TITLE, answer.status_code, answer.headers.get("Retry-After"))
        return answer.json()

    def _own_session(self) -> Any:
        with self._lock:
            if self._session is None:
                import yfinance  # noqa: PLC0415 - brings pandas

                self._folder.mkdir(parents=True, exist_ok=True)
                yfinance.set_tz_cache_location(str(self._folder))
                self._session = _session(self._base_url, self._timeout)
            return self._session


def _session(base_url: str, timeout: float) -> Any:
    """Return a session that yfinance may use: its questions go to `base_url`, and end in time."""
    from curl_cffi import requests  # noqa: PLC0415 - only with the extra

    class Session(requests.Session[Any]):
        """Remembers how long Yahoo asked to wait: yfinance drops it."""

        retry_after: str | None = None

        def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
            """Ask; never longer than the time-out."""
            if base_url != HOST:
                parts = urlsplit(url)
                url = f"{base_url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
            answer = super().request(method, url, *args, **{**options, "timeout": timeout})
            if answer.status_code == 429:
                self.retry_after = answer.headers.get("Retry-After")
            return answer

    return Session(impersonate="chrome")


def read_chart(name: str, answer: Any) -> Fetched | None:
    """Return what a chart says, None where it knows no such symbol; ExpertError DATA_MISSING for another shape."""
    try:
        chart = answer["chart"]
        error = chart.get("error")
        if error:
            if error.get("code") == "Not Found":
                return None
            raise ExpertError(ErrorCode.DATA_MISSING, f"Yahoo has no prices of {name}: {error.get('description')}")
        result = chart["result"][0]
        meta = result["meta"]
        if str(meta["symbol"]).upper() != name.upper():
            raise ExpertError(ErrorCode.DATA_MISSING, f"Yahoo was asked for {name} and answered about {meta['symbol']}")
        return _fetched(name, result, meta)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        sentence = f"Yahoo's answer about {name} is not of the known shape: {type(error).__name__} {str(error)[:60]}"
        raise ExpertError(ErrorCode.DATA_MISSING, sentence) from error


def _fetched(name: str, result: dict[str, Any], meta: dict[str, Any]) -> Fetched:
    calendar = CALENDARS.get(meta["exchangeName"])
    if calendar is None:
        sentence = (
            f"{name} trades at {meta.get('fullExchangeName') or meta['exchangeName']}, whose sessions are unknown here"
        )
        raise ExpertError(ErrorCode.DATA_MISSING, sentence)
    zone = ZoneInfo(meta["exchangeTimezoneName"])
    stamps = result.get("timestamp") or []
    quotes = result["indicators"]["quote"][0] if stamps else {}
    columns = [np.array(quotes.get(column, []), dtype=np.float64) for column in COLUMNS]  # null becomes NaN
    days = np.array([datetime.fromtimestamp(stamp, zone).date() for stamp in stamps], dtype="datetime64[D]")
    splits = tuple(
        Split(datetime.fromtimestamp(split["date"], zone).date(), split["denominator"] / split["numerator"])
        for split in sorted(result.get("events", {}).get("splits", {}).values(), key=lambda split: split["date"])
    )
    later = np.ones(len(days))
    for split in splits:
        later[days < np.datetime64(split.day, "D")] *= split.ratio
    scale, currency = scale_of(str(meta["currency"]))
    prices = [column / later * scale for column in columns[:4]]
    raw = RawBars(days, prices[0], prices[1], prices[2], prices[3], columns[4] * later)
    # A session under way comes a second time as its last line; a line without prices is no bar.
    first = np.concatenate([[True], days[1:] != days[:-1]]) if len(days) else np.zeros(0, dtype=bool)
    whole = np.all([np.isfinite(column) & (column > 0) for column in prices], axis=0) if len(days) else first
    return Fetched(
        raw.where(first & whole),
        splits,
        str(meta.get("longName") or meta.get("shortName") or name),
        str(meta["exchangeName"]),
        currency,
        calendar,
    )
