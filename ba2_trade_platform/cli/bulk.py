"""Bulk re-run commands: show the plan, and accept exactly that once its number is typed back."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson, Reason
from ba2_trade_platform.core.base.errors import Invalid, Refused

TYPED_ABOVE = 50
BulkId = Annotated[int, typer.Argument(metavar="ID", help="The bulk re-run", min=1)]


def rerun_all(
    reason: Annotated[str, typer.Option(help="Why, in your words; kept with every attempt")],
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID...]", help="Analyses; else what the options find")
    ] = None,
    expert: Annotated[str | None, typer.Option(help="Alias or id of the configured expert")] = None,
    symbol: Annotated[str | None, typer.Option(help="One symbol")] = None,
    code: Annotated[str | None, typer.Option(help="Failure code, for example RATE_LIMIT")] = None,
    text: Annotated[str | None, typer.Option(help="Text in the error")] = None,
    bulk: Annotated[int | None, typer.Option(help="What failed again in this bulk re-run")] = None,
    mode: Annotated[str, typer.Option(help="fresh or resume")] = "fresh",
    name: Annotated[str | None, typer.Option(help="What it is called")] = None,
    rate: Annotated[int | None, typer.Option(help="At most so many a minute")] = None,
    canary: Annotated[int | None, typer.Option(help="So many first; the rest only if all of them complete")] = None,
    override: Annotated[bool, typer.Option("--override", help="Also what has reached its re-run limit")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be done")] = False,
    number: Annotated[
        int | None, typer.Option(help="How many run, for scripts; refused unless it is exactly that")
    ] = None,
    json: AsJson = False,
) -> None:
    """Re-run many failed analyses: those given, or every one that the options find."""
    with session.connect() as console:
        chosen: dict[str, Any] = {"ids": ids or None, "mode": mode, "override": override}
        if not ids:
            expert_id = session.find_expert(console, expert) if expert else None
            failed = {"status": ["failed"], "expert": expert_id, "symbol": symbol, "code": code, "q": text}
            chosen["filter"] = failed | {"bulk": bulk, "bulk_outcome": "failed" if bulk else None}
        plan = console.post("/bulk-reruns/preview", **chosen)
        if preview:
            session.print_json(plan) if json else _print_plan(plan)
            return
        if not json:
            _print_plan(plan)
        _agree(plan["will_run"], number)
        body = {"plan_hash": plan["plan_hash"], "reason": reason, "name": name, "canary": canary}
        session.answer_of(console, console.post("/bulk-reruns", **chosen, **body, rate_per_minute=rate), json)


def bulk_reruns(
    bulk_id: Annotated[int | None, typer.Argument(metavar="[ID]", help="One of them; else the newest", min=1)] = None,
    json: AsJson = False,
) -> None:
    """Show the newest bulk re-runs, or one of them with what did not complete."""
    with session.connect() as console:
        if bulk_id is None:
            page = console.get("/batches", kind="bulk_rerun", limit=20)
            found = {"items": page["items"]}
        else:
            path = f"/batches/{bulk_id}"
            rest = console.get(f"{path}/items", outcome=["failed", "skipped", "blocked"], limit=500)
            found = {"items": [console.get(path)], "not_completed": rest["items"]}
    if json:
        session.print_json(found)
        return
    for one in found["items"]:
        typer.echo(f"{one['sentence']}  {one['name']}, by {one['actor']}: {one['rerun']['reason']}")
    for item in found.get("not_completed", []):
        typer.echo(f"  #{item['analysis_id']} {item['symbol']} {item['expert']}: {item['outcome']}, {item['reason']}")
    if not found["items"]:
        typer.echo("No bulk re-run yet. `rerun-all --reason WHY` re-runs everything that failed, after a look at it.")


def abort_bulk(bulk_id: BulkId, reason: Reason = None, json: AsJson = False) -> None:
    """Abort a bulk re-run: what is not queued yet is skipped, what is queued or runs goes on."""
    session.press(f"/batches/{bulk_id}/abort", json, reason=reason)


def _print_plan(plan: dict[str, Any]) -> None:
    typer.echo(f"{plan['will_run']} of {plan['total']} analyses will run again.")
    for word, reasons in (("skipped", plan["skip"]), ("blocked", plan["blocked"])):
        for one in reasons:
            typer.echo(f"  {one['count']} {word}: {one['reason']}")
    for error in plan["top_errors"]:
        typer.echo(f"  {error['count']} failed with {error['code']}: {error['message']}")
    if plan["estimated_seconds"] is not None:
        typer.echo(f"  It takes about {plan['estimated_seconds']} s, as the newest analyses of these experts did.")
    if plan["estimated_cost_usd"] is not None:
        typer.echo(f"  It costs about ${plan['estimated_cost_usd']:.2f}.")


def _agree(will_run: int, number: int | None) -> None:
    """Have a person agree to the number: typed when it is large, yes or no when it is small."""
    if number is not None:
        if number != will_run:
            raise Refused(f"{will_run} would run, not {number}; nothing was done", code="NUMBER_DIFFERS")
        return
    if not will_run:
        raise Refused("Nothing would run: no analysis of these can be re-run now", code="NOTHING_TO_RERUN")
    if not sys.stdin.isatty() and will_run > TYPED_ABOVE:
        raise Invalid(f"Say --number {will_run} to re-run {will_run} analyses without being asked")
    if will_run <= TYPED_ABOVE:
        typer.confirm(f"Re-run {will_run} {'analysis' if will_run == 1 else 'analyses'}?", abort=True)
    elif typer.prompt(f"Type {will_run} to re-run {will_run} analyses") != str(will_run):
        raise Refused("That is another number; nothing was done", code="NUMBER_DIFFERS")
