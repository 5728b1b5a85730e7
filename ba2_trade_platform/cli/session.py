"""Command session: connects to the console, finds experts and prints answers, for every command."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.settings import Settings, read_settings

if TYPE_CHECKING:
    from ba2_trade_platform.cli.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts")]
Reason = Annotated[str | None, typer.Option(help="Why, in your words; kept in the activity log")]


def settings_in_force() -> Settings:
    """Return the settings that are in force."""
    return read_settings()


def connect() -> Any:
    """Reach the console: over its API, or in this process where none runs."""
    be_quiet()
    from ba2_trade_platform.cli.console import open_console  # noqa: PLC0415 - httpx and the database's libraries

    return open_console(settings_in_force())


def be_quiet() -> None:
    """Keep the services' own log lines back, which would say every sentence a second time."""
    logging.getLogger().addHandler(logging.NullHandler())


def find_expert(console: Console, expert: str) -> int:
    """Return the id of the expert of this alias or id. Raises NotFound."""
    instances = console.get("/expert-instances")["items"]
    for wanted in (lambda one: one["alias"].casefold() == expert.casefold(), lambda one: str(one["id"]) == expert):
        for instance in filter(wanted, instances):
            return int(instance["id"])
    known = ", ".join(f"{instance['alias']} ({instance['id']})" for instance in instances)
    raise NotFound(f"There is no expert {expert}; there are: {known or 'none'}")


def answer_of(console: Console, answer: dict[str, Any], as_json: bool) -> None:
    """Print an answer, and whether somebody works on it."""
    show_answer(answer, as_json)
    if not console.is_running:
        typer.echo("No console is running: it waits until one is started.", err=True)


def show_answer(answer: dict[str, Any], as_json: bool) -> None:
    """Print an answer: its sentence, or all of it for a script."""
    if as_json:
        print_json(answer)
    else:
        typer.echo(answer["sentence"])


def print_json(content: object) -> None:
    """Print something for a script."""
    import json  # noqa: PLC0415 - the options above have this name

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
