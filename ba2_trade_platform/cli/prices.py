"""Price commands: check price files, and list, set and remove a price provider's names for symbols."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from ba2_trade_platform.cli import session, tables
from ba2_trade_platform.cli.session import AsJson
from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.core.contracts.price_files import FolderCheck
from ba2_trade_platform.settings import read_settings

prices = typer.Typer(help="Files of prices: check.", no_args_is_help=True)
symbols = typer.Typer(help="What price providers call symbols.", no_args_is_help=True)
Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="yahoo or alpaca")]
Symbol = Annotated[str, typer.Argument(metavar="SYMBOL", help="The symbol as the console writes it")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The symbol as the provider writes it")]


@prices.callback()
def _group() -> None:
    """Keep `check` a command of its group."""


@prices.command()
def check(
    path: Annotated[Path | None, typer.Argument(metavar="FILE|FOLDER", help="Absent: BA2_PRICES_DIR")] = None,
    json: AsJson = False,
) -> None:
    """Tell of each price file how it is understood, what is missing in it, and why it is refused."""
    session.be_quiet()
    from ba2_trade_platform.api.operations.price_files import answer_of  # noqa: PLC0415 - FastAPI
    from ba2_trade_platform.app.price_files import check_path  # noqa: PLC0415 - numpy and the calendars

    done = check_path(read_settings(), path, _show_progress)
    answer = answer_of(done).model_dump(mode="json")
    session.print_json(answer) if json else tables.print_price_files(answer)
    if done.given_up or done.refused or done.problems:
        raise Refused(done.sentence)
    if not json:
        typer.echo(done.sentence)


def _show_progress(check: FolderCheck) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{check.sentence}", err=True, nl=False)


@symbols.command("list")
def list_names(json: AsJson = False) -> None:
    """List every symbol that a provider calls otherwise."""
    line = "{provider}: {symbol} is {provider_symbol}".format_map
    session.show_list(session.read("/symbol-map"), json, line, "Every symbol goes by the providers' own rules")


@symbols.command("set")
def set_name(provider: Provider, symbol: Symbol, name: Name, json: AsJson = False) -> None:
    """Say what a provider calls a symbol."""
    with session.connect() as console:
        answer = console.put(f"/symbol-map/{quote(provider, safe='')}/{quote(symbol, safe='')}", provider_symbol=name)
    session.show_answer(answer | {"sentence": f"{answer['symbol']} is {answer['provider_symbol']} at {provider}"}, json)


@symbols.command("forget")
def forget_name(provider: Provider, symbol: Symbol, json: AsJson = False) -> None:
    """Call a symbol by the provider's own rules again."""
    with session.connect() as console:
        console.delete(f"/symbol-map/{quote(provider, safe='')}/{quote(symbol, safe='')}")
    session.show_answer({"sentence": f"{symbol} goes by its own name at {provider} again"}, json)
