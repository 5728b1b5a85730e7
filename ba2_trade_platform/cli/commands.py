"""The command line: each verb a thin call of the API, in this process or in the console that holds the database."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ba2_trade_platform.core.errors import Invalid, NotFound, PlatformError
from ba2_trade_platform.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from ba2_trade_platform.cli.console import Console

PROGRAM = "python -m ba2_trade_platform"
STATUSES = "pending, running, completed, failed, skipped or cancelled"
EXIT_CODES = (
    "Exit codes: 0 done; 1 an error of the program; 2 bad input or a wrong setting; 3 cannot start; 4 not found; "
    "5 refused as things stand; 6 switched off; 7 temporarily unavailable."
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


AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for scripts")]
AnalysisId = Annotated[int, typer.Argument(metavar="ID", help="The analysis", min=1)]
Reason = Annotated[str | None, typer.Option(help="Why, in your words; kept in the activity log")]


@app.command()
def serve(
    native: Annotated[bool, typer.Option("--native", help="In a desktop window, where pywebview is installed")] = False,
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of BA2_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, instead of BA2_PORT")] = None,
) -> None:
    """Start the console; Ctrl-C stops it and hands back what runs."""
    settings = read_settings(host=host, port=port)
    from ba2_trade_platform.serve import serve as run_console  # noqa: PLC0415 - other verbs need no pages

    run_console(settings, native=native)


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
    with _console() as console:
        expert_id = _expert_id(console, expert)
        if len(symbols) == 1:
            wish = {"expert_instance_id": expert_id, "symbol": symbols[0], "priority": priority}
            answer = console.post("/analyses", **wish, subtype=subtype, as_of=as_of)
        else:
            wish = {"expert_instance_ids": [expert_id], "symbols": symbols}
            answer = console.post("/batches", **wish, subtype=subtype, as_of=as_of)
        _answer(console, answer, json)


@app.command()
def rerun(analysis_id: AnalysisId, reason: Reason = None, json: AsJson = False) -> None:
    """Re-run a failed analysis: the same id, a new attempt."""
    with _console() as console:
        _answer(console, console.post(f"/analyses/{analysis_id}/rerun", reason=reason), json)


@app.command()
def cancel(analysis_id: AnalysisId, reason: Reason = None, json: AsJson = False) -> None:
    """Cancel a pending or running analysis; its expert is stopped."""
    with _console() as console:
        _show(console.post(f"/analyses/{analysis_id}/cancel", reason=reason), json)


@app.command()
def delete(analysis_id: AnalysisId, yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False) -> None:
    """Delete an analysis and all that hangs on it."""
    if not yes:
        typer.confirm(f"Delete analysis {analysis_id} with its attempts and results?", abort=True)
    with _console() as console:
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
    with _console() as console:
        expert_id = _expert_id(console, expert) if expert else None
        chosen = {"status": status or None, "expert": expert_id, "symbol": symbol}
        page = console.get("/analyses", **chosen, limit=limit, cursor=cursor)
    from ba2_trade_platform.cli import tables  # noqa: PLC0415 - rich

    _print_json(page) if json else tables.print_page(page, _settings().zone)


@app.command()
def show(analysis_id: AnalysisId, json: AsJson = False) -> None:
    """Show one analysis with its attempts, steps, outputs and recommendation."""
    with _console() as console:
        path = f"/analyses/{analysis_id}"
        found: dict[str, Any] = {"analysis": console.get(path), "recommendation": None}
        for part in ("attempts", "steps", "outputs"):
            found[part] = console.get(f"{path}/{part}")["items"]
        if found["analysis"]["action"]:
            found["recommendation"] = console.get(f"{path}/recommendation")
    from ba2_trade_platform.cli import tables  # noqa: PLC0415 - rich

    _print_json(found) if json else tables.print_analysis(found, _settings().zone)


@app.command()
def pause(reason: Reason = None, json: AsJson = False) -> None:
    """Pause the queue: nothing new is started, what runs goes on."""
    with _console() as console:
        _show(console.post("/queue/pause", reason=reason) | {"sentence": "The queue is paused"}, json)


@app.command()
def resume(json: AsJson = False) -> None:
    """Let the queue go on."""
    with _console() as console:
        _show(console.post("/queue/resume") | {"sentence": "The queue goes on"}, json)


@app.command("seed-demo")
def seed_demo(json: AsJson = False) -> None:
    """Load the demo desk: experts, a watchlist, and analyses of which some fail on purpose."""
    with _console() as console:
        _answer(console, console.post("/demo"), json)


@app.command("pack-archives")
def pack_archives(yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False, json: AsJson = False) -> None:
    """Pack archives older than BA2_ARCHIVE_DAYS away, out of the database into a zip file."""
    with _console() as console:
        if not yes:
            foreseen = console.get("/retention")
            typer.echo(foreseen["sentence"], err=True)
            if foreseen["attempts"]:
                typer.confirm("Pack them away?", abort=True, err=True)
        _show(console.post("/retention/pack"), json)


@app.command()
def migrate(json: AsJson = False) -> None:
    """Bring the database to this version's schema, after a backup."""
    _quiet()
    from ba2_trade_platform.app import build  # noqa: PLC0415 - the database's libraries
    from ba2_trade_platform.app import migrate as run_migrations  # noqa: PLC0415

    settings = _settings()
    platform = build(settings)
    platform.ownership.take(settings.page_url)
    try:
        done = run_migrations(settings)
    finally:
        platform.stop()
    sentence = f"The database has schema {done.after}"
    if done.before != done.after:
        sentence += f", before: {done.before or 'nothing'}" + (f"; backup: {done.backup}" if done.backup else "")
    backup = str(done.backup) if done.backup else None
    _show({"before": done.before, "after": done.after, "backup": backup, "sentence": sentence}, json)


@app.command()
def settings(json: AsJson = False) -> None:
    """List all settings: names, values, where they come from, what they do."""
    from ba2_trade_platform.cli import settings_list, tables  # noqa: PLC0415 - rich

    listed = settings_list.listed(_settings())
    _print_json({"items": listed}) if json else tables.print_settings(listed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code; what is refused is one sentence on stderr."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name=PROGRAM)
    except SettingsError as error:
        typer.echo(str(error), err=True)
        sys.exit(Invalid.exit_code)
    except PlatformError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)


def _settings() -> Settings:
    return read_settings()


def _console() -> Any:
    _quiet()
    from ba2_trade_platform.cli.console import open_console  # noqa: PLC0415 - httpx and the database's libraries

    return open_console(_settings())


def _quiet() -> None:
    # The services' own log lines would say every sentence a second time.
    logging.getLogger().addHandler(logging.NullHandler())


def _expert_id(console: Console, expert: str) -> int:
    instances = console.get("/expert-instances")["items"]
    for wanted in (lambda one: one["alias"].casefold() == expert.casefold(), lambda one: str(one["id"]) == expert):
        for instance in filter(wanted, instances):
            return int(instance["id"])
    known = ", ".join(f"{instance['alias']} ({instance['id']})" for instance in instances)
    raise NotFound(f"There is no expert {expert}; there are: {known or 'none'}")


def _answer(console: Console, answer: dict[str, Any], as_json: bool) -> None:
    _show(answer, as_json)
    if not console.is_running:
        typer.echo("No console is running: it waits until one is started.", err=True)


def _show(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(answer)
    else:
        typer.echo(answer["sentence"])


def _print_json(content: object) -> None:
    import json  # noqa: PLC0415 - the options above have this name

    typer.echo(json.dumps(content, indent=2, ensure_ascii=False))
