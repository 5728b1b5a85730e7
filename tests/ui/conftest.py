"""Page fixtures: a console with its pages registered, for a simulated user."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nicegui.testing import User

from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.routes import register_pages
from tests.platforms import make_platform


@pytest.fixture
def desk(user: User, tmp_path: Path) -> Iterator[Desk]:
    """The pages of an empty console; its worker works."""
    platform = make_platform(tmp_path)
    desk = register_pages(platform)
    platform.start()
    yield desk
    platform.stop()
