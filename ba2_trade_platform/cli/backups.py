"""Backup commands: make one, list them, and restore one while no console runs."""

from __future__ import annotations

from typing import Annotated

import typer

from ba2_trade_platform.cli import session, tables
from ba2_trade_platform.cli.session import AsJson
from ba2_trade_platform.settings import read_settings

backup = typer.Typer(no_args_is_help=True, help="Copies of the database: now, list, restore.")


@backup.command()
def now(json: AsJson = False) -> None:
    """Back up the database now; also while the console works."""
    session.press("/backups", json)


@backup.command("list")
def list_backups(json: AsJson = False) -> None:
    """List the backups, newest first."""
    found = session.read("/backups")
    session.print_json(found) if json else tables.print_backups(found, read_settings().zone)


@backup.command()
def restore(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A path, or a name in the folder of backups")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    json: AsJson = False,
) -> None:
    """Put a backup in the place of the database, which is kept aside; only while no console runs."""
    session.be_quiet()
    from ba2_trade_platform.app.operations import find_backup, restore_backup  # noqa: PLC0415 - the database's libraries

    settings = read_settings()
    chosen = find_backup(settings, file)
    if not yes:
        typer.echo(f"The database {settings.url} would be replaced by {chosen}, and kept aside.", err=True)
        typer.confirm("Restore it?", abort=True, err=True)
    done = restore_backup(settings, chosen)
    kept = str(done.kept) if done.kept else None
    answer = {"file": str(done.file), "revision": done.revision, "analyses": done.analyses, "kept": kept}
    session.show_answer(answer | {"key_missing": done.key_missing, "sentence": done.sentence}, json)
