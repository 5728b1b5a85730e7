"""Failure commands: list the inbox's groups, and resolve, ignore, reopen or re-run one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ba2_trade_platform.cli.session import (
    AsJson,
    Reason,
    answer_of,
    connect,
    print_json,
    settings_in_force,
    show_answer,
)
from ba2_trade_platform.core.base.errors import Invalid

STATES = "unresolved, regressed, scheduled, recovered, ignored, resolved or wont_fix"
Fingerprint = Annotated[str, typer.Argument(metavar="FINGERPRINT", help="The group, as `failures` names it")]


def failures(
    state: Annotated[
        list[str] | None, typer.Option(help=f"{STATES}; may be given several times; absent: what needs attention")
    ] = None,
    limit: Annotated[int, typer.Option(help="1 to 100")] = 50,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before")] = None,
    json: AsJson = False,
) -> None:
    """List groups of equal failures, what needs a person first."""
    with connect() as console:
        inbox = console.get("/failures", state=state or None, limit=limit, cursor=cursor)
    from ba2_trade_platform.cli import tables  # noqa: PLC0415 - rich

    print_json(inbox) if json else tables.print_failures(inbox, settings_in_force().zone)


def resolve(fingerprint: Fingerprint, reason: Reason = None, json: AsJson = False) -> None:
    """Say that a group of failures is fixed: it leaves the inbox until it comes back."""
    _say(fingerprint, "resolve", json, reason=reason)


def ignore(
    fingerprint: Fingerprint,
    hours: Annotated[float | None, typer.Option(help="For so many hours")] = None,
    until_more: Annotated[int | None, typer.Option(help="Until so many more were seen")] = None,
    for_ever: Annotated[bool, typer.Option("--for-ever", help="It will not be fixed")] = False,
    reason: Reason = None,
    json: AsJson = False,
) -> None:
    """Leave a group of failures out of the inbox, for a time, until so many more, or for ever."""
    if (hours is not None) + (until_more is not None) + for_ever != 1:
        raise Invalid("Say for how long: --hours, --until-more or --for-ever")
    seconds = None if hours is None else hours * 3_600
    _say(fingerprint, "ignore", json, seconds=seconds, until_more=until_more, reason=reason)


def reopen(fingerprint: Fingerprint, reason: Reason = None, json: AsJson = False) -> None:
    """Take back what was said of a group of failures."""
    _say(fingerprint, "reopen", json, reason=reason)


def rerun_group(fingerprint: Fingerprint, reason: Reason = None, json: AsJson = False) -> None:
    """Re-run all that stands failed in a group, as one bulk re-run."""
    with connect() as console:
        answer_of(console, console.post(f"/failures/{fingerprint}/rerun", reason=reason), json)


def _say(fingerprint: str, verb: str, as_json: bool, **body: Any) -> None:
    with connect() as console:
        show_answer(console.post(f"/failures/{fingerprint}/{verb}", **body), as_json)
