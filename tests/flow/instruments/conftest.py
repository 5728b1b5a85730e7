"""List fixtures: a stepped desk and its instruments and watchlists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.core.instruments.service import InstrumentServices
from tests.stepped import Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk whose clock the test moves."""
    made = make_desk(tmp_path)
    yield made
    made.close()


@pytest.fixture
def lists(desk: Desk) -> InstrumentServices:
    """Its instruments and watchlists."""
    return desk.platform.instruments
