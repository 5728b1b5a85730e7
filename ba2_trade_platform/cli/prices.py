"""Symbol map commands: list, set and remove a price provider's names for symbols."""

from __future__ import annotations

from typing import Annotated

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson

symbols = typer.Typer(help="What price providers call symbols.", no_args_is_help=True)
Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="yahoo or alpaca")]
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="The symbol as the console writes it")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The symbol as the provider writes it")]


@symbols.command("list")
def list_names(json: AsJson = False) -> None:
    """List every symbol that a provider calls otherwise."""
    line = "{provider}: {symbol} is {provider_symbol}".format_map
    session.show_list(session.read("/symbol-map"), json, line, "Every symbol goes by the providers' own rules")


@symbols.command("set")
def set_name(provider: Provider, symbol: Symbol, name: Name, json: AsJson = False) -> None:
    """Say what a provider calls a symbol."""
    with session.connect() as console:
        answer = console.put(f"/symbol-map/{provider}/{symbol}", provider_symbol=name)
    session.show_answer(answer | {"sentence": f"{answer['symbol']} is {answer['provider_symbol']} at {provider}"}, json)


@symbols.command("forget")
def forget_name(provider: Provider, symbol: Symbol, json: AsJson = False) -> None:
    """Call a symbol by the provider's own rules again."""
    with session.connect() as console:
        console.delete(f"/symbol-map/{provider}/{symbol}")
    session.show_answer({"sentence": f"{symbol} goes by its own name at {provider} again"}, json)
