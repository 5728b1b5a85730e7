"""Instrument and watchlist commands: list, add, import and export."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.text_encodings import ENCODINGS

if TYPE_CHECKING:
    from ba2_trade_platform.cli.console import Console

instruments = typer.Typer(no_args_is_help=True, help="Instruments: list, add, import, export.")
watchlists = typer.Typer(no_args_is_help=True, help="Watchlists: list, add, import, export.")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file; one of its first lines names the columns")]
Encoding = Annotated[str | None, typer.Option(help=f"What the file is written in: {', '.join(ENCODINGS)}")]
Column = Annotated[str | None, typer.Option(help="Heading or number of the column that has the symbols")]
Doubtful = Annotated[
    bool, typer.Option("--doubtful", help="Also lines that may be cash, currencies or words of the file")
]
OFFERED = 5
Preview = Annotated[bool, typer.Option("--preview", help="Only say what would become of each line")]
Unknown = Annotated[bool, typer.Option("--unknown", help="Also symbols that the price provider does not know")]


@instruments.command("list")
def list_instruments(
    text: Annotated[str | None, typer.Argument(help="A symbol's beginning, or words of a name")] = None,
    label: Annotated[str | None, typer.Option(help="Only those that bear it")] = None,
    cursor: Annotated[str | None, typer.Option(help="From where the page before ended")] = None,
    limit: Annotated[int, typer.Option(help="1 to 500")] = 100,
    json: AsJson = False,
) -> None:
    """List instruments by symbol."""
    found = session.read("/instruments", q=text, label=label, cursor=cursor, limit=limit)
    line = "{symbol:<10} {exchange:<6} {currency:<4} {name}".format_map
    session.show_list(found, json, line, "No instrument. `instruments add SYMBOL` adds one.")
    for one in found["items"]:
        if one["name_hint"] and not json:
            typer.echo(f"{one['symbol']}: {one['name_hint']}", err=True)
    if found["next_cursor"] and not json:
        typer.echo(f"More: --cursor {found['next_cursor']}")


@instruments.command("add")
def add_instrument(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL")],
    name: Annotated[str, typer.Option(help="Its name")] = "",
    exchange: Annotated[str, typer.Option(help="Where it is traded")] = "",
    currency: Annotated[str, typer.Option(help="Three letters")] = "",
    calendar: Annotated[str, typer.Option(help="Whose sessions it keeps, such as XNYS")] = "",
    label: Annotated[list[str] | None, typer.Option(help="A word of yours; may be repeated")] = None,
    json: AsJson = False,
) -> None:
    """Add an instrument."""
    body = {"name": name, "exchange": exchange, "currency": currency, "calendar": calendar, "labels": label or []}
    with session.connect() as console:
        made = console.post("/instruments", symbol=symbol, **body)
    session.print_json(made) if json else typer.echo(f"{made['symbol']} added")


@instruments.command("import")
def import_instruments(
    file: File,
    encoding: Encoding = None,
    column: Column = None,
    doubtful: Doubtful = False,
    preview: Preview = False,
    json: AsJson = False,
) -> None:
    """Add and change the instruments of a CSV file with a column `symbol`."""
    body = _body_of(file, encoding, column, doubtful=doubtful, preview=preview)
    with session.connect() as console:
        _show_report(console.post("/instruments/import", **body), json)


@instruments.command("export")
def export_instruments() -> None:
    """Write every instrument as CSV to standard output; `import` reads it again."""
    with session.connect() as console:
        typer.echo(console.text("/instruments/export"), nl=False)


@watchlists.command("list")
def list_watchlists(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Of one: its symbols")] = None,
    json: AsJson = False,
) -> None:
    """List watchlists, or one with its symbols."""
    with session.connect() as console:
        if name is not None:
            one = console.get(f"/watchlists/{_find(console, name)}")
            session.print_json(one) if json else typer.echo("\n".join(one["symbols"]) or f"{one['name']} is empty")
            return
        found = console.get("/watchlists")
    line = "{id:>5}  {symbols:>6,} symbols  {name}".format_map
    session.show_list(found, json, line, "No watchlist. `watchlists add NAME SYMBOL...` makes one.")


@watchlists.command("add")
def add_to_watchlist(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The watchlist; made where there is none")],
    symbols: Annotated[list[str] | None, typer.Argument(metavar="SYMBOL...")] = None,
    unknown: Unknown = False,
    json: AsJson = False,
) -> None:
    """Add symbols to a watchlist."""
    with session.connect() as console:
        try:
            watchlist_id = _find(console, name)
        except NotFound:
            watchlist_id = int(console.post("/watchlists", name=name)["id"])
        path = f"/watchlists/{watchlist_id}/items"
        _show_report(console.post(path, text=", ".join(symbols or []), unknown=unknown), json)


@watchlists.command("import")
def import_watchlists(
    file: File,
    into: Annotated[str | None, typer.Option(help="Put all symbols on this watchlist")] = None,
    unknown: Unknown = False,
    encoding: Encoding = None,
    column: Column = None,
    doubtful: Doubtful = False,
    preview: Preview = False,
    json: AsJson = False,
) -> None:
    """Fill watchlists from a CSV file with the columns `watchlist` and `symbol`."""
    body = _body_of(file, encoding, column, doubtful=doubtful, preview=preview)
    with session.connect() as console:
        target = None if into is None else _find(console, into)
        _show_report(console.post("/watchlists/import", into=target, unknown=unknown, **body), json)


@watchlists.command("export")
def export_watchlists(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this one")] = None,
) -> None:
    """Write the watchlists as CSV to standard output; `import` reads it again."""
    with session.connect() as console:
        query = "" if name is None else f"?watchlist={quote(str(_find(console, name)))}"
        typer.echo(console.text(f"/watchlists/export{query}"), nl=False)


def _find(console: Console, name: str) -> int:
    return int(session.find(console, "/watchlists", "watchlist", name, with_ids=False)["id"])


def _body_of(file: Path, encoding: str | None, column: str | None, **how: bool) -> dict[str, Any]:
    return {"data": b64encode(session.bytes_of(file)).decode(), "encoding": encoding, "column": column, **how}


def _show_report(report: dict[str, Any], as_json: bool) -> None:
    reading = report["reading"]
    if reading and not as_json:
        typer.echo(reading["sentence"], err=True)
        for one in reading["candidates"][:OFFERED]:
            typer.echo(f"--encoding {one['encoding']} would read {one['sample']}", err=True)
    for line in () if as_json else report["lines"]:
        fate, reason = line["fate"], line["reason"]
        taken = f" {fate}" if fate in ("added", "changed") else ""
        if reason if taken else fate in ("unknown", "invalid", "asked", "passed over"):
            typer.echo(f"line {line['number']}: {line['text']}{taken}: {reason or fate}", err=True)
    session.show_answer(report, as_json)
