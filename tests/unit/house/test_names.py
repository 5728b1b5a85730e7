"""Names: those that our users say stand where they look for them, and those replaced by a term do not return."""

from __future__ import annotations

import ast
import inspect
import re

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.ui.pages.marketanalysis import market_analysis_page
from tests.places import ROOT

REPLACED = re.compile(r"\bwish\b|Wish\b|^Claimant$|^Presence$|^presence$")


def test_the_two_names_of_our_users_stand_where_they_look_for_them() -> None:
    """A page and a verb have these names in every report that a user sends: neither is ours to rename."""
    assert inspect.iscoroutinefunction(market_analysis_page)
    assert market_analysis_page.__module__ == "ba2_trade_platform.ui.pages.marketanalysis"
    submit = inspect.signature(WorkerQueue.submit_analysis_task)
    assert list(submit.parameters)[:4] == ["self", "expert_instance_id", "symbol", "subtype"]


def test_no_name_returns_that_a_term_has_replaced() -> None:
    returned = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "ba2_trade_platform").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (getattr(node, "name", None), getattr(node, "arg", None), getattr(node, "id", None))
        if isinstance(name, str) and REPLACED.search(name)
    ]
    assert returned == []
