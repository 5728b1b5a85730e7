"""The documented expert: the example in docs/experts.md is run here as it stands there."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.vocabulary import Signal
from tests.fakes.context import RecordingContext
from tests.fakes.experts import Catalog
from tests.places import ROOT
from tests.platforms import TRADER, drain, make_platform, running, submit

DOCUMENT = ROOT / "docs" / "experts.md"


def example() -> str:
    """Return the code of the document's example."""
    [code] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(code)


def expert() -> Any:
    """Return the expert that the document shows."""
    names: dict[str, Any] = {"__name__": "documented"}
    exec(compile(example(), str(DOCUMENT), "exec"), names)  # noqa: S102 - our own document
    return names["ThreeCloses"]()


def test_the_example_is_complete_in_less_than_forty_lines() -> None:
    assert len(example().strip().splitlines()) < 40


@pytest.mark.parametrize(("day", "action"), [(date(2013, 6, 3), Signal.BUY), (date(2008, 10, 10), Signal.SELL)])
async def test_the_example_analyses(day: date, action: Signal) -> None:
    market, shown = DemoMarket(), expert()
    context = RecordingContext(shown.settings_model(), PricesAt(market, market.instant_of(day)), symbol="MSFT")
    assert (await shown.analyse(context)).action is action
    assert [step.status for step in context.steps] == ["completed"]


def test_the_example_runs_in_a_console(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, catalog=Catalog(expert()))
    instance = platform.experts.create("ThreeCloses", "Three closes", {"window": 20}, by=TRADER).id
    with running(platform):
        analysis_id = submit(platform, instance)
        drain(platform)
    found = platform.monitoring.details.recommendation(analysis_id)
    assert found is not None
    assert found.details.endswith("by three closes")
