"""Shared fixtures: needed by every kind of test."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ba2_trade_platform.app.platform import Platform
from tests.other_dialect import watch_statements
from tests.patience import FACTOR
from tests.platforms import make_platform

TESTS = Path(__file__).parent
LONGEST_FIRST = ("chaos", "browser", "oracle", "flow", "ui", "api")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give every test as much longer as all waits are, before pytest-timeout reads it."""
    if config.option.timeout is None:
        config.option.timeout = float(config.getini("timeout")) * FACTOR
    watch_statements()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores, four at most: a test that waits needs none."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the kinds with long modules first, so that short ones fill the end of a run on several processes."""
    items.sort(key=lambda item: place(item.path.relative_to(TESTS).parts[0]))


def pytest_collection_finish() -> None:
    """Leave out of every later garbage collection what was imported by now and stays."""
    gc.freeze()


def place(kind: str) -> int:
    """Return a kind's place in the order."""
    return LONGEST_FIRST.index(kind) if kind in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A console with an empty database in the test's own folder; its worker is not started."""
    console = make_platform(tmp_path)
    yield console
    console.stop()
