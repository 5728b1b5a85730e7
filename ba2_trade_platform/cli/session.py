"""Command session: connects to the console, finds things by name and prints answers, for every command."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ba2_trade_platform.core.base.errors import Invalid, NotFound, Refused
from ba2_trade_platform.core.base.text_encodings import MOST_BYTES
from ba2_trade_platform.settings import read_settings

if TYPE_CHECKING:
    from ba2_trade_platform.cli.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts")]
Reason = Annotated[str | None, typer.Option(help="Why, in your words; kept in the activity log")]
AnalysisId = Annotated[int, typer.Argument(metavar="ID", help="The analysis", min=1)]


def connect() -> AbstractContextManager[Console]:
    """Reach the console: over its API, or in this process where none runs."""
    be_quiet()
    from ba2_trade_platform.cli.console import open_console  # noqa: PLC0415 - httpx and the database's libraries

    return open_console(read_settings())


def be_quiet() -> None:
    """Keep the services' own log lines back, which would say every sentence a second time."""
    logging.getLogger().addHandler(logging.NullHandler())


def read(path: str, **parameters: Any) -> Any:
    """Return what the console answers to one question."""
    with connect() as console:
        return console.get(path, **parameters)


def press(path: str, as_json: bool, **body: Any) -> None:
    """Press one button of the console, and print its answer."""
    with connect() as console:
        show_answer(console.post(path, **body), as_json)


def find(
    console: Console, path: str, kind: str, wanted: str, *, name: str = "name", with_ids: bool = True
) -> dict[str, Any]:
    """Return the item of a list that has this name, or else this id. Raises NotFound, which names them all."""
    items: list[dict[str, Any]] = console.get(path)["items"]
    by_name = [item for item in items if item[name].casefold() == wanted.casefold()]
    by_id = [item for item in items if str(item["id"]) == wanted]
    for item in by_name + by_id:
        return item
    known = ", ".join(f"{item[name]} ({item['id']})" if with_ids else item[name] for item in items)
    raise NotFound(f"There is no {kind} {wanted}; there are: {known or 'none'}")


def bytes_of(file: Path) -> bytes:
    """Return a CSV file's bytes. Raises Invalid."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise Invalid(f"{file} has more than {MOST_BYTES:,} bytes: part it")
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from error


def find_expert(console: Console, expert: str) -> int:
    """Return the id of the expert of this alias or id. Raises NotFound."""
    return int(find(console, "/expert-instances", "expert", expert, name="alias")["id"])


def answer_of(console: Console, answer: dict[str, Any], as_json: bool) -> None:
    """Print an answer, and whether somebody works on it."""
    show_answer(answer, as_json)
    if not console.is_running:
        typer.echo("No console is running: it waits until one is started.", err=True)


def show_answer(answer: dict[str, Any], as_json: bool) -> None:
    """Print an answer: its sentence, or all of it for a script."""
    print_json(answer) if as_json else typer.echo(answer["sentence"])


def show_test(test: dict[str, Any], as_json: bool) -> None:
    """Print how a test went and how long it took, or all of it for a script; raises Refused when it failed."""
    if as_json:
        print_json(test)
    elif test["ok"]:
        typer.echo(f"{test['sentence']} in {test['ms']:,} ms")
    if not test["ok"]:
        raise Refused(test["sentence"])


def show_list(answer: dict[str, Any], as_json: bool, line: Callable[[Any], str], nothing: str) -> None:
    """Print a line for each item, `nothing` where there is none, or all of it for a script."""
    if as_json:
        print_json(answer)
        return
    for item in answer["items"]:
        typer.echo(line(item))
    if not answer["items"]:
        typer.echo(nothing)


def print_json(content: object) -> None:
    """Print something for a script."""
    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
