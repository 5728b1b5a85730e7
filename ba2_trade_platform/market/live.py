"""Prices of a provider over the network: asked for when needed, kept in the data folder."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ba2_trade_platform.core.contracts import (
    MAX_STALE_SESSIONS,
    Bars,
    Clock,
    ErrorCode,
    ExpertError,
    InstrumentInfo,
)
from ba2_trade_platform.core.price_status import PriceStatus
from ba2_trade_platform.market.asking import Asker
from ba2_trade_platform.market.calendar import microseconds, session_calendar
from ba2_trade_platform.market.history import Fetched, History, PriceSource, settled
from ba2_trade_platform.market.price_cache import PriceCache
from ba2_trade_platform.market.series import Series
from ba2_trade_platform.market.side_files import DEFAULT_CALENDAR
from ba2_trade_platform.market.symbols import is_symbol, unknown_symbol

log = logging.getLogger(__name__)

IN_MEMORY = 300
UNKNOWN_FOR = timedelta(hours=1)
FAILED_FOR = timedelta(seconds=30)
LOCKS = 64
Renamed = Callable[[str, str], str | None]  # provider and symbol: what a person said the provider calls it


@dataclass(frozen=True)
class _Known:
    history: History
    series: Series


class LivePrices:
    """One provider behind the Prices contract. A bar is seen from its close on, and had twenty minutes after it."""

    def __init__(
        self, source: PriceSource, cache: PriceCache, asker: Asker, clock: Clock, renamed: Renamed | None = None
    ) -> None:
        self.name = source.name
        self.clock = clock
        self._source, self._cache, self._asker = source, cache, asker
        self._renamed = renamed
        self._guard = threading.Lock()
        self._turns = tuple(threading.Lock() for _ in range(LOCKS))
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._unknown: dict[str, datetime] = {}  # by the provider's name, so that another name is asked for at once
        self._failed: dict[str, tuple[datetime, ExpertError]] = {}
        self._status = PriceStatus(self.name, remote=True)

    def instruments(self) -> Sequence[InstrumentInfo]:
        """Return every symbol that was asked for so far, by symbol; a provider has no list of all it knows."""
        return [history.info for symbol in self._cache.symbols() if (history := self._cache.read(symbol))]

    def instrument(self, symbol: str) -> InstrumentInfo:
        """Return one symbol's description; asks the provider when nothing is known of it. Raises ExpertError."""
        return self._at(symbol, self.clock.now() - timedelta(days=7)).history.info

    def bars(self, symbol: str, as_of: datetime, limit: int | None = None) -> Bars:
        """Return the newest `limit` bars visible at the aware instant `as_of`; see Prices.

        What is missing is asked for. Where that fails and no more than three sessions are missing, what is kept is
        returned, else ExpertError says why it failed.
        """
        microseconds(as_of)  # a naive instant is refused before anybody is asked
        return self._at(symbol, as_of).series.bars_at(as_of, limit)

    def instant_of(self, day: date, symbol: str | None = None) -> datetime:
        """Return the UTC close of the session on `day`, or of the last before it, on the symbol's exchange.

        Nobody is asked: a symbol that is not in the cache yet trades by New York's calendar.
        """
        if symbol is None:
            return session_calendar(DEFAULT_CALENDAR).close_on_or_before(day)
        self._refuse_unknown(symbol)
        known = self._read(symbol)
        return (known.history.calendar if known else session_calendar(DEFAULT_CALENDAR)).close_on_or_before(day)

    def prefetch(self, symbols: Sequence[str]) -> list[str]:
        """Bring all of these up to date with as few questions as may be; return a sentence for each that failed."""
        now, groups, sentences = self.clock.now(), dict[date, list[str]](), list[str]()
        for symbol in dict.fromkeys(symbols):
            if not is_symbol(symbol) or self._provider_name(symbol) in self._unknown:
                continue
            known = self._read(symbol)
            if known is None or not known.history.is_fresh(now, now):
                since = known.history.asks_since(self._source.first_day) if known else self._source.first_day
                groups.setdefault(since, []).append(symbol)
        for since, wanted in groups.items():
            for start in range(0, len(wanted), self._source.at_once):
                sentences += self._fetch_many(wanted[start : start + self._source.at_once], since, now)
        return sentences

    def status(self) -> PriceStatus:
        """Return how the provider is doing; reads the folder of the cache."""
        symbols, oldest, newest = self._cache.ages()
        with self._guard:
            status = self._status
        return replace(status, symbols=symbols, oldest_at=oldest, newest_at=newest)

    def _at(self, symbol: str, as_of: datetime) -> _Known:
        self._refuse_unknown(symbol)
        with self._turns[hash(symbol) % LOCKS]:
            now, known = self.clock.now(), self._read(symbol)
            if known is not None and known.history.is_fresh(as_of, now):
                return known
            try:
                self._refuse_failed(symbol, now)
                return self._fetch(symbol, known.history if known else None, now)
            except ExpertError as error:
                if known is None or not _good_enough(known.history, min(as_of, now)):
                    raise
                log.warning("%s: what is kept is used, for %s", symbol, error)
                return known

    def _read(self, symbol: str) -> _Known | None:
        with self._guard:
            known = self._known.get(symbol)
        if known is None and (history := self._cache.read(symbol)):
            known = self._keep(history)
        return known if known and known.history.provider_symbol == self._provider_name(symbol) else None

    def _keep(self, history: History) -> _Known:
        known = _Known(history, history.series())
        with self._guard:
            self._known[history.symbol] = known
            self._known.move_to_end(history.symbol)
            while len(self._known) > IN_MEMORY:
                self._known.popitem(last=False)
        return known

    def _fetch(self, symbol: str, before: History | None, now: datetime) -> _Known:
        since = before.asks_since(self._source.first_day) if before else self._source.first_day
        found = self._ask([symbol], since, now).get(symbol)
        return self._take(symbol, before, found, now)

    def _fetch_many(self, symbols: Sequence[str], since: date, now: datetime) -> list[str]:
        try:
            answers = self._ask(symbols, since, now)
        except ExpertError as error:
            return [f"{', '.join(symbols)}: {error}"]
        sentences = []
        for symbol in symbols:
            known = self._read(symbol)
            try:
                self._take(symbol, known.history if known else None, answers.get(symbol), now)
            except ExpertError as error:
                sentences.append(str(error))
        return sentences

    def _take(self, symbol: str, before: History | None, found: Fetched | None, now: datetime) -> _Known:
        """Keep an answer, the first or a later one; None is that the provider knows no such symbol."""
        history: History | None = None
        if before is not None:
            later = settled(found, now) if found else None
            history = before.with_more(later, now) if later else None
            if history is None:  # split, corrected or renamed since: all of it anew
                found = self._ask([symbol], self._source.first_day, now).get(symbol)
        if history is None:
            if found is None:
                with self._guard:
                    self._unknown[self._provider_name(symbol)] = now
                raise self._unknown_to_provider(symbol)
            history = History(symbol, self._provider_name(symbol), now, settled(found, now))
        self._cache.write(history)
        return self._keep(history)

    def _ask(self, symbols: Sequence[str], since: date, now: datetime) -> dict[str, Fetched]:
        """Return the answers by our symbols, and write down how it went. Raises ExpertError."""
        names = {self._provider_name(symbol): symbol for symbol in symbols}
        try:
            answers = self._asker.ask(lambda: self._source.fetch(list(names), since, now))
        except ExpertError as error:
            with self._guard:
                self._failed |= dict.fromkeys(symbols, (now, error))
                if error.code is not ErrorCode.SYMBOL_INVALID:
                    self._status = replace(
                        self._status, last_error=str(error), last_error_code=error.code.value, last_error_at=now
                    )
            raise
        with self._guard:
            self._status = replace(self._status, last_success_at=now)
        return {names[name]: found for name, found in answers.items()}

    def _provider_name(self, symbol: str) -> str:
        chosen = self._renamed(self.name, symbol) if self._renamed else None
        return chosen or self._source.name_of(symbol)

    def _refuse_unknown(self, symbol: str) -> None:
        if not is_symbol(symbol):
            raise unknown_symbol(symbol, self._cache.symbols())
        name = self._provider_name(symbol)
        with self._guard:
            since = self._unknown.get(name)
            if since is not None and self.clock.now() - since >= UNKNOWN_FOR:
                del self._unknown[name]
                since = None
        if since is not None:
            raise self._unknown_to_provider(symbol)

    def _unknown_to_provider(self, symbol: str) -> ExpertError:
        error, name = unknown_symbol(symbol, self._cache.symbols()), self._provider_name(symbol)
        asked = f"{symbol}, asked for as {name}" if name != symbol else symbol
        return ExpertError(ErrorCode.SYMBOL_INVALID, f"{error}; {self.name} has no prices of {asked}")

    def _refuse_failed(self, symbol: str, now: datetime) -> None:
        with self._guard:
            at, error = self._failed.get(symbol, (None, None))
        if error is not None and at is not None and timedelta(0) <= now - at < FAILED_FOR:
            raise error


def _good_enough(history: History, until: datetime) -> bool:
    days = history.found.raw.days
    return bool(len(days)) and history.calendar.closed_between(days[-1].item(), until) <= MAX_STALE_SESSIONS
