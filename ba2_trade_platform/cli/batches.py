"""Batch commands: preview, submit, watch, pause, resume and cancel one, and re-run its failures."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ba2_trade_platform.cli import session
from ba2_trade_platform.cli.session import AsJson, Reason

batch = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Many analyses at once.")
BatchId = Annotated[int, typer.Argument(metavar="ID", help="The batch", min=1)]
_LINE = "{sentence}  {name}, by {actor}".format_map
NOT_COMPLETED = ["failed", "skipped", "blocked", "duplicate"]


@batch.command("submit")
def submit(
    symbols: Annotated[list[str] | None, typer.Argument(metavar="[SYMBOL...]", help="Several symbols")] = None,
    expert: Annotated[
        list[str] | None, typer.Option(help="Alias or id of a configured expert; may be repeated")
    ] = None,
    watchlist: Annotated[int | None, typer.Option(help="Id of a watchlist, instead of symbols")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All instruments of the desk")] = False,
    subtype: Annotated[str, typer.Option(help="enter_market or open_positions")] = "enter_market",
    as_of: Annotated[str | None, typer.Option(help="A day (its close) or an instant; absent: the present")] = None,
    name: Annotated[str | None, typer.Option(help="What it is called")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be done")] = False,
    json: AsJson = False,
) -> None:
    """Queue every symbol with every expert as one batch."""
    with session.connect() as console:
        body: dict[str, Any] = {
            "expert_instance_ids": [session.find_expert(console, one) for one in expert or []],
            "symbols": symbols or None,
            "watchlist_id": watchlist,
            "everything": everything or None,
            "subtype": subtype,
            "as_of": as_of,
            "name": name,
        }
        if not preview:
            session.answer_of(console, console.post("/batches", **body), json)
            return
        seen = console.post("/batches/preview", **body)
    session.print_json(seen) if json else _print_preview(seen)


@batch.command("list")
def list_batches(
    state: Annotated[
        str | None, typer.Option(help="canary, running, paused, completed, failed, cancelled, canary_failed or aborted")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="submit, bulk_rerun or schedule_run")] = None,
    limit: Annotated[int, typer.Option(help="1 to 500")] = 20,
    json: AsJson = False,
) -> None:
    """List batches, newest first."""
    found = session.read("/batches", state=state, kind=kind, limit=limit)
    session.show_list(found, json, _LINE, "No batch here. `batch submit AAPL MSFT --expert ALIAS` makes one.")


@batch.command("show")
def show(batch_id: BatchId, json: AsJson = False) -> None:
    """Show one batch with what did not complete."""
    with session.connect() as console:
        one = console.get(f"/batches/{batch_id}")
        rest = console.get(f"/batches/{batch_id}/items", outcome=NOT_COMPLETED, limit=500)
    if json:
        session.print_json(one | {"not_completed": rest["items"]})
        return
    typer.echo(_LINE(one))
    if one["seconds_left"] is not None:
        typer.echo(f"  About {one['seconds_left']} s to go, as the newest analyses of these experts took.")
    for item in rest["items"]:
        about = f"#{item['analysis_id']} " if item["analysis_id"] else ""
        typer.echo(f"  {about}{item['symbol']} {item['expert']}: {item['outcome']}, {item['reason']}")


@batch.command("pause")
def pause(batch_id: BatchId, reason: Reason = None, json: AsJson = False) -> None:
    """Let nothing more of it begin; what runs goes on."""
    session.press(f"/batches/{batch_id}/pause", json, reason=reason)


@batch.command("resume")
def resume(batch_id: BatchId, reason: Reason = None, json: AsJson = False) -> None:
    """Let a paused batch go on."""
    session.press(f"/batches/{batch_id}/resume", json, reason=reason)


@batch.command("cancel")
def cancel(batch_id: BatchId, reason: Reason = None, json: AsJson = False) -> None:
    """End what it still has; running experts are stopped."""
    session.press(f"/batches/{batch_id}/cancel", json, reason=reason)


@batch.command("abort")
def abort(batch_id: BatchId, reason: Reason = None, json: AsJson = False) -> None:
    """Abort a bulk re-run: what is not queued yet is skipped, what is queued or runs goes on."""
    session.press(f"/batches/{batch_id}/abort", json, reason=reason)


@batch.command("rerun-failed")
def rerun_failed(batch_id: BatchId, reason: Reason = None, json: AsJson = False) -> None:
    """Re-run what failed in it, as a bulk re-run."""
    session.press(f"/batches/{batch_id}/rerun-failed", json, reason=reason)


def _print_preview(seen: dict[str, Any]) -> None:
    typer.echo(f"{seen['sentence']}.")
    for one in seen["reasons"]:
        typer.echo(f"  {one['count']} not possible: {one['reason']}")
    seconds, cost = seen["estimated_seconds"], seen["estimated_cost_usd"]
    typer.echo("  How long it takes is not known yet." if seconds is None else f"  It takes about {seconds} s.")
    if cost is not None:
        typer.echo(f"  It costs about ${cost:.2f}.")
