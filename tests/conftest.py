"""Fixtures that every kind of test shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.app.platform import Platform
from tests.patience import FACTOR
from tests.platforms import make_platform


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give every test as much longer as all waits are, before pytest-timeout reads it."""
    if config.option.timeout is None:
        config.option.timeout = float(config.getini("timeout")) * FACTOR


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A console with an empty database in the test's own folder; its worker is not started."""
    console = make_platform(tmp_path)
    yield console
    console.stop()
