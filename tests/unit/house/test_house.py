"""House rules that no linter knows: sizes, opening lines, and `__init__` files that do nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.places import ROOT

RECORDED = ROOT / "ba2_trade_platform" / "db" / "migrations" / "versions"  # as they were generated
MODULES = sorted(
    path
    for folder in ("ba2_trade_platform", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if RECORDED not in path.parents
)
MODULE_LINES = 400
FUNCTION_LINES = 60


def name(path: Path) -> str:
    """Return a module's path as a test's id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=name)
def test_a_module_says_why_it_exists_and_stays_small(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    opening = ast.get_docstring(tree)
    assert opening, "it opens with a line saying why it exists"
    assert opening.splitlines()[0].endswith((".", "?", "!")), "that line is a sentence"
    assert len(text.splitlines()) <= MODULE_LINES
    long = [
        f"{found.name}: {found.end_lineno - found.lineno + 1} lines"
        for found in ast.walk(tree)
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef)
        and (found.end_lineno or 0) - found.lineno >= FUNCTION_LINES
    ]
    assert not long


def test_nothing_is_done_by_being_imported_as_a_package() -> None:
    assert [name(path) for path in MODULES if path.name == "__init__.py" and path.read_text()] == []


def test_the_start_is_fifteen_lines_at_most() -> None:
    assert len((ROOT / "main.py").read_text().splitlines()) <= 15
