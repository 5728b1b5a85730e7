"""The documents: the reference knows every setting, page, route and command, the README every expert and status."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ba2_trade_platform.experts.registry import EXPERTS
from ba2_trade_platform.vocabulary import Status
from tests import reference
from tests.places import ROOT

README = (ROOT / "README.md").read_text()
LONGEST_README = 180
PACKAGE = ROOT / "ba2_trade_platform"
# What these refuse has nothing to do with failures and re-runs.
OTHERS = (
    "api/instruments", "app", "core/base/symbols.py", "core/base/text_encodings.py", "core/batches", "core/experts",
    "core/instruments", "core/models", "core/monitoring/job_list.py", "core/notifications/channels.py",
    "core/notifications/rules.py", "core/operations", "core/worker/trials.py", "demo", "serve.py",
)  # fmt: skip


def test_the_reference_is_what_the_code_says(tmp_path: Path) -> None:
    document = reference.made(tmp_path)
    assert reference.DOCUMENT.read_text() == document, "python -m tests.reference writes docs/reference.md anew"


@pytest.mark.parametrize("name", EXPERTS)
def test_every_expert_stands_in_the_readme(name: str) -> None:
    assert f"| {name} |" in README


@pytest.mark.parametrize("status", Status)
def test_every_status_stands_in_the_readme(status: Status) -> None:
    assert f"`{status.value}`" in README


def test_the_readme_is_read_to_its_end() -> None:
    assert len(README.splitlines()) < LONGEST_README


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
