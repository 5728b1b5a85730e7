"""Notification commands: list and test channels, and list sent messages."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ba2_trade_platform.cli.session import AsJson, connect, print_json
from ba2_trade_platform.core.base.errors import NotFound, Refused

notify = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Notifications: channels, test, sent.")


@notify.command()
def channels(json: AsJson = False) -> None:
    """List the channels, without their addresses."""
    with connect() as console:
        found = console.get("/notification-channels")
    if json:
        print_json(found)
        return
    for channel in found["items"]:
        switch = "on " if channel["enabled"] else "off"
        trouble = f"  {channel['last_error']}" if channel["last_error"] else ""
        typer.echo(f"{channel['id']:>4}  {switch}  {channel['name']}: {channel['hint']}{trouble}")
    if not found["items"]:
        typer.echo("No channels. Add one on the page Notifications.")


@notify.command("test")
def try_channel(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The channel's name or id")], json: AsJson = False
) -> None:
    """Send a test message to a channel at once, and say what its service said."""
    with connect() as console:
        channel = _channel(console, name)
        said = console.post(f"/notification-channels/{channel['id']}/test")
    if json:
        print_json(said)
    elif said["ok"]:
        typer.echo(f"{said['sentence']} in {said['ms']:,} ms")
    if not said["ok"]:
        raise Refused(said["sentence"])


@notify.command()
def sent(
    state: Annotated[str | None, typer.Option(help="waiting, sent or failed")] = None,
    limit: Annotated[int, typer.Option(help="1 to 500")] = 20,
    json: AsJson = False,
) -> None:
    """List messages, newest first."""
    with connect() as console:
        found = console.get("/notifications", state=state, limit=limit)
    if json:
        print_json(found)
        return
    for message in found["items"]:
        trouble = f"  ({message['error']})" if message["error"] else ""
        when = message["created_at"][:16].replace("T", " ")
        typer.echo(
            f"{message['id']:>6}  {when}  {message['state']:<7}  {message['channel']}: {message['title']}{trouble}"
        )
    if not found["items"]:
        typer.echo("No messages.")


def _channel(console: Any, name: str) -> dict[str, Any]:
    known: list[dict[str, Any]] = console.get("/notification-channels")["items"]
    for channel in known:
        if channel["name"].casefold() == name.casefold() or str(channel["id"]) == name:
            return channel
    names = ", ".join(channel["name"] for channel in known)
    raise NotFound(f"There is no notification channel {name}; there are: {names or 'none'}")
