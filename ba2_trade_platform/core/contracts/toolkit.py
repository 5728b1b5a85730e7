"""Expert toolkit: models, memory, research and folder of one attempt, each made only when first used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from ba2_trade_platform.core.contracts.experts import AnalysisContext
from ba2_trade_platform.core.contracts.language_models import Memory, Models, NoMemory, NoResearch, Research


@dataclass
class Spent:
    """What the model calls of one step took so far; a sum with an unknown part is unknown."""

    provider: str
    tokens: int | None = 0
    cost: Decimal | None = Decimal(0)

    def add(self, provider: str, tokens: int | None, cost: Decimal | None) -> None:
        """Add one call."""
        self.provider = provider
        self.tokens = None if self.tokens is None or tokens is None else self.tokens + tokens
        self.cost = None if self.cost is None or cost is None else self.cost + cost


def no_models(context: AnalysisContext) -> Models:
    """Stand in for the models of a console that has none."""
    raise TypeError(f"analysis {context.analysis_id}: this console was put together without language models")


@dataclass(frozen=True)
class ExpertToolkit:
    """What a console gives each attempt beyond prices; each is made when the expert first asks for it."""

    models_for: Callable[[AnalysisContext], Models] = no_models
    memory_for: Callable[[AnalysisContext], Memory] = lambda _: NoMemory()
    research_for: Callable[[AnalysisContext], Research] = lambda _: NoResearch()
    folder: Path | None = None

    def folder_for(self, expert: str) -> Path:
        """Return the folder that one expert keeps its own files in; raises TypeError in a console without one."""
        if self.folder is None:
            raise TypeError("this console was put together without a data folder for experts")
        folder = self.folder / expert
        folder.mkdir(parents=True, exist_ok=True)
        return folder
