"""Markup: the places that could make a text into HTML, a script or an attribute, each with its reason."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import ROOT

PACKAGE = ROOT / "ba2_trade_platform"

DOORS = ("html", "add_head_html", "add_body_html", "run_javascript", "add_css")
UNSAFE = re.compile(r"v-html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(")
# What is put in is a word or number of the module itself, never a text that somebody wrote.
ALLOWED = {
    "ui/analysis/header.py": {"props": 2},
    "ui/batches/batch_page.py": {"props": 1},
    "ui/experts/provider_picker.py": {"run_javascript": 1},
    "ui/experts/queue_card.py": {"props": 1},
    "ui/jobs/monitor.py": {"run_javascript": 1},
    "ui/jobs/table.py": {"props": 1},
    "ui/kit/drafts.py": {"run_javascript": 2},  # the number of an element, and choices as JSON
    "ui/kit/form_dialog.py": {"props": 1, "run_javascript": 1},
    "ui/kit/markdown.py": {"html": 1},  # nh3 has cleaned it, and the browser cleans it again
    "ui/kit/panels.py": {"props": 1, "run_javascript": 1},
    "ui/kit/schema_form.py": {"props": 1},
    "ui/kit/server_table.py": {"props": 3},
    "ui/models/lessons_page.py": {"props": 1},
    "ui/rerun/bulk_dialog.py": {"props": 6},
    "ui/rerun/options.py": {"props": 1},
    "ui/routes.py": {"add_head_html": 2},
    "ui/schedules/editor.py": {"props": 2},
    "ui/shell/help.py": {"run_javascript": 1},
    "ui/shell/layout.py": {"props": 4},
    "ui/submit/dialog.py": {"props": 3},
    "ui/watchlists/page.py": {"props": 1},
    "ui/watchlists/watchlist.py": {"run_javascript": 1},
}


def doors(tree: ast.AST) -> Iterator[str]:
    """Name every call that makes markup of its text, and every `props` of a text that is put together."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        first = node.args[0] if node.args else None
        if node.func.attr in DOORS or (node.func.attr == "props" and first is not None and not is_constant(first)):
            yield node.func.attr


def is_constant(node: ast.expr) -> bool:
    """Tell whether a text is written down here, or is the name of one that is."""
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.isupper())


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("ui.html(text)", ["html"]),
        ("box.props(f'title={name}')", ["props"]),
        ("box.props('title=' + name)", ["props"]),
        ("box.props('title=%s' % name)", ["props"]),
        ("box.props(text)", ["props"]),
        ("ui.run_javascript('go()')", ["run_javascript"]),
        ("box.props('dense outlined').props(FIELD)", []),
        ("box.props['title'] = name", []),
    ],
)
def test_the_rule_sees_each_door(written: str, found: list[str]) -> None:
    assert list(doors(ast.parse(written))) == found


def test_every_door_has_its_reason() -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        count = Counter(doors(ast.parse(path.read_text())))
        if count:
            found[str(path.relative_to(PACKAGE))] = dict(count)
    assert found == ALLOWED


@pytest.mark.parametrize("ending", ["py", "js", "css", "html"])
def test_no_text_is_made_into_markup_in_the_browser(ending: str) -> None:
    unsafe = [path for path in PACKAGE.rglob(f"*.{ending}") if UNSAFE.search(Path(path).read_text())]
    assert unsafe == []
