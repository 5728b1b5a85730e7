"""Model commands: list and test providers, store a key that is never an argument, and show costs and budget."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from json import loads
from pathlib import Path
from typing import Annotated, Any

import typer

from ba2_trade_platform.cli import session, tables
from ba2_trade_platform.cli.session import AsJson, Reason
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.text_encodings import certain_text
from ba2_trade_platform.settings import read_settings

providers = typer.Typer(no_args_is_help=True, help="Model providers: list, models, test, key, dialect, forget.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The provider's name")]
NONE = "none"
USUAL = "usual"
models = typer.Typer(no_args_is_help=True, help="Models: prices.")
prices = typer.Typer(help="Prices of models: list, import, undo.")
models.add_typer(prices, name="prices")


@providers.command("list")
def list_providers(json: AsJson = False) -> None:
    """List the model providers with their models and where their keys come from."""
    found = session.read("/providers")
    session.print_json(found) if json else tables.print_providers(found)


@providers.command("models")
def list_models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of this provider alone")] = None,
    json: AsJson = False,
) -> None:
    """List the known models with window, price and newest test, as an expert's settings name them."""
    found = session.read("/models", provider=name)
    session.print_json(found) if json else tables.print_models(found, read_settings().zone)


@providers.command("test")
def try_provider(
    name: Name,
    model: Annotated[str | None, typer.Option(help="Another model than the quick and the deep one")] = None,
    store: Annotated[bool, typer.Option("--store", help="Store the dialect that the test proposes")] = False,
    json: AsJson = False,
) -> None:
    """Try text, a tool call, a structured answer, a cancel and the window; it costs a few short answers."""
    with session.connect() as console:
        test = console.post_to_models(f"/providers/{name}/test", model=model)
        proposal = test["proposal"]
        if store and proposal:
            given = {field: proposal[field] for field in ("dialect", "dialect_changes")}
            console.patch(f"/providers/{name}", **given)
    if not json:
        tables.print_checks(test)
        if proposal:
            typer.echo(f"{proposal['sentence']}." + (" Stored." if store else " --store does so."))
    session.show_test(test, json)


@providers.command("dialect")
def set_dialect(
    name: Name,
    dialect: Annotated[
        str | None, typer.Argument(metavar="[DIALECT|usual]", help="The preset; absent: as it is")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Say a field otherwise; no value takes it back"),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show or set how a provider is spoken to: its dialect, and fields of it that its server wants otherwise."""
    with session.connect() as console:
        found = console.get(f"/providers/{name}")
        given: dict[str, Any] = {} if dialect is None else {"dialect": None if dialect == USUAL else dialect}
        if changes:
            given["dialect_changes"] = _changed(found["dialect_changes"], changes)
        if given:
            found = console.patch(f"/providers/{name}", version=found["version"], **given)
    session.print_json(found) if json else tables.print_dialect(found)


@providers.command("forget")
def forget_adaptations(
    name: Name,
    model: Annotated[str | None, typer.Option(help="This model alone")] = None,
    json: AsJson = False,
) -> None:
    """Ask a provider's models as their dialect says again, whatever they were seen to refuse."""
    session.press(f"/providers/{name}/forget-adaptations", json, model=model)


def _changed(stands: dict[str, Any], settings: list[str]) -> dict[str, Any] | None:
    changes = dict(stands)
    for setting in settings:
        field, equals, value = setting.partition("=")
        if not equals:
            raise Invalid(f"--set takes FIELD=VALUE, not {setting[:40]}")
        changes.pop(field, None)
        if value:
            changes[field] = _value(value)
    return changes or None


def _value(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return text


@providers.command("key")
def set_key(
    name: Name,
    remove: Annotated[bool, typer.Option("--remove", help="Take the stored key away")] = False,
    json: AsJson = False,
) -> None:
    """Store a provider's API key, read from standard input or asked for, so that no shell's history keeps it."""
    key = None if remove else _asked_key(name)
    with session.connect() as console:
        changed = console.patch(f"/providers/{name}", key=key)
    sentence = f"{name}: {'key stored' if key else changed['key_words']}"
    session.print_json(changed) if json else typer.echo(sentence)


def _asked_key(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(f"API key of {name}", hide_input=True))
    return sys.stdin.readline().strip()


@prices.callback(invoke_without_command=True)
def list_prices(context: typer.Context, json: AsJson = False) -> None:
    """List what models cost, the trader's own prices first, and how old the prices are."""
    if context.invoked_subcommand is None:
        found = session.read("/costs/prices")
        session.print_json(found) if json else tables.print_prices(found)


@prices.command("import")
def import_prices(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file of prices")],
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would become of it")] = False,
    json: AsJson = False,
) -> None:
    """Take over a file's prices, whole or not at all; earlier lines of other days stay."""
    with session.connect() as console:
        session.show_answer(
            console.post("/costs/prices/import", text=certain_text(session.bytes_of(file)), preview=preview), json
        )


@prices.command("undo")
def undo_prices(json: AsJson = False) -> None:
    """Go back to the prices before the last import; once more takes that back."""
    session.press("/costs/prices/undo", json)


def costs(
    group_by: Annotated[str, typer.Option(help="expert, model, provider, day, outcome, symbol or analysis")] = "expert",
    days: Annotated[int, typer.Option(min=1, max=36_500, help="The last so many UTC days, today included")] = 30,
    json: AsJson = False,
) -> None:
    """List what model calls cost, the dearest first; all attempts count, deleted analyses too."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = (today - timedelta(days=days - 1)).isoformat()
    with session.connect() as console:
        found = console.get("/costs", group_by=group_by, since=since)
        standing = console.get("/costs/budget")
    if json:
        session.print_json(found)
        return
    tables.print_costs(found)
    typer.echo(standing["sentence"])


def budget(
    limit: Annotated[str | None, typer.Argument(metavar="[USD|none]", help="The new budget; absent: show it")] = None,
    reason: Reason = None,
    json: AsJson = False,
) -> None:
    """Show or set the budget that all model calls of one UTC day must stay within."""
    if limit is not None and limit != NONE and not limit.replace(".", "", 1).isdecimal():
        raise Invalid(f"A budget is an amount in USD, such as 25 or 2.50, or {NONE}; not {limit[:40]}")
    with session.connect() as console:
        if limit is None:
            answer = console.get("/costs/budget")
        else:
            answer = console.put("/costs/budget", limit=None if limit == NONE else limit, reason=reason)
    session.show_answer(answer, json)
