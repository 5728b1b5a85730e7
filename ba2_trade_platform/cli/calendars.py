"""Calendar commands: how far a calendar reaches, and a desk's extra sessions and closed days."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson, Reason
from ba2_trade_platform.vocabulary import OwnDaysKind

calendars = typer.Typer(no_args_is_help=True, help="Exchange calendars: how far they reach, and days of your own.")
Name = Annotated[str, typer.Argument(metavar="CALENDAR", help="An exchange's calendar, such as XNYS")]
First = Annotated[str, typer.Argument(metavar="DAY", help="The day, or the first of several, as 2026-02-01")]
Last = Annotated[str | None, typer.Option("--to", help="The last of several days")]


@calendars.command("list")
def list_days(json: AsJson = False) -> None:
    """List the extra sessions and closed days of this desk."""
    found = session.read("/calendar-days")
    for problem in () if json else found["problems"]:
        typer.echo(problem, err=True)
    session.show_list(found, json, _line, "Every calendar is as it is recorded. `calendars add` corrects one.")


@calendars.command()
def show(calendar: Name, json: AsJson = False) -> None:
    """Say how far a calendar reaches."""
    found = session.read(f"/calendars/{calendar}")
    session.show_answer(found | {"sentence": f"{found['first']} to {found['last']}. {found['sentence']}"}, json)


@calendars.command()
def add(
    calendar: Name,
    kind: Annotated[OwnDaysKind, typer.Argument(metavar="KIND", help="extra_session or closed_day")],
    first: First,
    last: Last = None,
    opens: Annotated[str | None, typer.Option(help="Local open, as 09:15; absent: as usual")] = None,
    closes: Annotated[str | None, typer.Option(help="Local close, as 15:30; absent: as usual")] = None,
    reason: Reason = None,
    json: AsJson = False,
) -> None:
    """Make days sessions, or close them."""
    days = {"first": first, "last": last, "opens": opens, "closes": closes, "reason": reason or ""}
    session.press("/calendar-days", json, calendar=calendar, kind=kind.value, **days)


@calendars.command()
def remove(calendar: Name, first: First, last: Last = None, reason: Reason = None, json: AsJson = False) -> None:
    """Take a correction away: the calendar is as it is recorded again."""
    session.press("/calendar-days/remove", json, calendar=calendar, first=first, last=last, reason=reason)


def _line(days: dict[str, Any]) -> str:
    span = days["first"] if days["first"] == days["last"] else f"{days['first']} to {days['last']}"
    hours = f" {days['opens'][:5]} to {days['closes'][:5]}" if days["opens"] else ""
    return f"{days['calendar']:<10} {days['kind']:<14} {span}{hours}  {days['reason']}".rstrip()
