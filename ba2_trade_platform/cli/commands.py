"""Command line: verbs as thin calls of the API, in this process or in the console that runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from ba2_trade_platform.cli import (
    backups,
    batches,
    bulk,
    calendars,
    failures,
    lessons,
    lists,
    models,
    notify,
    prices,
    schedules,
    session,
    settings_list,
    tables,
    trials,
)
from ba2_trade_platform.cli.session import AnalysisId, AsJson, Reason
from ba2_trade_platform.core.base.errors import Invalid, PlatformError
from ba2_trade_platform.core.base.private_files import write_privately
from ba2_trade_platform.settings import SettingsError, read_settings

PROGRAM = "python -m ba2_trade_platform"
STATUSES = "pending, running, completed, failed, skipped or cancelled"
EXIT_CODES = (
    "Exit codes: 0 done; 1 an error of the program; 2 bad input or a wrong setting; 3 cannot start; 4 not found; "
    "5 refused as things stand; 6 switched off; 7 temporarily unavailable; 8 too many."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EXIT_CODES,
    help="A trading operations console. Settings are BA2_... variables, `.env` or ba2.toml (BA2_CONFIG names another "
    "TOML file); `settings` lists them.",
)


@app.command()
def serve(
    native: Annotated[bool, typer.Option("--native", help="In a desktop window, where pywebview is installed")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of BA2_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, instead of BA2_PORT")] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin an empty desk although a desk was here")] = False,
) -> None:
    """Start the console; Ctrl-C stops it and hands back what runs."""
    settings = read_settings(host=host, port=port)
    from ba2_trade_platform.serve import serve as run_console  # noqa: PLC0415 - other verbs need no pages

    run_console(settings, native=native, new=new)


@app.command()
def submit(
    expert: Annotated[str, typer.Argument(help="Alias or id of the configured expert")],
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL...", help="One or several; several are a batch")],
    subtype: Annotated[str, typer.Option(help="enter_market or open_positions")] = "enter_market",
    as_of: Annotated[str | None, typer.Option(help="A day (its close) or an instant; absent: the present")] = None,
    priority: Annotated[int | None, typer.Option(help="Of one symbol; lower is sooner, 0 to 1000")] = None,
    json: AsJson = False,
) -> None:
    """Queue one or several analyses."""
    if priority is not None and len(symbols) > 1:
        raise Invalid("--priority is for one symbol; a batch has its own")
    with session.connect() as console:
        expert_id = session.find_expert(console, expert)
        if len(symbols) == 1:
            body = {"expert_instance_id": expert_id, "symbol": symbols[0], "priority": priority}
            answer = console.post("/analyses", **body, subtype=subtype, as_of=as_of)
        else:
            body = {"expert_instance_ids": [expert_id], "symbols": symbols}
            answer = console.post("/batches", **body, subtype=subtype, as_of=as_of)
        session.answer_of(console, answer, json)


@app.command()
def rerun(
    analysis_id: AnalysisId,
    reason: Reason = None,
    mode: Annotated[str | None, typer.Option(help="fresh, resume, from_step or only; absent: fresh")] = None,
    step: Annotated[str | None, typer.Option(help="For from_step and only: a step's name or place, from 1")] = None,
    config: Annotated[str | None, typer.Option(help="Settings: current, original, or an attempt's number")] = None,
    provider: Annotated[str | None, typer.Option(help="Ask only this provider")] = None,
    exclude_provider: Annotated[list[str] | None, typer.Option(help="Do not ask it; may be repeated")] = None,
    override: Annotated[bool, typer.Option("--override", help="Past the limit of re-runs; needs --reason")] = False,
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="Although something acts on its recommendation; needs --reason")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be done")] = False,
    plan_hash: Annotated[str | None, typer.Option(help="Only if the plan still is this one")] = None,
    json: AsJson = False,
) -> None:
    """Re-run a failed analysis, whole or in part: the same id, a new attempt."""
    part = {"mode": mode, "step": step, "config": config, "provider": provider, "exclude_providers": exclude_provider}
    with session.connect() as console:
        if not plan:
            answers = {"override": override or None, "acknowledge": acknowledge or None}
            done = console.post(f"/analyses/{analysis_id}/rerun", **part, **answers, plan_hash=plan_hash, reason=reason)
            session.answer_of(console, done, json)
            for warning in done["warnings"]:
                typer.echo(warning, err=True)
            return
        found = console.get(f"/analyses/{analysis_id}/rerun-plan", **part)
    session.print_json(found) if json else tables.print_plan(found)


@app.command()
def withdraw(analysis_id: AnalysisId, reason: Reason = None, json: AsJson = False) -> None:
    """Undo a re-run that no worker has claimed yet: the analysis stands failed, as it was before."""
    session.press(f"/analyses/{analysis_id}/withdraw", json, reason=reason)


@app.command()
def cancel(analysis_id: AnalysisId, reason: Reason = None, json: AsJson = False) -> None:
    """Cancel a pending or running analysis; its expert is stopped."""
    session.press(f"/analyses/{analysis_id}/cancel", json, reason=reason)


@app.command()
def delete(analysis_id: AnalysisId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False) -> None:
    """Delete an analysis and all that hangs on it."""
    if not yes:
        typer.confirm(f"Delete analysis {analysis_id} with its attempts and results?", abort=True)
    with session.connect() as console:
        console.delete(f"/analyses/{analysis_id}")
    typer.echo(f"Analysis {analysis_id} deleted")


@app.command("list")
def list_analyses(
    status: Annotated[list[str] | None, typer.Option(help=f"{STATUSES}; may be given several times")] = None,
    expert: Annotated[str | None, typer.Option(help="Alias or id of the configured expert")] = None,
    symbol: Annotated[str | None, typer.Option(help="One symbol")] = None,
    limit: Annotated[int, typer.Option(help="1 to 500")] = 50,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before")] = None,
    json: AsJson = False,
) -> None:
    """List analyses, newest first."""
    with session.connect() as console:
        expert_id = session.find_expert(console, expert) if expert else None
        chosen = {"status": status or None, "expert": expert_id, "symbol": symbol}
        page = console.get("/analyses", **chosen, limit=limit, cursor=cursor)
    session.print_json(page) if json else tables.print_page(page, read_settings().zone)


@app.command()
def show(analysis_id: AnalysisId, json: AsJson = False) -> None:
    """Show one analysis with its attempts, steps, outputs and recommendation."""
    with session.connect() as console:
        path = f"/analyses/{analysis_id}"
        found: dict[str, Any] = {"analysis": console.get(path), "recommendation": None}
        for part in ("attempts", "steps", "outputs"):
            found[part] = console.get(f"{path}/{part}")["items"]
        if found["analysis"]["action"]:
            found["recommendation"] = console.get(f"{path}/recommendation")
        if found["analysis"]["status"] == "failed":
            found["verdict"] = console.get(f"{path}/verdict")
    session.print_json(found) if json else tables.print_analysis(found, read_settings().zone)


@app.command()
def pause(reason: Reason = None, json: AsJson = False) -> None:
    """Pause the queue: nothing new is started, what runs goes on."""
    with session.connect() as console:
        session.show_answer(console.post("/queue/pause", reason=reason) | {"sentence": "The queue is paused"}, json)


@app.command()
def resume(json: AsJson = False) -> None:
    """Let the queue go on."""
    with session.connect() as console:
        session.show_answer(console.post("/queue/resume") | {"sentence": "The queue goes on"}, json)


@app.command("seed-demo")
def seed_demo(json: AsJson = False) -> None:
    """Load the demo desk: experts, a watchlist, and analyses of which some fail on purpose."""
    with session.connect() as console:
        session.answer_of(console, console.post("/demo"), json)


@app.command("pack-archives")
def pack_archives(yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False, json: AsJson = False) -> None:
    """Pack archives older than BA2_ARCHIVE_DAYS away, out of the database into a zip file."""
    with session.connect() as console:
        if not yes:
            foreseen = console.get("/retention")
            typer.echo(foreseen["sentence"], err=True)
            if foreseen["attempts"]:
                typer.confirm("Pack them away?", abort=True, err=True)
        session.show_answer(console.post("/retention/pack"), json)


@app.command()
def migrate(json: AsJson = False) -> None:
    """Bring the database to this version's schema, after a backup."""
    session.be_quiet()
    from ba2_trade_platform.app.build import build  # noqa: PLC0415 - the database's libraries
    from ba2_trade_platform.app.operations import migrate as run_migrations  # noqa: PLC0415

    settings = read_settings()
    platform = build(settings)
    platform.instance_lock.take(settings.page_url)
    try:
        done = run_migrations(settings)
    finally:
        platform.stop()
    sentence = f"The database has schema {done.after}"
    if done.before != done.after:
        sentence += f", before: {done.before or 'nothing'}" + (f"; backup: {done.backup}" if done.backup else "")
    backup = str(done.backup) if done.backup else None
    session.show_answer({"before": done.before, "after": done.after, "backup": backup, "sentence": sentence}, json)


