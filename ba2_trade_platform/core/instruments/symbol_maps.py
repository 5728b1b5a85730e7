"""Symbol map: stores a provider's name for a symbol where the provider's own rules do not yield it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from sqlalchemy import delete

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.symbols import spelled, symbol_of
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import insert as upsert

log = logging.getLogger(__name__)
PROVIDERS = ("yahoo", "alpaca")
_M = t.symbol_map.c


@dataclass(frozen=True)
class SymbolName:
    """One symbol as a provider calls it."""

    provider: str
    symbol: str
    provider_symbol: str


_NAMES = Reader(SymbolName, t.symbol_map)


class SymbolMaps:
    """Reads and changes the map of symbols. Thread-safe; this process is the only one that changes it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], str] | None = None

    def list(self, provider: str | None = None) -> list[SymbolName]:
        """Return all names, or those of one provider, by provider and symbol."""
        wanted = _NAMES.select().order_by(_M.provider, _M.symbol)
        with self._store.read() as session:
            return _NAMES.all(session, wanted if provider is None else wanted.where(_M.provider == provider))

    def renamed(self, provider: str, symbol: str) -> str | None:
        """Return what a person said the provider calls a symbol, None when nobody did; read once, then by heart."""
        with self._lock:
            if self._known is None:
                self._known = {(row.provider, row.symbol): row.provider_symbol for row in self.list()}
            return self._known.get((provider, symbol))

    def set(self, provider: str, symbol: str, provider_symbol: str, *, by: Actor) -> SymbolName:
        """Say what a provider calls a symbol; prices fetched under another name are fetched anew. Raises Invalid."""
        if provider not in PROVIDERS:
            raise Invalid(f"There is no price provider {provider!r} with a symbol map: {', '.join(PROVIDERS)}")
        named = SymbolName(provider, symbol_of(symbol), symbol_of(provider_symbol))
        with self._store.command(by, Action.CHANGE, Subject.SYMBOL_MAP) as command:
            row = {"provider_symbol": named.provider_symbol}
            command.session.execute(
                upsert(t.symbol_map)
                .values(provider=provider, symbol=named.symbol, **row)
                .on_conflict_do_update(index_elements=["provider", "symbol"], set_=row)
            )
            command.record(key=f"{provider} {named.symbol}", after=named.provider_symbol)
            command.then(self._forget)
        log.info("%s: %s is %s at %s", by, named.symbol, named.provider_symbol, provider)
        return named

    def remove(self, provider: str, symbol: str, *, by: Actor) -> None:
        """Call a symbol by the provider's own rules again. Raises NotFound."""
        with self._store.command(by, Action.REMOVE, Subject.SYMBOL_MAP) as command:
            named = (_M.provider == provider, _M.symbol == (symbol := spelled(symbol)))
            gone = command.session.scalar(delete(t.symbol_map).where(*named).returning(_M.symbol))
            if gone is None:
                raise NotFound(f"{provider} has no name of its own for {symbol}")
            command.record(key=f"{provider} {symbol}")
            command.then(self._forget)
        log.info("%s: %s goes by its own name at %s again", by, symbol, provider)

    def _forget(self) -> None:
        with self._lock:
            self._known = None
