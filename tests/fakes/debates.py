"""A debate to try things on: the bundled market, research that a test writes, and the attempts that follow."""

# ruff: noqa: ARG002 - the protocol's arguments

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ba2_trade_platform.core.contracts.language_models import Article, ReportedFigure
from ba2_trade_platform.demo.market import DemoMarket
from ba2_trade_platform.experts.debate_desk.settings import DebateDeskSettings
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.vocabulary import Mode
from tests.fakes.context import RecordingContext
from tests.fakes.models import FakeModels

MARKET = DemoMarket()
DAY = date(2013, 6, 3)
AS_OF = MARKET.instant_of(DAY)
HEADLINE = "Contoso wins a large order"


@dataclass(frozen=True)
class WrittenResearch:
    """News, posts and figures as a test wrote them; it keeps to nothing, so that the desk must."""

    news: Sequence[Article] = ()
    said: Sequence[Article] = ()
    reported: Sequence[ReportedFigure] = ()

    def articles(self, symbol: str, days: int, limit: int) -> Sequence[Article]:
        """Return all news."""
        return self.news

    def figures(self, symbol: str) -> Sequence[ReportedFigure]:
        """Return all figures."""
        return self.reported

    def posts(self, symbol: str, days: int, limit: int) -> Sequence[Article]:
        """Return all posts."""
        return self.said


def article(headline: str = HEADLINE, **changes: Any) -> Article:
    """Return news of the day before."""
    return Article(**{"published_at": AS_OF - timedelta(days=1), "headline": headline, "source": "Wire"} | changes)


FIGURE = ReportedFigure(AS_OF - timedelta(days=20), "dividend", 0.23, "USD", "2013Q2")
EVERYTHING = WrittenResearch((article(),), (article("to the moon"),), (FIGURE,))


def debate(
    folder: Path, models: FakeModels, research: WrittenResearch = EVERYTHING, **settings: Any
) -> RecordingContext:
    """Return the first attempt at a debate about MSFT, in which all four analysts have something to read."""
    return RecordingContext(
        DebateDeskSettings(**settings),
        PricesAt(MARKET, AS_OF),
        symbol="MSFT",
        folder=folder,
        models=models,
        research=research,
        providers=("fake",),
    )


def following(
    before: RecordingContext,
    mode: Mode = Mode.RESUME,
    *,
    without: Collection[str] = (),
    models: FakeModels | None = None,
    **changes: Any,
) -> RecordingContext:
    """Return the next attempt of the same analysis; `without` names the steps that a partial re-run does again."""
    attempt = before.attempt + 1
    kept = [step for step in before.steps if step.status == "completed" and step.name not in without]
    return RecordingContext(
        before.settings.model_copy(update=changes),
        before.prices,
        symbol=before.symbol,
        folder=before.folder,
        models=models or before.models,
        memory=before.memory,
        research=before.research,
        providers=before.providers,
        attempt=attempt,
        mode=mode,
        base_attempt=attempt if mode is Mode.FRESH else before.base_attempt,
        state=before.state,
        recorded=[] if mode is Mode.FRESH else kept,
    )
