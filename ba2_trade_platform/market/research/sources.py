"""Point-in-time research: news and figures up to one instant, so that no attempt sees later ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ba2_trade_platform.core.contracts.experts import AnalysisContext
from ba2_trade_platform.core.contracts.language_models import Article, ReportedFigure

MOST = 1000  # items of one answer


@dataclass(frozen=True)
class FileReport:
    """What can be used of one file and what not; `problems` holds the first hundred sentences."""

    name: str
    items: int
    symbols: int
    newest: datetime | None
    bad_lines: int
    problems: Sequence[str]


class ResearchSource:
    """All that is known about symbols, later things too; blocking, thread-safe. Experts see it by ResearchAt only.

    This one knows nothing; those that know something derive from it.
    """

    def describe(self) -> str:
        """Say in a sentence where this research comes from."""
        return "There is no source of news, figures or posts; BA2_RESEARCH_DIR names a folder of them"

    def files(self) -> Sequence[FileReport]:
        """Return what can be used of each file; empty for a source without files."""
        return ()

    def articles(self, symbol: str) -> Sequence[Article]:  # noqa: ARG002 - for those that know some
        """Return the news of one symbol, newest first."""
        return ()

    def posts(self, symbol: str) -> Sequence[Article]:  # noqa: ARG002
        """Return what investors wrote about one symbol, newest first."""
        return ()

    def figures(self, symbol: str, as_of: datetime) -> Sequence[ReportedFigure]:  # noqa: ARG002
        """Return what the company has reported, newest first, in shares as split by `as_of`."""
        return ()


class ResearchAt:
    """One source as known at one aware instant; ValueError when the instant is naive."""

    def __init__(self, source: ResearchSource, as_of: datetime) -> None:
        if as_of.utcoffset() is None:
            raise ValueError(f"{as_of} has no time zone; as_of must be aware")
        self.as_of = as_of

        # As in PricesAt: the window is bound here, and assigning to as_of does not move it. See Research.
        def recent(of: Callable[[str], Sequence[Article]], symbol: str, days: int, limit: int) -> list[Article]:
            since = as_of - timedelta(days=max(0, min(days, 36_500)))
            known = (item for item in of(symbol) if since <= item.published_at <= as_of)
            return sorted(known, key=lambda item: item.published_at, reverse=True)[: max(0, min(limit, MOST))]

        def figures(symbol: str) -> list[ReportedFigure]:
            known = (item for item in source.figures(symbol, as_of) if item.published_at <= as_of)
            return sorted(known, key=lambda item: item.published_at, reverse=True)[:MOST]

        self.articles = partial(recent, source.articles)
        self.posts = partial(recent, source.posts)
        self.figures = figures


def research_for(source: ResearchSource, context: AnalysisContext) -> ResearchAt:
    """Return the research of one attempt."""
    return ResearchAt(source, context.as_of)
