"""Permissions: the table is complete, and every verb of every service asks it before it acts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.access.permissions import PERMISSIONS, check_permission
from ba2_trade_platform.core.base.audit import Action, Subject
from tests.places import ROOT
from tests.platforms import TRADER

PACKAGE = ROOT / "ba2_trade_platform"
ROOMS = ("core", "demo", "llm", "memory")
# These hand their actor on as they got it: each is a step of a verb that has asked, or calls one that asks.
ASKS = ("command", "check_permission")


def modules() -> list[Path]:
    """Return the modules that may hold verbs."""
    return [path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")]


def methods() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield every public method that is told who asks."""
    for path in modules():
        for found in ast.walk(ast.parse(path.read_text())):
            if isinstance(found, ast.ClassDef) and "Protocol" not in ast.unparse(found):
                for method in found.body:
                    public = isinstance(method, ast.FunctionDef) and not method.name.startswith("_")
                    if public and "by" in {one.arg for one in method.args.kwonlyargs}:
                        yield f"{path.relative_to(PACKAGE)}:{found.name}.{method.name}", method


VERBS = dict(methods())


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_asks_or_hands_its_actor_to_one_that_asks(name: str) -> None:
    method = VERBS[name]
    asks = any(
        isinstance(call, ast.Call)
        and (
            (isinstance(call.func, ast.Attribute) and call.func.attr in ASKS)
            or any(keyword.arg == "by" for keyword in call.keywords)
            or any(isinstance(value, ast.Name) and value.id == "by" for value in call.args)
        )
        for call in ast.walk(method)
    )
    needs = any("needs(" in ast.unparse(decorator) for decorator in method.decorator_list)
    assert asks or needs


def pairs() -> set[tuple[Action, Subject]]:
    """Return every action on a subject that is written down beside a command or a need."""
    found: set[tuple[Action, Subject]] = set()
    for path in modules():
        text = path.read_text()
        for call in ast.walk(ast.parse(text)):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name not in ("command", "needs"):
                continue
            said = [ast.unparse(argument) for argument in call.args]
            subject = next((one for one in said if one.startswith("Subject.")), None)
            if subject is None:
                continue
            actions = [one for one in said if one.startswith("Action.")]
            # A verb of several words is told its action: all that the module names then.
            written = actions or [f"Action.{one.name}" for one in Action if f"Action.{one.name}" in text]
            found |= {(Action[one.split(".")[1]], Subject[subject.split(".")[1]]) for one in written}
    return found


def test_every_command_has_its_permission_and_no_permission_is_for_nothing() -> None:
    written = pairs()
    assert len(written) > 50
    several = {Subject.BATCH, Subject.SCHEDULE, Subject.LESSON, Subject.QUEUE, Subject.REPLAY}
    assert {pair for pair in written if pair not in PERMISSIONS and pair[1] not in several} == set()
    assert set(PERMISSIONS) - written == set()


def test_what_the_table_does_not_know_is_refused() -> None:
    for action, subject in PERMISSIONS:
        check_permission(TRADER, action, subject)
    with pytest.raises(LookupError, match="no permission is laid down for resize of watchlist"):
        check_permission(TRADER, Action.RESIZE, Subject.WATCHLIST)
