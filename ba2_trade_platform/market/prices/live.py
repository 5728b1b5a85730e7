"""Live prices: fetch from a network provider on demand, and keep the bars in the data folder."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.symbols import is_symbol
from ba2_trade_platform.core.contracts.experts import MAX_STALE_SESSIONS, Bars, ExpertError, InstrumentInfo
from ba2_trade_platform.core.contracts.price_status import Prefetched, PriceStatus
from ba2_trade_platform.market.calendars.sessions import microseconds
from ba2_trade_platform.market.folder.side_files import DEFAULT_CALENDAR
from ba2_trade_platform.market.prices.cache import PriceCache
from ba2_trade_platform.market.prices.history import Fetched, History, PriceSource, settled
from ba2_trade_platform.market.providers.requests import Asker
from ba2_trade_platform.market.symbols import unknown_symbol
from ba2_trade_platform.vocabulary import ErrorCode

log = logging.getLogger(__name__)

IN_MEMORY = 300
UNKNOWN_FOR = timedelta(hours=1)
FAILED_FOR = timedelta(seconds=30)
DOWN_AFTER = 3  # failures in a row, of any symbols
DOWN = frozenset({ErrorCode.CONNECTION, ErrorCode.TIMEOUT, ErrorCode.PROVIDER_DOWN, ErrorCode.AUTH})
LOCKS = 64
Renamed = Callable[[str, str], str | None]  # provider and symbol: what a person said the provider calls it


class LivePrices:
    """One provider behind the Prices contract. A bar is seen from its close on, and had twenty minutes after it."""

    def __init__(
        self, source: PriceSource, cache: PriceCache, asker: Asker, clock: Clock, renamed: Renamed | None = None
    ) -> None:
        self.name = source.name
        self.clock = clock
        self._source, self._cache, self._asker = source, cache, asker
        self._calendars = cache.calendars
        self._renamed = renamed
        self._guard = threading.Lock()
        self._turns = tuple(threading.Lock() for _ in range(LOCKS))
        self._known: OrderedDict[str, History] = OrderedDict()
        self._unknown: dict[str, datetime] = {}  # by the provider's name, so that another name is asked for at once
        self._failed: dict[str, tuple[datetime, ExpertError]] = {}
        self._in_a_row: list[tuple[datetime, ExpertError]] = []
        self._status = PriceStatus(self.name, remote=True)

    def instruments(self) -> Sequence[InstrumentInfo]:
        """Return every symbol that was asked for so far, by symbol; a provider has no list of all it knows."""
        return [history.info for symbol in self._cache.symbols() if (history := self._cache.read(symbol))]

    def instrument(self, symbol: str) -> InstrumentInfo:
        """Return one symbol's description; asks the provider when nothing is known of it. Raises ExpertError."""
        return self._at(symbol, self.clock.now() - timedelta(days=7)).info

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
            return self._calendars.get(DEFAULT_CALENDAR).close_on_or_before(day)
        self._refuse_unknown(symbol)
        known = self._read(symbol)
        return (known.calendar if known else self._calendars.get(DEFAULT_CALENDAR)).close_on_or_before(day)

    def prefetch(self, symbols: Sequence[str], go_on: Callable[[], bool] = lambda: True) -> Prefetched:
        """Bring these symbols up to date with as few questions as may be, until `go_on` says no before one of them.

        A provider that has trouble is asked for no more of them; what its rate left no room for is `left`.
        """
        now, groups, failed = self.clock.now(), dict[date, list[str]](), list[str]()
        for symbol in dict.fromkeys(symbols):
            if not is_symbol(symbol) or self._is_unknown(symbol):
                continue
            known = self._read(symbol)
            if known is None or not known.is_fresh(now, now):
                groups.setdefault(self._asks_since(known), []).append(symbol)
        size = self._source.at_once
        slices = [(since, own[at : at + size]) for since, own in groups.items() for at in range(0, len(own), size)]
        for position, (since, some) in enumerate(slices):
            if not go_on():
                break
            try:
                failed += self._fetch_many(some, since, now)
            except ExpertError as error:
                left = [symbol for _, others in slices[position:] for symbol in others]
                if error.code is ErrorCode.RATE_LIMIT:
                    return Prefetched(tuple(failed), tuple(left))
                more = f" and {len(left) - len(some):,} more" if len(left) > len(some) else ""
                return Prefetched((*failed, f"{', '.join(some)}{more}: {error}"))
        return Prefetched(tuple(failed))

    def status(self) -> PriceStatus:
        """Return how the provider is doing; reads the folder of the cache."""
        symbols, oldest, newest = self._cache.ages()
        with self._guard:
            status = self._status
        return replace(status, symbols=symbols, oldest_at=oldest, newest_at=newest)

    def _at(self, symbol: str, as_of: datetime) -> History:
        self._refuse_unknown(symbol)
        with self._turns[hash(symbol) % LOCKS]:
            now, known = self.clock.now(), self._read(symbol)
            if known is not None and known.is_fresh(as_of, now):
                return known
            try:
                self._refuse_failed(symbol, now)
                found = self._ask([symbol], self._asks_since(known), now).get(symbol)
                return self._take(symbol, known, found, now)
            except ExpertError as error:
                if known is None or not _good_enough(known, min(as_of, now)):
                    raise
                log.warning("%s: what is kept is used, for %s", symbol, error)
                return known

    def _read(self, symbol: str) -> History | None:
        with self._guard:
            known = self._known.get(symbol)
        if known is None and (known := self._cache.read(symbol)):
            self._keep(known)
        return known if known and known.provider_symbol == self._provider_name(symbol) else None

    def _keep(self, history: History) -> None:
        with self._guard:
            self._known[history.symbol] = history
            self._known.move_to_end(history.symbol)
            while len(self._known) > IN_MEMORY:
                self._known.popitem(last=False)

    def _asks_since(self, known: History | None) -> date:
        return known.asks_since(self._source.first_day) if known else self._source.first_day

    def _fetch_many(self, symbols: Sequence[str], since: date, now: datetime) -> list[str]:
        """Return a sentence for each that the provider has not; raises ExpertError when it answers about none."""
        try:
            answers = self._ask(symbols, since, now, beforehand=True)
        except ExpertError as error:
            if error.code is not ErrorCode.SYMBOL_INVALID:
                raise
            if len(symbols) == 1:
                return [f"{symbols[0]}: {error}"]
            half = len(symbols) // 2  # one that it does not take has all of them refused
            return self._fetch_many(symbols[:half], since, now) + self._fetch_many(symbols[half:], since, now)
        sentences = []
        for symbol in symbols:
            try:
                self._take(symbol, self._read(symbol), answers.get(symbol), now)
            except ExpertError as error:
                sentences.append(str(error))
        return sentences

    def _take(self, symbol: str, before: History | None, found: Fetched | None, now: datetime) -> History:
        """Keep an answer, the first or a later one; None is that the provider knows no such symbol."""
        history: History | None = None
        if before is not None:
            later = self._settled(found, now) if found else None
            history = before.with_more(later, now) if later else None
            if history is None:  # split, corrected or renamed since: all of it anew
                found = self._ask([symbol], self._source.first_day, now).get(symbol)
        if history is None:
            if found is None:
                with self._guard:
                    self._unknown[self._provider_name(symbol)] = now
                raise self._unknown_to_provider(symbol)
            settled_now = self._settled(found, now)
            history = History(symbol, self._provider_name(symbol), now, settled_now, self._calendars)
        self._cache.write(history)
        self._keep(history)
        return history

    def _settled(self, found: Fetched, now: datetime) -> Fetched:
        return settled(found, now, self._calendars.get(found.calendar))

    def _ask(
        self, symbols: Sequence[str], since: date, now: datetime, *, beforehand: bool = False
    ) -> dict[str, Fetched]:
        """Return the answers by our symbols, and write down how it went. Raises ExpertError."""
        names = {self._provider_name(symbol): symbol for symbol in symbols}
        try:
            answers = self._asker.ask(lambda: self._source.fetch(list(names), since, now), beforehand=beforehand)
        except ExpertError as error:
            self._note_failure(symbols, error, now, beforehand=beforehand)
            raise
        with self._guard:
            self._status = replace(self._status, last_success_at=now)
            self._in_a_row.clear()
        return {names[name]: found for name, found in answers.items()}

    def _note_failure(self, symbols: Sequence[str], error: ExpertError, now: datetime, *, beforehand: bool) -> None:
        if beforehand and error.code is ErrorCode.RATE_LIMIT:
            return  # whoever needs one of these now may ask
        with self._guard:
            if error.code is ErrorCode.SYMBOL_INVALID:
                if len(symbols) == 1:  # else nobody knows yet which of them it is
                    self._failed[symbols[0]] = now, error
                return
            self._failed |= dict.fromkeys(symbols, (now, error))
            self._status = replace(
                self._status, last_error=str(error), last_error_code=error.code.value, last_error_at=now
            )
            if error.code in DOWN:
                self._in_a_row = [*self._in_a_row[1 - DOWN_AFTER :], (now, error)]

    def _provider_name(self, symbol: str) -> str:
        chosen = self._renamed(self.name, symbol) if self._renamed else None
        return chosen or self._source.name_of(symbol)

    def _refuse_unknown(self, symbol: str) -> None:
        if not is_symbol(symbol):
            raise unknown_symbol(symbol, self._cache.symbols())
        if self._is_unknown(symbol):
            raise self._unknown_to_provider(symbol)

    def _is_unknown(self, symbol: str) -> bool:
        name = self._provider_name(symbol)
        with self._guard:
            since = self._unknown.get(name)
            if since is not None and self.clock.now() - since >= UNKNOWN_FOR:
                del self._unknown[name]
                return False
        return since is not None

    def _unknown_to_provider(self, symbol: str) -> ExpertError:
        error, name = unknown_symbol(symbol, self._cache.symbols()), self._provider_name(symbol)
        asked = f"{symbol}, asked for as {name}" if name != symbol else symbol
        return ExpertError(ErrorCode.SYMBOL_INVALID, f"{error}; {self.name} has no prices of {asked}")

    def _refuse_failed(self, symbol: str, now: datetime) -> None:
        """Raise what a question for this symbol met just now, or one for any of them at a provider that is down."""
        with self._guard:
            known = [self._failed[symbol]] if symbol in self._failed else []
            if len(self._in_a_row) >= DOWN_AFTER:
                known.append(self._in_a_row[-1])
        for at, error in known:
            if timedelta(0) <= now - at < FAILED_FOR:
                raise error


def _good_enough(history: History, until: datetime) -> bool:
    days, calendar = history.found.raw.days, history.calendar
    return (
        bool(len(days))
        and calendar.knows(until)
        and calendar.closed_between(days[-1].item(), until) <= MAX_STALE_SESSIONS
    )
