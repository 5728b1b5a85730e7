"""Research command: checks the folder of news, figures and posts line by line."""

from __future__ import annotations

import typer

from ba2_trade_platform.cli.session import AsJson, connect, print_json, settings_in_force


def research(json: AsJson = False) -> None:
    """Check the folder of news, figures and posts: what can be used, and each line that cannot, with the reason."""
    with connect() as console:
        found = console.get("/research")
    if json:
        print_json(found)
        return
    from ba2_trade_platform.cli import tables  # noqa: PLC0415 - rich

    typer.echo(found["sentence"])
    if found["files"]:
        tables.print_research(found["files"], settings_in_force().zone)
    for file in found["files"]:
        for problem in file["problems"]:
            typer.echo(problem)
