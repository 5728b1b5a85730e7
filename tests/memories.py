"""Memories: a console with an expert that remembers, and the questions of its tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.contracts.language_models import Recalled
from tests.fakes.experts import Catalog
from tests.fakes.learners import Learner
from tests.platforms import TRADER, drain, make_platform, submit, wait_until

JUNE = datetime(2013, 6, 3, 20, tzinfo=UTC)  # the close of a session


@dataclass
class Rememberer:
    """A console at work, and its expert."""

    platform: Platform
    learner: Learner

    def instance(self, alias: str = "Learner", **settings: Any) -> int:
        """Configure the expert and return its instance id."""
        return self.platform.experts.create("Learner", alias, settings, by=TRADER, max_retries=0).id

    def decide(self, instance: int, *symbols: str, as_of: datetime = JUNE) -> list[int]:
        """Have the expert decide and return the analyses, all of them ended."""
        ids = [submit(self.platform, instance, symbol, as_of=as_of) for symbol in symbols or ("AAPL",)]
        drain(self.platform)
        return ids

    def filled(self) -> None:
        """Return once every lesson is in the store."""
        memory = self.platform.memory
        memory.fill_soon()

        def complete() -> bool:
            status = memory.status()
            return not status.rebuilding and status.stored == status.lessons

        wait_until(self.platform, complete, "filling the store")

    def recalled(self, instance: int, as_of: datetime, symbol: str = "MSFT") -> Recalled:
        """Return what a new analysis recalls."""
        (analysis_id,) = self.decide(instance, symbol, as_of=as_of)
        return self.learner.recalled[analysis_id]


@contextmanager
def remembering(folder: Path, **settings: Any) -> Iterator[Rememberer]:
    """Run a console with an expert that remembers."""
    learner = Learner()
    platform = make_platform(folder, catalog=Catalog(learner), **settings)
    platform.start()
    try:
        yield Rememberer(platform, learner)
    finally:
        platform.stop()
