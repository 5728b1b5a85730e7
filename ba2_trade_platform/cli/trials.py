"""Trial command: tries an expert on one symbol with settings that are not saved, and waits for its end."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson
from ba2_trade_platform.core.base.errors import Invalid, Refused

if TYPE_CHECKING:
    from ba2_trade_platform.cli.console import Console

LOOK_SECONDS = 0.2


def try_expert(
    expert: Annotated[str, typer.Argument(help="Alias or id of a configured expert, or the name of a shipped one")],
    symbol: Annotated[str, typer.Argument(help="One symbol")],
    settings: Annotated[
        str | None, typer.Option(help="Settings as JSON, instead of those that are saved, or of the defaults")
    ] = None,
    json: AsJson = False,
) -> None:
    """Try an expert on one symbol: nothing is kept or traded, its model calls are paid. Ctrl-C cancels it."""
    changes = _object(settings)
    with session.connect() as console:
        name, body = _meant(console, expert)
        body["settings"] = {**body["settings"], **changes}
        trial = _ended(console, console.post(f"/experts/{name}/trial", symbol=symbol, **body))
    session.show_answer(trial, json)
    if trial["outcome"] not in ("completed", "skipped"):
        raise Refused(f"The trial was not completed: {trial['error_code'] or trial['outcome']}")


def _meant(console: Console, expert: str) -> tuple[str, dict[str, Any]]:
    """Return the name of the expert that is meant, and what of it is saved."""
    shipped = [one["name"] for one in console.get("/experts")["items"]]
    for name in shipped:
        if name.casefold() == expert.casefold():
            return name, {"settings": {}}
    found = session.find(console, "/expert-instances", "expert", expert, name="alias")
    kept = {"expert_instance_id": found["id"], "timeout_seconds": found["timeout_seconds"]}
    return found["expert"], {"settings": found["settings"], **kept}


def _ended(console: Console, trial: dict[str, Any]) -> dict[str, Any]:
    try:
        while trial["outcome"] is None:
            time.sleep(LOOK_SECONDS)  # the console is another process, and its API tells nobody of an end
            trial = console.get(f"/trials/{trial['id']}")
    except KeyboardInterrupt:
        trial = console.post(f"/trials/{trial['id']}/cancel")
    return trial


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError as error:
        raise Invalid(f"--settings is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid('--settings is an object of JSON, such as {"debate_rounds": 2}')
    return found
