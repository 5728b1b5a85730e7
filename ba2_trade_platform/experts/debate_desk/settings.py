"""DebateDesk settings: seats, rounds and sources, from which form and API are made."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ba2_trade_platform.core.contracts.language_models import BASIC, ModelSettings
from ba2_trade_platform.vocabulary import TimeHorizon

Horizon = Literal[TimeHorizon.SHORT, TimeHorizon.MEDIUM, TimeHorizon.LONG]


class DebateDeskSettings(ModelSettings):
    """Who sits at the desk, how long they argue, and what they may read."""

    technical_analyst: bool = Field(
        True, title="Technical analyst", description="Reads prices and indicators", json_schema_extra=BASIC
    )
    fundamentals_analyst: bool = Field(
        True,
        title="Fundamentals analyst",
        description="Reads reported figures; absent where there are none",
        json_schema_extra=BASIC,
    )
    news_analyst: bool = Field(
        True,
        title="News analyst",
        description="Reads news; absent where there is no source or no news",
        json_schema_extra=BASIC,
    )
    sentiment_analyst: bool = Field(
        True,
        title="Sentiment analyst",
        description="Reads investors' posts; absent where there are none",
        json_schema_extra=BASIC,
    )
    debate_rounds: int = Field(
        1,
        ge=1,
        le=5,
        title="Debate rounds",
        description="How often the bull and the bear each speak",
        json_schema_extra=BASIC,
    )
    risk_rounds: int = Field(
        1,
        ge=1,
        le=3,
        title="Risk rounds",
        description="How often the three risk analysts each speak",
        json_schema_extra=BASIC,
    )
    analyst_calls: int = Field(
        6,
        ge=2,
        le=20,
        title="Calls an analyst",
        description="The most model calls of one analyst, those that only ask for tools included",
    )
    news_days: int = Field(14, ge=1, le=90, title="News days", description="How many days of news and posts are read")
    news_limit: int = Field(
        20, ge=1, le=100, title="News limit", description="The most articles, and the most posts, that are read"
    )
    horizon: Horizon = Field(
        TimeHorizon.MEDIUM,
        title="Horizon",
        description="The horizon the desk thinks in unless the facts ask for another",
    )
    memory: bool = Field(
        True, title="Memory", description="Recall lessons of earlier decisions, and learn from these decisions"
    )
    lessons: int = Field(3, ge=1, le=10, title="Lessons", description="The most lessons that are recalled")

    @model_validator(mode="after")
    def _somebody_reads(self) -> DebateDeskSettings:
        if not self.analysts:
            raise ValueError("at least one analyst must sit at the desk")
        return self

    @property
    def analysts(self) -> tuple[str, ...]:
        """The roles of the analysts who sit at this desk, in the order of their reports."""
        sits = {
            "technical": self.technical_analyst,
            "fundamentals": self.fundamentals_analyst,
            "news": self.news_analyst,
            "sentiment": self.sentiment_analyst,
        }
        return tuple(role for role, present in sits.items() if present)
