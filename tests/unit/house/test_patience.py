"""Patience: a factor for every wait, and no wait with a time of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.patience import factor
from tests.places import ROOT

TESTS = ROOT / "tests"
CLOCKS = ("monotonic", "perf_counter", "steady_seconds", "time")
WAITS = ("communicate", "join", "result", "timeout", "wait", "wait_for")


@cache
def tree_of(path: Path) -> ast.Module:
    """Return a module as it is parsed."""
    return ast.parse(path.read_text())


@pytest.mark.parametrize(("given", "wanted"), [("1", 1.0), ("3", 3.0), ("0.5", 0.5)])
def test_the_factor_is_a_number(given: str, wanted: float) -> None:
    assert factor(given) == wanted


@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "long"])
def test_a_factor_that_makes_no_sense_stops_the_tests(given: str) -> None:
    with pytest.raises(ValueError, match=r"BA2_TEST_PATIENCE|could not convert"):
        factor(given)


@pytest.mark.parametrize(
    "written",
    [
        "event.wait(5)",
        "future.result(10)",
        "asyncio.wait_for(task, 1)",
        "httpx.get(url, timeout=2)",
        "thread.join(3.0)",
    ],
)
def test_a_wait_with_a_time_of_its_own_is_found(written: str) -> None:
    assert list(own_times(ast.parse(written))) == [1]


@pytest.mark.parametrize(
    "written",
    ["event.wait(EVENT_SECONDS)", "not event.wait(0.4)", '", ".join(names)', "provider(timeout=0.7)"],
)
def test_what_is_patient_or_proves_that_nothing_comes_is_let_be(written: str) -> None:
    assert list(own_times(ast.parse(written))) == []


def test_no_test_waits_for_a_time_of_its_own() -> None:
    assert [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in own_times(tree_of(path))
        if path != Path(__file__)
    ] == []


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("assert time.monotonic() - begun < 3", [1]),
        ("assert perf_counter() - begun < 1", [1]),
        ("assert time.monotonic() < deadline", []),
        ("assert leap(work()) == 60", []),
    ],
)
def test_an_assertion_of_how_long_it_took_is_found(written: str, found: list[int]) -> None:
    assert list(asserted_times(ast.parse(written))) == found


def test_no_test_asserts_how_long_anything_took() -> None:
    assert [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in asserted_times(tree_of(path))
    ] == []


def asserted_times(tree: ast.AST) -> Iterator[int]:
    """Return the lines that compare what has passed by a clock of this machine."""
    for check in ast.walk(tree):
        if isinstance(check, ast.Assert) and any(
            isinstance(part, ast.BinOp) and isinstance(part.op, ast.Sub) and reads_clock(part)
            for part in ast.walk(check)
        ):
            yield check.lineno


def reads_clock(tree: ast.AST) -> bool:
    """Tell whether a clock of this machine is read."""
    called = (part.func for part in ast.walk(tree) if isinstance(part, ast.Call))
    return any(getattr(each, "attr", getattr(each, "id", "")) in CLOCKS for each in called)


def own_times(tree: ast.AST) -> Iterator[int]:
    """Return the lines that wait for a literal second or longer."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        given = [keyword.value for keyword in call.keywords if keyword.arg == "timeout"]
        given += call.args if name in WAITS else []
        if any(isinstance(value, ast.Constant) and is_long(value.value) for value in given):
            yield call.lineno


def is_long(value: object) -> bool:
    """Tell whether this is a number of seconds that something could take."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 1