@app.command()
def settings(json: AsJson = False) -> None:
    """List all settings: names, values, where they come from, what they do."""
    listed = settings_list.listed(read_settings())
    session.print_json({"items": listed}) if json else tables.print_settings(listed)


def research(json: AsJson = False) -> None:
    """Check the folder of news, figures and posts: what can be used, and each line that cannot, with the reason."""
    found = session.read("/research")
    if json:
        session.print_json(found)
        return
    typer.echo(found["sentence"])
    if found["files"]:
        tables.print_research(found["files"], read_settings().zone)
    for file in found["files"]:
        for problem in file["problems"]:
            typer.echo(problem)


app.command("rerun-all")(bulk.rerun_all)
app.command("bulk-reruns")(bulk.bulk_reruns)
app.command("abort-bulk")(bulk.abort_bulk)
app.command()(failures.failures)
app.command()(failures.resolve)
app.command()(failures.ignore)
app.command()(failures.reopen)
app.command("rerun-group")(failures.rerun_group)
app.command("run-now")(failures.run_now)
app.command("stop-retrying")(failures.stop_retrying)
app.command()(failures.breakers)
app.command("hold-back")(failures.open_breaker)
app.command("let-go")(failures.close_breaker)
app.command()(research)
app.command("try")(trials.try_expert)
app.command()(models.costs)
app.command()(models.budget)
app.add_typer(batches.batch, name="batch")
app.add_typer(backups.backup, name="backup")
app.add_typer(lessons.lessons, name="lessons")
app.add_typer(models.providers, name="providers")
app.add_typer(models.models, name="models")
app.add_typer(notify.notify, name="notify")
app.add_typer(prices.prices, name="prices")
app.add_typer(prices.symbols, name="symbols")
app.add_typer(schedules.schedules, name="schedules")
app.command()(schedules.runs)
app.add_typer(lists.instruments, name="instruments")
app.add_typer(lists.watchlists, name="watchlists")
app.add_typer(calendars.calendars, name="calendars")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code; what is refused is one sentence on stderr."""
    write_privately()
    try:
        app(args=None if arguments is None else list(arguments), prog_name=PROGRAM)
    except (SettingsError, PlatformError) as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code if isinstance(error, PlatformError) else Invalid.exit_code)
