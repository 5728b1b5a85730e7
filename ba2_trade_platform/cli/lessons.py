"""Lesson commands: list lessons, look for outcomes now, and rebuild the vector store."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson
from ba2_trade_platform.core.base.errors import Unavailable

LOOK_AGAIN_SECONDS = 0.5

lessons = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What was learnt from decisions.")


@lessons.command("list")
def list_lessons(
    symbol: Annotated[str | None, typer.Option(help="One symbol")] = None,
    action: Annotated[str | None, typer.Option(help="BUY, SELL or HOLD")] = None,
    like: Annotated[str | None, typer.Option(help="A situation, or words, to find lessons for")] = None,
    limit: Annotated[int, typer.Option(help="1 to 500")] = 20,
    json: AsJson = False,
) -> None:
    """List lessons, newest first, or those most like a text."""
    found = session.read("/lessons", symbol=symbol, action=action, q=like, limit=limit)
    if found["warning"] and not json:
        typer.echo(found["warning"], err=True)
    session.show_list(found, json, _line, "No lessons. `lessons learn` looks for decisions whose horizon has passed.")


@lessons.command()
def learn(json: AsJson = False) -> None:
    """Look for outcomes now: decisions whose horizon has passed become lessons."""
    session.press("/lessons/learn", json)


@lessons.command()
def rebuild(json: AsJson = False) -> None:
    """Make the store that finds lessons anew from the database, and wait for it."""
    with session.connect() as console:
        status: dict[str, Any] = console.post("/lessons/rebuild")
        while status["rebuilding"]:
            time.sleep(LOOK_AGAIN_SECONDS)
            status = console.get("/lessons/store")
    if status["problem"]:
        raise Unavailable(status["sentence"])
    session.show_answer(status, json)


def _line(lesson: dict[str, Any]) -> str:
    return (
        f"{lesson['id']:>6}  {lesson['as_of'][:10]}  {lesson['symbol']:<6} {lesson['action']:<4} "
        f"{lesson['return_percent']:+7.1f} %  {'right' if lesson['was_right'] else 'wrong'}  {lesson['reflection']}"
    )
