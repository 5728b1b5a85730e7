"""Model fixtures: a desk that asks models, and servers on this machine that answer until told otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.model_server import ModelServer, model_server
from tests.flow.llm.model_desk import ModelDesk, model_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ModelDesk]:
    """The services that model calls need."""
    with model_desk(tmp_path) as desk:
        yield desk


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A provider that answers, until told otherwise."""
    with model_server() as server:
        yield server


@pytest.fixture
def other() -> Iterator[ModelServer]:
    """A second provider."""
    with model_server() as server:
        yield server
