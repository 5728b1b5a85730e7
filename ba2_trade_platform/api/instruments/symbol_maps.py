"""Symbol map endpoints: list, set and remove a price provider's names for symbols."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from ba2_trade_platform.api.http.answers import Items
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import SymbolText, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.api.http.symbol_paths import ANY_SYMBOL
from ba2_trade_platform.core.base.symbols import SYMBOL_PATTERN
from ba2_trade_platform.core.instruments.symbol_maps import PROVIDERS, SymbolName

router = APIRouter(prefix="/symbol-map", tags=["prices"])
Provider = Annotated[str, Path(max_length=40), said(enum=list(PROVIDERS))]
Symbol = Annotated[
    str, Path(max_length=80, description="The symbol as the console writes it"), said(pattern=SYMBOL_PATTERN)
]


class SymbolNameBody(RequestBody):
    """What the provider calls the symbol."""

    provider_symbol: SymbolText


@router.get("")
def names(console: Console, provider: Annotated[str | None, Query(max_length=40)] = None) -> Items[SymbolName]:
    """Return every symbol that a provider calls otherwise, or those of one provider."""
    return Items(items=console.instruments.symbol_maps.list(provider))


@router.put("/{provider}/" + ANY_SYMBOL)
def set_name(provider: Provider, symbol: Symbol, body: SymbolNameBody, console: Console, asker: Asker) -> SymbolName:
    """Say what a provider calls a symbol."""
    return console.instruments.symbol_maps.set(provider, symbol, body.provider_symbol, by=asker)


@router.delete("/{provider}/" + ANY_SYMBOL, status_code=204, responses=documented(404))
def forget_name(provider: Provider, symbol: Symbol, console: Console, asker: Asker) -> None:
    """Call a symbol by the provider's own rules again."""
    console.instruments.symbol_maps.remove(provider, symbol, by=asker)
