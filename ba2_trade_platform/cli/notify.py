"""Notification commands: list and test channels, and list sent messages."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson

notify = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Notifications: channels, test, sent.")


@notify.command()
def channels(json: AsJson = False) -> None:
    """List the channels, without their addresses."""
    found = session.read("/notification-channels")
    session.show_list(found, json, _channel_line, "No channels. Add one on the page Notifications.")


@notify.command("test")
def try_channel(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The channel's name or id")], json: AsJson = False
) -> None:
    """Send a test message to a channel at once, and say what its service said."""
    with session.connect() as console:
        channel = session.find(console, "/notification-channels", "notification channel", name, with_ids=False)
        session.show_test(console.post(f"/notification-channels/{channel['id']}/test"), json)


@notify.command()
def sent(
    state: Annotated[str | None, typer.Option(help="waiting, sent or failed")] = None,
    limit: Annotated[int, typer.Option(help="1 to 500")] = 20,
    json: AsJson = False,
) -> None:
    """List messages, newest first."""
    session.show_list(session.read("/notifications", state=state, limit=limit), json, _message_line, "No messages.")


def _channel_line(channel: dict[str, Any]) -> str:
    switch = "on " if channel["enabled"] else "off"
    trouble = f"  {channel['last_error']}" if channel["last_error"] else ""
    return f"{channel['id']:>4}  {switch}  {channel['name']}: {channel['hint']}{trouble}"


def _message_line(message: dict[str, Any]) -> str:
    trouble = f"  ({message['error']})" if message["error"] else ""
    when = message["created_at"][:16].replace("T", " ")
    return f"{message['id']:>6}  {when}  {message['state']:<7}  {message['channel']}: {message['title']}{trouble}"
