"""Schedule commands: list schedules, next times and runs, run one now, and enable or disable it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson, Reason
from ba2_trade_platform.settings import read_settings

if TYPE_CHECKING:
    from ba2_trade_platform.cli.console import Console

schedules = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What the desk analyses by itself, and when.")
Which = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Name or id of the schedule")]
STATES = "running, done, late, partly_failed, failed, missed or skipped"


@schedules.command("list")
def list_schedules(json: AsJson = False) -> None:
    """List schedules with their next time and their last run."""
    nothing = "No schedules. The page Schedules makes one; so does POST /api/v1/schedules."
    session.show_list(session.read("/schedules"), json, _schedule_line, nothing)


@schedules.command("next")
def next_times(schedule: Which, count: Annotated[int, typer.Option(help="1 to 100")] = 5, json: AsJson = False) -> None:
    """Show the next planned times, in the desk's zone."""
    with session.connect() as console:
        found = console.get(f"/schedules/{_find(console, schedule)}/next", count=count)
    if json:
        session.print_json(found)
        return
    for planned in found["times"]:
        typer.echo(_moment(planned))
    if found["ends"]:
        typer.echo(found["ends"])
    elif not found["times"]:
        typer.echo("It never comes again.")


@schedules.command()
def run(schedule: Which, json: AsJson = False) -> None:
    """Run a schedule at once, beside its planned times."""
    with session.connect() as console:
        session.answer_of(console, console.post(f"/schedules/{_find(console, schedule)}/run"), json)


@schedules.command()
def enable(schedule: Which, json: AsJson = False) -> None:
    """Let a schedule run again, from its first time after now."""
    _switch(schedule, "enable", json)


@schedules.command()
def disable(schedule: Which, json: AsJson = False) -> None:
    """Let a schedule rest; its times from now on are no runs."""
    _switch(schedule, "disable", json)


def runs(
    state: Annotated[list[str] | None, typer.Option(help=f"{STATES}; may be given several times")] = None,
    schedule: Annotated[str | None, typer.Option(help="Name or id of the schedule")] = None,
    unseen: Annotated[bool, typer.Option("--unseen", help="Only bad ones that nobody has acknowledged")] = False,
    acknowledge: Annotated[int | None, typer.Option(metavar="ID", help="Say that this run was seen")] = None,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(help="1 to 500")] = 50,
    json: AsJson = False,
) -> None:
    """List what became of planned times, newest first; or acknowledge one."""
    with session.connect() as console:
        if acknowledge is not None:
            seen = console.post(f"/runs/{acknowledge}/acknowledge", reason=reason)
            session.show_answer(seen | {"sentence": f"Run {acknowledge} is acknowledged"}, json)
            return
        schedule_id = _find(console, schedule) if schedule else None
        found = console.get("/runs", state=state or None, schedule=schedule_id, unseen=unseen or None, limit=limit)
    session.show_list(found, json, _run_line, "No run matches.")


def _switch(schedule: str, what: str, json: bool) -> None:
    with session.connect() as console:
        found = console.post(f"/schedules/{_find(console, schedule)}/{what}")
    waits = f"its next time is {_moment(found['next_at'])}" if found["next_at"] else "it waits for no time"
    session.show_answer(found | {"sentence": f"{found['name']} is {what}d; {waits}"}, json)


def _find(console: Console, wanted: str) -> int:
    return int(session.find(console, "/schedules", "schedule", wanted)["id"])


def _schedule_line(schedule: dict[str, Any]) -> str:
    last = schedule["last_run"]
    waits = _moment(schedule["next_at"]) if schedule["enabled"] else "disabled"
    became = f"last {_moment(last['planned_at'])} {last['state']}" if last else "no run yet"
    return f"{schedule['id']:>6}  {schedule['name']:<24} {waits:<17} {became:<32} {schedule['words']}"


def _run_line(run: dict[str, Any]) -> str:
    line = f"{run['id']:>6}  {_moment(run['planned_at'])}  {run['schedule']:<24} {run['state']:<14}"
    return f"{line} {run['reason'] or ''}".rstrip()


def _moment(stamp: str | None) -> str:
    if stamp is None:
        return "none"
    return f"{datetime.fromisoformat(stamp).astimezone(read_settings().zone):%Y-%m-%d %H:%M}"
