"""Model provider commands: list and test providers, and store a key that is never an argument."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ba2_trade_platform.cli.session import AsJson, connect, print_json
from ba2_trade_platform.core.base.errors import Refused

providers = typer.Typer(no_args_is_help=True, help="Model providers: list, test, key.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The provider's name")]


@providers.command("list")
def list_providers(json: AsJson = False) -> None:
    """List the model providers with their models and where their keys come from."""
    with connect() as console:
        found = console.get("/providers")
    from ba2_trade_platform.cli import tables  # noqa: PLC0415 - rich

    print_json(found) if json else tables.print_providers(found)


@providers.command("test")
def try_provider(
    name: Name,
    model: Annotated[str | None, typer.Option(help="Another model than the quick one")] = None,
    json: AsJson = False,
) -> None:
    """Make a tiny real call to a provider, which costs a few tokens."""
    with connect() as console:
        said = console.post(f"/providers/{name}/test", model=model)
    if json:
        print_json(said)
    elif said["ok"]:
        typer.echo(f"{said['sentence']} in {said['ms']:,} ms")
    if not said["ok"]:
        raise Refused(said["sentence"], code=said["code"])


@providers.command("key")
def set_key(
    name: Name,
    remove: Annotated[bool, typer.Option("--remove", help="Take the stored key away")] = False,
    json: AsJson = False,
) -> None:
    """Store a provider's API key, read from standard input or asked for, so that no shell's history keeps it."""
    key = None if remove else _asked_key(name)
    with connect() as console:
        changed = console.patch(f"/providers/{name}", key=key)
    sentence = f"{name}: {'key stored' if key else changed['key_words']}"
    print_json(changed) if json else typer.echo(sentence)


def _asked_key(name: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(f"API key of {name}", hide_input=True))
    return sys.stdin.readline().strip()
