"""House rules that no linter knows: sizes, opening lines, and `__init__` files that do nothing."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "ba2_trade_platform"
RECORDED = ROOT / "ba2_trade_platform" / "db" / "migrations" / "versions"  # as they were generated
MODULES = sorted(
    path
    for folder in ("ba2_trade_platform", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if RECORDED not in path.parents
)
MODULE_LINES = 350
FOLDER_MODULES = 20
FUNCTION_LINES = 60
TERM_AND_REASON = re.compile(r"[^:.]+: .+\.")
PERIPHRASIS = re.compile(r"\b(what|who|whom|nobody|somebody)(ever)?\b", re.IGNORECASE)
FLAT = {"chaos", "contracts", "db", "oracle"}  # their tests cross the rooms


def name(path: Path) -> str:
    """Return a module's path as a test's id."""
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in MODULES if path.name != "__init__.py"], ids=name)
def test_a_module_says_why_it_exists_and_stays_small(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    opening = ast.get_docstring(tree)
    assert opening, "it opens with a line saying why it exists"
    assert TERM_AND_REASON.fullmatch(opening.splitlines()[0]), "that line is the term and its reason"
    assert not PERIPHRASIS.search(opening.splitlines()[0]), "it names the thing itself"
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


def test_no_module_passes_on_what_another_one_defines() -> None:
    passing = [name(path) for path in MODULES if PACKAGE in path.parents and "__all__" in path.read_text()]
    assert passing == []


def test_the_start_is_fifteen_lines_at_most() -> None:
    assert len((ROOT / "main.py").read_text().splitlines()) <= 15


def test_no_folder_of_the_package_is_a_heap() -> None:
    counts = Counter(
        name(path.parent)
        for path in MODULES
        if path.parts[-2] != "tests" and PACKAGE in path.parents and path.stem != "__init__"
    )
    assert {folder: count for folder, count in counts.items() if count > FOLDER_MODULES} == {}


def test_a_test_stands_in_its_room_unless_its_kind_crosses_them() -> None:
    tests = [path.relative_to(ROOT / "tests").parts for path in MODULES if path.name.startswith("test_")]
    assert {parts[0] for parts in tests if len(parts) == 2} == FLAT
    assert {parts[0] for parts in tests if len(parts) == 1} == set()


def test_the_map_of_the_architecture_names_every_room_there_is() -> None:
    named = set(re.findall(r"^\| (?:\d+ \| )?`([a-z_/]+)` \|", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE))
    packages = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    rooms = {f"{room}/{path.name}" for room in ("core", "ui") for path in (PACKAGE / room).iterdir() if is_room(path)}
    assert named == packages | rooms


def is_room(path: Path) -> bool:
    """Tell whether this is a folder that is kept, and not what Python leaves behind."""
    return path.is_dir() and path.name != "__pycache__"


def test_plugins_may_know_the_contracts_and_the_ground_of_core_alone() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (plugins,) = [each for each in contracts if each["name"].startswith("Plug-ins")]
    rooms = {path.name for path in (PACKAGE / "core").iterdir() if is_room(path)} - {"base", "contracts"}
    forbidden = {module.removeprefix("ba2_trade_platform.core.") for module in plugins["forbidden_modules"]}
    assert rooms <= forbidden


def test_everything_that_is_no_module_goes_into_the_wheel() -> None:
    given = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    packed = {
        path
        for package, globs in given.items()
        for glob in globs
        for path in (ROOT / package.replace(".", "/")).glob(glob)
    }
    others = {
        path
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    }
    assert others - packed == set()
