"""Guarded columns: a walk of the source, so that status, lease and attempt stay written in one place."""

from __future__ import annotations

import ast
import re

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "ba2_trade_platform"
GUARDED = {"status", "lease_token", "lease_until", "worker_id", "attempt"}
TRANSITIONS = "core/attempts/transitions.py"
SUBMISSION = {"core/attempts/submissions.py", "core/analyses/batch_submissions.py"}
READING = {"select", "select_from", "correlate", "join", "outerjoin", "delete", "Reader"}
RAW = re.compile(
    r"\b(update|replace\s+into|insert\b.*\binto)\s+(or\s+\w+\s+)?\"?market_analysis\b", re.IGNORECASE | re.DOTALL
)


def test_status_lease_and_attempt_are_written_in_one_place_and_by_submission_only() -> None:
    written, inserted = {}, set()
    for path in PACKAGE.rglob("*.py"):
        name = str(path.relative_to(PACKAGE))
        if name.startswith("db/"):  # the table itself and its migrations
            continue
        walk = Walk(path.read_text())
        if walk.written:
            written[name] = walk.written
        if walk.inserts:
            inserted.add(name)
    assert written == {TRANSITIONS: GUARDED}
    assert inserted == SUBMISSION


class Walk:
    """Reads a source: which guarded columns of an analysis it updates (all, if that cannot be told), if it inserts."""

    def __init__(self, source: str) -> None:
        self.written: set[str] = set()
        self.inserts = False
        tree = ast.parse(source)
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and RAW.search(node.value):
                self.written |= GUARDED
            if isinstance(node, ast.Name) and node.id == "MarketAnalysis":
                self.written |= GUARDED
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "t.analysis":
                self._look(node, parents)

    def _look(self, table: ast.AST, parents: dict[ast.AST, ast.AST]) -> None:
        """See what is done with the table itself; its columns may be read anywhere."""
        user = parents[table]
        if isinstance(user, ast.Attribute) and user.attr in {"c", "alias"}:
            return
        verb = name_of(user.func) if isinstance(user, ast.Call) and table in user.args else None
        if verb in READING:
            return
        if verb == "insert":
            self.inserts = True
            self.written |= GUARDED if "on_conflict_do_update" in chain(user, parents) else set()
        elif verb == "update":
            self.written |= updated(user, parents)
        elif not (verb == "_typed" and isinstance(parents[user], ast.Dict)):  # reads the types of its columns
            self.written |= GUARDED


def name_of(called: ast.expr) -> str:
    """Return the last word of what is called."""
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def chain(call: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """Return the words of the calls that follow upon a call, in their order."""
    words = []
    while isinstance(parents[call], ast.Attribute) and isinstance(parents[parents[call]], ast.Call):
        attribute = parents[call]
        assert isinstance(attribute, ast.Attribute)
        words.append(attribute.attr)
        call = parents[attribute]
    return " ".join(words)


def updated(call: ast.AST, parents: dict[ast.AST, ast.AST]) -> set[str]:
    """Return the guarded columns that an UPDATE sets; only a literal `.values(...)` chained to it can be read."""
    found: set[str | None] = set()
    seen = False
    while isinstance(parents[call], ast.Attribute):
        attribute = parents[call]
        outer = parents[attribute]
        assert isinstance(attribute, ast.Attribute)
        if not isinstance(outer, ast.Call):
            return GUARDED
        if attribute.attr == "values":
            seen = True
            found |= {keyword.arg for keyword in outer.keywords}
            for given in outer.args:
                keys = given.keys if isinstance(given, ast.Dict) else [None]
                found |= {str(key.value) if isinstance(key, ast.Constant) else None for key in keys}
        elif attribute.attr not in {"where", "returning", "execution_options"}:
            return GUARDED
        call = outer
    return GUARDED if None in found or not seen else {name for name in found if name in GUARDED}


@pytest.mark.parametrize(
    ("source", "columns"),
    [
        ("update(t.analysis).where(x).values(status=1, held=2)", {"status"}),
        ("update(t.analysis).values({'lease_token': None, 'held': 1})", {"lease_token"}),
        ("update(t.analysis).values(held=True)", set()),
        ("update(t.attempt).values(status=1)", set()),
        ("select(t.analysis.c.id).join(t.analysis, on)", set()),
        ("update(t.analysis).values(**anything)", GUARDED),
        ("update(t.analysis).ordered_values(('status', 1))", GUARDED),
        ("change = update(t.analysis).where(x)\nchange.values(status=1)", GUARDED),
        ("session.execute(update(t.analysis), [{'status': 1}])", GUARDED),
        ("a = t.analysis\nupdate(a).values(status=1)", GUARDED),
        ("t.analysis.update().values(status=1)", GUARDED),
        ("sa.update(t.analysis).values(status=1)", {"status"}),
        ("change(t.analysis).values(status=1)", GUARDED),
        ("insert(t.analysis).on_conflict_do_update(set_={'status': 1})", GUARDED),
        ("text('update  market_analysis set status = 1')", GUARDED),
        ("text('UPDATE OR IGNORE market_analysis SET status = 1')", GUARDED),
        ("session.get(MarketAnalysis, 1).status = 'failed'", GUARDED),
    ],
)
def test_the_walk_sees_what_is_written(source: str, columns: set[str]) -> None:
    assert Walk(source).written == columns


def test_the_walk_sees_inserts() -> None:
    assert Walk("session.execute(insert(t.analysis), rows)").inserts
    assert not Walk("insert(t.attempt)").inserts
