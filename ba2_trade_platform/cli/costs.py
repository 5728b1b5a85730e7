"""Cost commands: list the costs of model calls, and show or set the day's budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ba2_trade_platform.cli.session import AsJson, Reason, connect, print_json, show_answer
from ba2_trade_platform.core.base.errors import Invalid

NONE = "none"


def costs(
    group_by: Annotated[str, typer.Option(help="expert, model, provider, day, outcome, symbol or analysis")] = "expert",
    days: Annotated[int, typer.Option(min=1, max=36_500, help="The last so many UTC days, today included")] = 30,
    json: AsJson = False,
) -> None:
    """List what model calls cost, the dearest first; all attempts count, deleted analyses too."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = (today - timedelta(days=days - 1)).isoformat()
    with connect() as console:
        found = console.get("/costs", group_by=group_by, since=since)
        standing = console.get("/costs/budget")
    if json:
        print_json(found)
        return
    from ba2_trade_platform.cli import tables  # noqa: PLC0415 - rich

    tables.print_costs(found)
    typer.echo(standing["sentence"])


def budget(
    limit: Annotated[str | None, typer.Argument(metavar="[USD|none]", help="The new budget; absent: show it")] = None,
    reason: Reason = None,
    json: AsJson = False,
) -> None:
    """Show or set the budget that all model calls of one UTC day must stay within."""
    if limit is not None and limit != NONE and not limit.replace(".", "", 1).isdecimal():
        raise Invalid(f"A budget is an amount in USD, such as 25 or 2.50, or {NONE}; not {limit[:40]}")
    with connect() as console:
        if limit is None:
            answer = console.get("/costs/budget")
        else:
            answer = console.put("/costs/budget", limit=None if limit == NONE else limit, reason=reason)
    show_answer(answer, json)
