"""Reference: docs/reference.md, made from the code, so that no page, route, setting or verb is missing there.

`python -m tests.reference` writes it anew.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr
from typer.main import get_command

from ba2_trade_platform.api.register import PREFIX, create_api
from ba2_trade_platform.cli.commands import EXIT_CODES, PROGRAM
from ba2_trade_platform.cli.commands import app as cli
from ba2_trade_platform.settings import Settings, variable
from ba2_trade_platform.ui.routes import FORMER, PAGES
from tests.places import ROOT
from tests.platforms import make_platform

DOCUMENT = ROOT / "docs/reference.md"
OPENING = """# Reference

Every page, setting, command and route of the console. Made from the code: `python -m tests.reference` writes it
anew, and a test compares it.
"""
SETTINGS = """## Settings

By environment, `.env`, or a TOML file (`ba2.toml`, or the one `BA2_CONFIG` names, with lower-case names without the
prefix), in this order. `python -m ba2_trade_platform settings` shows what is in force and where it comes from. A
wrong value stops the start with one sentence.
"""
COMMANDS = f"""## Commands

`{PROGRAM} COMMAND`; `--help` behind each tells more, `--json` is there where a script wants it. While a
console runs, the verbs go over its API; otherwise straight to the database, and wait for the next start.

{EXIT_CODES}
"""
ROUTES = f"""## Routes

Under `{PREFIX}`, but for `/healthz`, `/readyz` and `/metrics`; documented in full at `/docs` while the console
runs. Errors are `application/problem+json` with the same sentence as the page: 422 does not fit `/openapi.json`,
404 names nothing that is there, 409 fits and cannot be, or not now. Requests that write need the console's own Host
and Origin. In brackets: parameters of the query; in braces: fields of the body.
"""


def made(scratch: Path) -> str:
    """Return the whole document; a platform is made in `scratch`, for the API's own document."""
    platform = make_platform(scratch)
    try:
        document = create_api(platform).openapi()
    finally:
        platform.stop()
    parts = [OPENING, *_pages(), SETTINGS, *_settings(), COMMANDS, *_commands(), ROUTES, *_routes(document)]
    return "\n".join(parts).rstrip() + "\n"


def _table(first: str, *others: str) -> list[str]:
    return [f"| {' | '.join((first, *others))} |", f"|{' --- |' * (1 + len(others))}"]


def _cell(text: str) -> str:
    linked = re.sub(r"docs/([a-z-]+\.md)", r"[\1](\1)", " ".join(text.split()))
    return linked.replace("|", "\\|")


def _pages() -> Iterator[str]:
    yield from ("## Pages", "", *_table("page", "what it shows"))
    for address, page in PAGES.items():
        yield f"| `{address}` | {_cell(page.shows)} |"
    for address, now in FORMER.items():
        yield f"| `{address}` | leads to `{now}` |"
    yield ""


def _settings() -> Iterator[str]:
    yield from _table("setting", "default", "meaning")
    for name, field in Settings.model_fields.items():
        yield f"| `{variable(name)}` | {_default(field.default)} | {_cell(field.description or '')} |"
    yield ""


def _default(value: object) -> str:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    if isinstance(plain, bool):
        return f"`{plain:d}`"
    return "" if plain in (None, "") else f"`{plain}`"


def _commands() -> Iterator[str]:
    yield from _table("command", "what it does", "options")
    yield from _verbs(get_command(cli), "")
    yield ""


def _verbs(group: Any, prefix: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _verbs(command, f"{prefix}{name} ")
            continue
        shown = [param for param in command.params if not getattr(param, "hidden", False)]
        taken = [param.metavar or param.name.upper() for param in shown if isinstance(param, typer.core.TyperArgument)]
        options = [f"`{param.opts[0]}`" for param in shown if isinstance(param, typer.core.TyperOption)]
        yield f"| `{_cell(' '.join([prefix + name, *taken]))}` | {_cell(command.help or '')} | {', '.join(options)} |"


def _routes(document: dict[str, Any]) -> Iterator[str]:
    listed = [
        (operation["tags"][0], path.removeprefix(PREFIX), verb.upper(), operation)
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
    ]
    listed.sort(key=lambda one: one[0])  # stable: within a theme as they are registered
    for theme, routes in groupby(listed, key=lambda one: one[0]):
        yield from (f"### {theme.capitalize()}", "", *_table("route", "what it does"))
        for _, path, verb, operation in routes:
            yield f"| {verb} `{path}`{_taken(operation, document)} | {_cell(operation.get('description', ''))} |"
        yield ""


def _taken(operation: dict[str, Any], document: dict[str, Any]) -> str:
    query = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields = [name for schema in _schemas(content, document) for name in schema.get("properties", {})]
    taken = [f"[{', '.join(query)}]"] if query else []
    taken += [f"{{{', '.join(dict.fromkeys(fields))}}}"] if fields else []
    return "".join(f" `{one}`" for one in taken)


def _schemas(schema: dict[str, Any], document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    yield schema
    for one in schema.get("anyOf", ()):
        yield from _schemas(one, document)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        DOCUMENT.write_text(made(Path(folder)))
