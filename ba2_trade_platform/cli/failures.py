"""Failure commands: settle or re-run groups of the inbox, run or stop waiting retries, and hold retries back."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from ba2_trade_platform.cli import session, tables
from ba2_trade_platform.cli.session import AnalysisId, AsJson, Reason
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.settings import read_settings

STATES = "unresolved, regressed, scheduled, recovered, ignored, resolved or wont_fix"
Fingerprint = Annotated[str, typer.Argument(metavar="FINGERPRINT", help="The group, as `failures` names it")]
Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="The provider's name")]
Why = Annotated[str, typer.Option("--reason", help="Why, in your words; kept, and shown to everybody")]


def failures(
    state: Annotated[
        list[str] | None, typer.Option(help=f"{STATES}; may be given several times; absent: what needs attention")
    ] = None,
    limit: Annotated[int, typer.Option(help="1 to 100")] = 50,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before")] = None,
    json: AsJson = False,
) -> None:
    """List groups of equal failures, what needs a person first."""
    inbox = session.read("/failures", state=state or None, limit=limit, cursor=cursor)
    session.print_json(inbox) if json else tables.print_failures(inbox, read_settings().zone)


def resolve(fingerprint: Fingerprint, reason: Reason = None, json: AsJson = False) -> None:
    """Say that a group of failures is fixed: it leaves the inbox until it comes back."""
    session.press(f"/failures/{fingerprint}/resolve", json, reason=reason)


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
    session.press(f"/failures/{fingerprint}/ignore", json, seconds=seconds, until_more=until_more, reason=reason)


def reopen(fingerprint: Fingerprint, reason: Reason = None, json: AsJson = False) -> None:
    """Take back what was said of a group of failures."""
    session.press(f"/failures/{fingerprint}/reopen", json, reason=reason)


def rerun_group(fingerprint: Fingerprint, reason: Reason = None, json: AsJson = False) -> None:
    """Re-run all that stands failed in a group, as one bulk re-run."""
    with session.connect() as console:
        session.answer_of(console, console.post(f"/failures/{fingerprint}/rerun", reason=reason), json)


def run_now(analysis_id: AnalysisId, reason: Reason = None, json: AsJson = False) -> None:
    """Run an analysis at once that waits for its automatic retry."""
    session.press(f"/analyses/{analysis_id}/run-now", json, reason=reason)


def stop_retrying(analysis_id: AnalysisId, reason: Reason = None, json: AsJson = False) -> None:
    """Let an analysis that waits for its automatic retry stand failed, as its last attempt ended."""
    session.press(f"/analyses/{analysis_id}/stop-retrying", json, reason=reason)


def breakers(
    every: Annotated[bool, typer.Option("--all", help="Earlier incidents too")] = False, json: AsJson = False
) -> None:
    """List the providers whose retries wait."""
    found = session.read("/breakers", active=None if every else True)
    session.print_json(found) if json else tables.print_breakers(found, read_settings().zone)


def open_breaker(provider: Provider, reason: Why, json: AsJson = False) -> None:
    """Hold back retries for a provider until somebody lets it go."""
    with session.connect() as console:
        breaker = console.post(f"/breakers/{quote(provider, safe='')}/open", reason=reason)
    session.show_answer(breaker | {"sentence": f"Retries for {breaker['provider']} wait until it is let go"}, json)


def close_breaker(provider: Provider, reason: Why, json: AsJson = False) -> None:
    """Let the retries for a provider go again, at the set rate."""
    with session.connect() as console:
        going = console.post(f"/breakers/{quote(provider, safe='')}/close", reason=reason)
    sentence = f"Retries for {going['provider']} go again, {going['waiting']} waited"
    session.show_answer(going | {"sentence": sentence}, json)
