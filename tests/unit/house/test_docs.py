"""The documents: the README knows every setting, expert, status, page, route and command there is."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from ba2_trade_platform.api.register import PREFIX, create_api
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.cli.commands import app as cli
from ba2_trade_platform.experts.registry import EXPERTS
from ba2_trade_platform.settings import Settings, variable
from ba2_trade_platform.ui.routes import PAGES
from ba2_trade_platform.vocabulary import Status
from tests.places import ROOT

README = (ROOT / "README.md").read_text()
PACKAGE = ROOT / "ba2_trade_platform"
# What these refuse has nothing to do with failures and re-runs.
OTHERS = (
    "api/instruments", "app", "core/base/symbols.py", "core/base/text_encodings.py", "core/batches", "core/experts",
    "core/instruments", "core/models", "core/monitoring/job_list.py", "core/notifications/channels.py",
    "core/notifications/rules.py", "core/operations", "core/worker/trials.py", "demo", "serve.py",
)  # fmt: skip


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_readme(name: str) -> None:
    assert f"| `{variable(name)}` |" in README


@pytest.mark.parametrize("name", EXPERTS)
def test_every_expert_stands_in_the_readme(name: str) -> None:
    assert f"| {name} |" in README


@pytest.mark.parametrize("status", Status)
def test_every_status_stands_in_the_readme(status: Status) -> None:
    assert f"`{status.value}`" in README


def test_every_page_stands_in_the_readme() -> None:
    routes = (ROOT / "ba2_trade_platform/ui/routes.py").read_text()
    pages = {*PAGES, *re.findall(r'@page\("([^"]+)"\)', routes)} - {"/"}
    assert {page for page in pages if f"| `{page}` |" not in README} == set()


def test_every_route_of_the_api_stands_in_the_readme(platform: Platform) -> None:
    paths = {path.removeprefix(PREFIX) for path in create_api(platform).openapi()["paths"]}
    assert paths
    assert {path for path in paths if f"`{path}`" not in README} == set()


def test_every_command_stands_in_the_readme() -> None:
    commands = set(get_command(cli).commands)  # type: ignore[attr-defined]
    assert commands
    assert {command for command in commands if not re.search(rf"`{command}( ID)?`", README)} == set()


def test_every_refusal_of_a_rerun_is_explained_to_the_trader() -> None:
    texts = [(ROOT / "docs" / name).read_text() for name in ("reruns.md", "schedules.md", "notifications.md")]
    explained = {code for text in texts for code in re.findall(r"`([A-Z_]+)`", text)}
    others = [PACKAGE / place for place in OTHERS]
    modules = [
        path for path in PACKAGE.rglob("*.py") if not any(path == other or other in path.parents for other in others)
    ]
    raised = {code for path in modules for code in re.findall(r'code="([A-Z_]+)"', path.read_text())}
    assert {"NOT_FAILED", "RATE_LIMITED", "NOTHING_TO_PACK"} <= raised
    assert raised - explained == set()


def test_every_refusal_of_health_and_backups_is_explained_to_the_operator() -> None:
    explained = set(re.findall(r"`([A-Z_]+)`", (ROOT / "docs/operations.md").read_text()))
    modules = [PACKAGE / "core/operations" / name for name in ("backups.py", "restore.py", "dead_man_switch.py")]
    raised = {code for path in modules for code in re.findall(r'code="([A-Z_]+)"', path.read_text())}
    assert "BACKUP_UNDER_WAY" in raised
    assert raised - explained == set()


def test_every_document_that_is_linked_exists() -> None:
    texts = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")]
    for text in texts:
        links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text.read_text())
        assert [link for link in links if not (ROOT / link).exists()] == []
