"""Alpaca provider: unadjusted daily bars and splits of American stocks, by alpaca-py.

Its client knows no time-out, waits by itself after a 429 and drops what the answer said of waiting: an adapter of ours
sits below it, ends each request in time and turns a refusal into its failure code. alpaca-py is imported on first use.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.market.prices.history import Fetched
from ba2_trade_platform.market.prices.series import RawBars, Split
from ba2_trade_platform.market.providers.requests import TIMEOUT_SECONDS, refusal
from ba2_trade_platform.vocabulary import ErrorCode

TITLE = "Alpaca"
NEW_YORK = ZoneInfo("America/New_York")
DELAY = timedelta(minutes=16)  # a free key may read everybody's prices when they are a quarter of an hour old


class AlpacaSource:
    """Asks Alpaca for up to 50 symbols at a time; `base_url` None is Alpaca itself."""

    name = "alpaca"
    at_once = 50
    per_minute = 180

    def __init__(
        self,
        key: str,
        secret: str,
        base_url: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        first_day: date = date(2016, 1, 1),  # Alpaca has nothing before
    ) -> None:
        self.first_day = first_day
        self._key, self._secret = key, secret
        self._base_url = base_url
        self._timeout = timeout
        self._own = threading.local()

    def name_of(self, symbol: str) -> str:
        """Return Alpaca's name: a class of shares has a dot (BRK.B)."""
        stem, hyphen, share_class = symbol.rpartition("-")
        return f"{stem}.{share_class}" if hyphen and share_class in {"A", "B", "C"} else symbol

    def fetch(self, names: Sequence[str], since: date, until: datetime) -> Mapping[str, Fetched]:
        """Return the daily bars of those that Alpaca knows; see PriceSource."""
        bars, actions = self._bars(names, since, until), self._splits(names, since, until)
        try:
            splits = _splits_by_name(actions)
            return {name: _fetched(name, rows, splits.get(name, ())) for name, rows in bars.items() if name in names}
        except (KeyError, TypeError, AttributeError, ValueError, ZeroDivisionError) as error:
            sentence = f"Alpaca's answer is not of the known shape: {type(error).__name__} {str(error)[:60]}"
            raise ExpertError(ErrorCode.DATA_MISSING, sentence) from error

    def _bars(self, names: Sequence[str], since: date, until: datetime) -> dict[str, Any]:
        from alpaca.data.enums import Adjustment, DataFeed  # noqa: PLC0415 - brings pandas
        from alpaca.data.requests import StockBarsRequest  # noqa: PLC0415
        from alpaca.data.timeframe import TimeFrame, TimeFrameUnit  # noqa: PLC0415

        request = StockBarsRequest(
            symbol_or_symbols=list(names),
            timeframe=TimeFrame(1, TimeFrameUnit.Day),
            start=datetime(since.year, since.month, since.day, tzinfo=UTC),
            end=until - DELAY,
            adjustment=Adjustment.RAW,
            feed=DataFeed.SIP,
        )
        answer: dict[str, Any] = self._clients()[0].get_stock_bars(request)
        return answer

    def _splits(self, names: Sequence[str], since: date, until: datetime) -> dict[str, Any]:
        from alpaca.data.enums import CorporateActionsType  # noqa: PLC0415 - brings pandas
        from alpaca.data.requests import CorporateActionsRequest  # noqa: PLC0415

        request = CorporateActionsRequest(
            symbols=list(names),
            types=[CorporateActionsType.FORWARD_SPLIT, CorporateActionsType.REVERSE_SPLIT],
            start=since,
            end=until.astimezone(NEW_YORK).date(),
            limit=None,  # page by page to the end
        )
        answer: dict[str, Any] = self._clients()[1].get_corporate_actions(request)
        return answer

    def _clients(self) -> tuple[Any, Any]:
        """Return this thread's clients: their sessions are not made for several."""
        if not hasattr(self._own, "clients"):
            from alpaca.data.historical.corporate_actions import CorporateActionsClient  # noqa: PLC0415
            from alpaca.data.historical.stock import StockHistoricalDataClient  # noqa: PLC0415

            made = tuple(
                kind(self._key, self._secret, raw_data=True, url_override=self._base_url)
                for kind in (StockHistoricalDataClient, CorporateActionsClient)
            )
            for client in made:
                for scheme in ("https://", "http://"):
                    client._session.mount(scheme, _adapter(self._timeout))  # noqa: SLF001 - it has no other way in
            self._own.clients = made
        clients: tuple[Any, Any] = self._own.clients
        return clients


def _adapter(timeout: float) -> Any:
    from requests.adapters import HTTPAdapter  # noqa: PLC0415 - only with the extra

    class InTime(HTTPAdapter):
        """Ends in time, and says no before the client begins to wait by itself."""

        def send(self, request: Any, *args: Any, **options: Any) -> Any:
            """Send one request."""
            answer = super().send(request, *args, **{**options, "timeout": timeout})
            if answer.status_code in {400, 422} and "invalid symbol" in answer.text:
                raise ExpertError(ErrorCode.SYMBOL_INVALID, f"Alpaca: {answer.text[:120]}")
            if answer.status_code >= 400:
                raise refusal(TITLE, answer.status_code, answer.headers.get("Retry-After"))
            return answer

    return InTime()


def _splits_by_name(actions: dict[str, Any]) -> dict[str, tuple[Split, ...]]:
    found: dict[str, list[Split]] = {}
    for kind in ("forward_splits", "reverse_splits"):
        for action in actions.get(kind) or []:
            day, ratio = date.fromisoformat(action["ex_date"]), action["old_rate"] / action["new_rate"]
            found.setdefault(action["symbol"], []).append(Split(day, ratio))
    return {name: tuple(sorted(splits, key=lambda split: split.day)) for name, splits in found.items()}


def _fetched(name: str, rows: list[dict[str, Any]], splits: tuple[Split, ...]) -> Fetched:
    day_of = partial(datetime.astimezone, tz=NEW_YORK)
    days = [day_of(datetime.fromisoformat(row["t"])).date() for row in rows]
    columns = (np.array([row[column] for row in rows], dtype=np.float64) for column in "ohlcv")
    raw = RawBars(np.array(days, dtype="datetime64[D]"), *columns)
    return Fetched(raw, splits, name, "XNYS", "USD", "XNYS")
