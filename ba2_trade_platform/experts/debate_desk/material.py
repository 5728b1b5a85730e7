"""Debate material: prices, numbers, news and figures, read once, so that no tool looks past `as_of`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from ba2_trade_platform.core.base.sanitizing import clean_json, clean_text
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Bars
from ba2_trade_platform.core.contracts.language_models import Article, ReportedFigure
from ba2_trade_platform.experts.debate_desk.numbers import UNITS, numbers_of
from ba2_trade_platform.experts.debate_desk.settings import DebateDeskSettings

BARS_READ = 600  # twice the warm-up that an expert requires: recursive indicators have forgotten where they began
HEADLINE_LIMIT = 300
SUMMARY_LIMIT = 800
FIGURES_READ = 60
Dated = TypeVar("Dated", Article, ReportedFigure)
READS = {"news": "articles", "sentiment": "posts", "fundamentals": "figures"}


@dataclass(frozen=True)
class Material:
    """All that the desk may know; the tools of its analysts reach nothing else."""

    symbol: str
    as_of: datetime
    horizon: str
    bars: Bars
    numbers: Mapping[str, float]
    articles: Sequence[Mapping[str, Any]] = ()
    posts: Sequence[Mapping[str, Any]] = ()
    figures: Sequence[Mapping[str, Any]] = ()
    absent: Mapping[str, str] = field(default_factory=dict)  # role -> why

    @property
    def price(self) -> float:
        """The newest close, in the currency of the bars."""
        return float(self.bars.close[-1])

    def digest(self) -> str:
        """Return a hash that changes with any price, the volume included."""
        bars = self.bars
        series = (bars.open, bars.high, bars.low, bars.close, bars.volume)
        return hashlib.sha256(b"".join(one.tobytes() for one in series)).hexdigest()[:16]

    def block(self, role: str) -> dict[str, Any]:
        """Return the facts that a role is given, JSON-able; what an analyst reads is given to that analyst only."""
        block: dict[str, Any] = {
            "role": role,
            "symbol": self.symbol,
            "as_of": self.as_of.isoformat(),
            "last_session": str(self.bars.sessions[-1]),
            "currency": self.bars.currency,
            "horizon": self.horizon,
            "numbers": dict(self.numbers),
            "units": dict(UNITS),
            "absent": sorted(self.absent),
        }
        if role in READS:
            block[READS[role]] = [dict(item) for item in getattr(self, READS[role])]
        return block

    def situation(self) -> str:
        """Return the situation in words made of the numbers, for lessons to be found by."""
        n = self.numbers

        def level(name: str, low: float, high: float, words: tuple[str, str, str]) -> str:
            value = n.get(name)
            return "" if value is None else words[0] if value < low else words[2] if value > high else words[1]

        def side(average: str) -> str:
            value = n.get(average)
            return "" if value is None else f"{'above' if n['close'] >= value else 'below'} {average.replace('_', ' ')}"

        parts = (
            f"{self.symbol} price {side('sma_50')}",
            side("sma_200"),
            level("return_63d", -5, 5, ("falling over a quarter", "flat over a quarter", "rising over a quarter")),
            level("return_21d", -3, 3, ("falling over a month", "flat over a month", "rising over a month")),
            level("rsi_14", 30, 70, ("oversold", "neutral momentum", "overbought")),
            level("macd_histogram", 0, 0, ("MACD below its signal", "MACD at its signal", "MACD above its signal")),
            level("volatility_20d", 15, 35, ("calm", "ordinary volatility", "volatile")),
            level(
                "position_in_52w_range",
                0.25,
                0.75,
                ("near its low of a year", "in mid range", "near its high of a year"),
            ),
        )
        return ", ".join(part for part in parts if part)


def read_material(context: AnalysisContext) -> Material:
    """Read everything; blocking. Raises ExpertError SYMBOL_INVALID, DATA_MISSING or STALE_DATA."""
    settings: DebateDeskSettings = context.settings
    bars = context.prices.bars(context.symbol, limit=BARS_READ).require()
    context.check()
    research, days, limit = context.research, settings.news_days, settings.news_limit
    sits = set(settings.analysts)
    known = context.as_of  # the source promises to stop there; the desk does not rely on it
    articles = _until(known, research.articles(context.symbol, days, limit)[:limit] if "news" in sits else ())
    posts = _until(known, research.posts(context.symbol, days, limit)[:limit] if "sentiment" in sits else ())
    figures = _until(known, research.figures(context.symbol)[:FIGURES_READ] if "fundamentals" in sits else ())
    context.check()
    absent = {
        "news": "" if articles else f"there is no news of the last {days} days, or no source of news",
        "sentiment": "" if posts else f"there are no posts of the last {days} days, or no source of posts",
        "fundamentals": "" if figures else "there are no reported figures, or no source of figures",
    }
    return Material(
        symbol=bars.symbol,
        as_of=known,
        horizon=settings.horizon,
        bars=bars,
        numbers=numbers_of(bars),
        articles=[_article(item) for item in articles],
        posts=[_article(item) for item in posts],
        figures=[_figure(item) for item in figures],
        absent={role: why for role, why in absent.items() if why and role in sits},
    )


def _until(known: datetime, items: Sequence[Dated]) -> list[Dated]:
    return [item for item in items if item.published_at <= known]


def _article(item: Article) -> dict[str, Any]:
    return {
        "published_at": item.published_at.isoformat(),
        "headline": clean_text(item.headline, HEADLINE_LIMIT),
        "summary": clean_text(item.summary, SUMMARY_LIMIT),
        "source": clean_text(item.source, HEADLINE_LIMIT),
        "sentiment": clean_json(item.sentiment),
    }


def _figure(item: ReportedFigure) -> dict[str, Any]:
    return {
        "published_at": item.published_at.isoformat(),
        "name": clean_text(item.name, HEADLINE_LIMIT),
        "value": clean_json(item.value),
        "unit": clean_text(item.unit, 40),
        "period": clean_text(item.period, 40),
    }
