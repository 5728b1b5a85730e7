"""Yahoo's and Alpaca's price servers on this machine: they speak the documented formats, and fail as they are told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as clock_time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import numpy as np

from ba2_trade_platform.market.prices.series import RawBars, Split

NEW_YORK = ZoneInfo("America/New_York")
KEY = "fake-key"
SECRET = "fake-secret"  # noqa: S105 - of a fake server


@dataclass(frozen=True)
class Trouble:
    """How one answer goes wrong: another status, late, cut in the middle, no JSON, or nothing in it."""

    status: int = 200
    retry_after: str | None = None
    seconds: float = 0
    how: str = ""  # cut, garbage, empty, shapeless, wrong symbol


@dataclass
class Market:
    """What the servers know: unadjusted bars and splits by symbol, and the troubles that come next, one a question."""

    bars: Mapping[str, RawBars] = field(default_factory=dict)
    splits: dict[str, tuple[Split, ...]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    recorded: dict[str, Any] = field(default_factory=dict)  # whole answers by path
    refused: set[str] = field(default_factory=set)  # by Alpaca, with all others of the same question

    def trouble(self, *troubles: Trouble) -> None:
        """Have the next questions go wrong like this."""
        self.troubles.extend(troubles)


@contextmanager
def price_server(market: Market) -> Iterator[str]:
    """Serve for the length of a block and give the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"market": market}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    market: Market

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if not parts.path.startswith(("/v8/", "/v2/", "/v1/corporate")):
            self._send(200, b"crumb", {})  # Yahoo's cookie and crumb
            return
        self.market.asked.append(self.path)
        trouble = self.market.troubles.pop(0) if self.market.troubles else Trouble()
        time.sleep(trouble.seconds)
        headers = {"Retry-After": trouble.retry_after} if trouble.retry_after else {}
        if trouble.status != 200:
            self._send(trouble.status, b'{"message": "as told"}', headers)
            return
        status, answer = self._answer(parts.path, asked, trouble)
        self._spoil(status, json.dumps(answer).encode(), trouble)

    def _answer(self, path: str, asked: dict[str, str], trouble: Trouble) -> tuple[int, Any]:
        if path in self.market.recorded:
            return 200, self.market.recorded[path]
        if path.startswith("/v8/finance/chart/"):
            return yahoo_chart(self.market, unquote(path.rpartition("/")[2]), asked, trouble)
        if self.headers["APCA-API-KEY-ID"] != KEY or self.headers["APCA-API-SECRET-KEY"] != SECRET:
            return 401, {"message": "forbidden."}
        if refused := self.market.refused & set(asked["symbols"].split(",")):
            return 400, {"message": f"invalid symbol: {min(refused)}"}
        if path == "/v2/stocks/bars":
            return 200, alpaca_bars(self.market, asked, trouble)
        return 200, alpaca_splits(self.market, asked)

    def _spoil(self, status: int, body: bytes, trouble: Trouble) -> None:
        if trouble.how == "garbage":
            body = b"<html>Will be right back</html>"
        if trouble.how == "empty":
            body = b""
        if trouble.how == "shapeless":
            body = b'{"chart": {"result": [{}]}, "bars": {"AAPL": [{"t": 1}]}}'
        self._send(status, body, {}, cut=trouble.how == "cut")

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def yahoo_chart(market: Market, name: str, asked: dict[str, str], trouble: Trouble) -> tuple[int, Any]:
    """Return a chart: prices adjusted for every later split, stamps at the session's open."""
    raw = market.bars.get(name)
    if raw is None:
        error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        return 404, {"chart": {"result": None, "error": error}}
    splits = market.splits.get(name, ())
    first, last = (datetime.fromtimestamp(int(asked[key]), UTC) for key in ("period1", "period2"))
    stamps = [_open(day) for day in raw.days.tolist()]
    shown = [position for position, stamp in enumerate(stamps) if first.timestamp() <= stamp <= last.timestamp()]
    factor = np.ones(len(raw.days))
    for split in splits:
        factor[raw.days < np.datetime64(split.day, "D")] *= split.ratio
    quote = {
        column: (getattr(raw, column) * (1 / factor if column == "volume" else factor))[shown].tolist()
        for column in ("open", "high", "low", "close", "volume")
    }
    events = {
        str(_open(split.day)): {
            "date": _open(split.day),
            "numerator": 1 / split.ratio,
            "denominator": 1,
            "splitRatio": f"{1 / split.ratio:g}:1",
        }
        for split in splits
        if first.timestamp() <= _open(split.day) <= last.timestamp()
    }
    meta = {
        "currency": "USD",
        "symbol": "OTHER" if trouble.how == "wrong symbol" else name,
        "exchangeName": "NMS",
        "fullExchangeName": "NasdaqGS",
        "instrumentType": "EQUITY",
        "exchangeTimezoneName": "America/New_York",
        "longName": f"{name} Inc.",
    }
    result: dict[str, Any] = {"meta": meta, "indicators": {"quote": [quote if shown else {}]}}
    if shown:
        result |= {"timestamp": [stamps[position] for position in shown], "events": {"splits": events}}
    return 200, {"chart": {"result": [result], "error": None}}


def alpaca_bars(market: Market, asked: dict[str, str], trouble: Trouble) -> Any:
    """Return unadjusted bars of several symbols, in pages of 10,000 lines, symbol by symbol."""
    first, last = (datetime.fromisoformat(asked[key]) for key in ("start", "end"))
    rows = [
        (name, {"t": f"{day}T05:00:00Z", "n": 1, "vw": 1.0, **dict(zip("ohlcv", values, strict=True))})
        for name in asked["symbols"].split(",")
        if (raw := market.bars.get(name))
        for day, *values in zip(raw.days.tolist(), raw.open, raw.high, raw.low, raw.close, raw.volume, strict=True)
        if first.date() <= day <= last.date()
    ]
    begin, size = int(asked.get("page_token") or 0), int(asked.get("limit") or 10_000)
    page: dict[str, list[Any]] = {}
    for name, row in rows[begin : begin + size]:
        page.setdefault("OTHER" if trouble.how == "wrong symbol" else name, []).append(row)
    return {"bars": page, "next_page_token": str(begin + size) if begin + size < len(rows) else None}


def alpaca_splits(market: Market, asked: dict[str, str]) -> Any:
    """Return the splits of several symbols between two days."""
    first, last = date.fromisoformat(asked["start"]), date.fromisoformat(asked["end"])
    found: dict[str, list[Any]] = {"forward_splits": [], "reverse_splits": []}
    for name in asked["symbols"].split(","):
        for split in market.splits.get(name, ()):
            if first <= split.day <= last:
                kind = "forward_splits" if split.ratio < 1 else "reverse_splits"
                found[kind].append(
                    {"symbol": name, "ex_date": str(split.day), "old_rate": 1, "new_rate": 1 / split.ratio}
                )
    return {"corporate_actions": {kind: rows for kind, rows in found.items() if rows}, "next_page_token": None}


def _open(day: date) -> int:
    return int(datetime.combine(day, clock_time(9, 30), NEW_YORK).timestamp())
