"""Retry commands: run a waiting retry now or stop it, and open or close circuit breakers."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from ba2_trade_platform.cli.session import AsJson, Reason, connect, print_json, settings_in_force, show_answer

AnalysisId = Annotated[int, typer.Argument(metavar="ID", help="The analysis", min=1)]
Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="The provider's name")]
Why = Annotated[str, typer.Option("--reason", help="Why, in your words; kept, and shown to everybody")]


def run_now(analysis_id: AnalysisId, reason: Reason = None, json: AsJson = False) -> None:
    """Run an analysis at once that waits for its automatic retry."""
    with connect() as console:
        show_answer(console.post(f"/analyses/{analysis_id}/run-now", reason=reason), json)


def stop_retrying(analysis_id: AnalysisId, reason: Reason = None, json: AsJson = False) -> None:
    """Let an analysis that waits for its automatic retry stand failed, as its last attempt ended."""
    with connect() as console:
        show_answer(console.post(f"/analyses/{analysis_id}/stop-retrying", reason=reason), json)


def breakers(
    every: Annotated[bool, typer.Option("--all", help="Earlier incidents too")] = False, json: AsJson = False
) -> None:
    """List the providers whose retries wait."""
    with connect() as console:
        found = console.get("/breakers", active=None if every else True)
    from ba2_trade_platform.cli import tables  # noqa: PLC0415 - rich

    print_json(found) if json else tables.print_breakers(found, settings_in_force().zone)


def open_breaker(provider: Provider, reason: Why, json: AsJson = False) -> None:
    """Hold back retries for a provider until somebody lets it go."""
    with connect() as console:
        breaker = console.post(f"/breakers/{quote(provider, safe='')}/open", reason=reason)
    show_answer(breaker | {"sentence": f"Retries for {breaker['provider']} wait until it is let go"}, json)


def close_breaker(provider: Provider, reason: Why, json: AsJson = False) -> None:
    """Let the retries for a provider go again, at the set rate."""
    with connect() as console:
        going = console.post(f"/breakers/{quote(provider, safe='')}/close", reason=reason)
    show_answer(going | {"sentence": f"Retries for {going['provider']} go again, {going['waiting']} waited"}, json)
