"""Formats: money, prices, waits and retries as a person reads them."""

from __future__ import annotations

from collections.abc import Container
from decimal import Decimal
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.core.models.budgets import usd
from ba2_trade_platform.core.models.pricing import Price
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.ui.kit.panels import Fact
from ba2_trade_platform.ui.kit.times import duration, moment
from ba2_trade_platform.ui.kit.words import Look


def money(cost: Decimal | None, *, at_least: bool = False) -> str:
    """Return a cost in USD; where a part is not known it is at least so much, and where all is, unknown."""
    if cost is None or (at_least and not cost):
        return "unknown"
    return f"at least {usd(cost)}" if at_least else usd(cost)


def tokens_count(tokens: int, *, at_least: bool = False) -> str:
    """Return so many tokens, as far as they are known."""
    return f"at least {tokens:,}" if at_least else f"{tokens:,}"


def price_words(price: Price | None) -> str:
    """Return what a model costs a million tokens in and out."""
    if price is None:
        return "price unknown"
    return "free" if price.free else f"${price.input.normalize():f} in, ${price.output.normalize():f} out a million"


def provider_look(provider: Provider) -> Look:
    """Return whether a model provider can be asked."""
    if provider.unavailable is None:
        return Look("ready", "check_circle", "good")
    return Look("no key", "key_off", "warn") if provider.enabled else Look("off", "toggle_off", "quiet")


def analyses(count: int) -> str:
    """Return so many analyses in words."""
    return f"{count:,} {'analysis' if count == 1 else 'analyses'}"


def estimate_facts(seconds: int | None, cost: Decimal | None) -> tuple[Fact, Fact]:
    """Return what many analyses will take and cost; None: not known."""
    return (
        Fact("Takes about", "not known yet" if seconds is None else duration(1000 * max(1, seconds))),
        Fact("Costs about", "not known" if cost is None else f"${cost:,.2f}"),
    )


def retry_words(row: AnalysisRow) -> str:
    """Say which retry a pending analysis waits for."""
    return f"retry {row.retries_used}/{row.max_retries}"


def waits_for(row: AnalysisRow, zone: ZoneInfo, open_providers: Container[str]) -> str:
    """Say what a retry waits for: its time or its provider, and until when it makes sense."""
    until = f", to run by {moment(row.run_before, zone)}" if row.run_before else ""
    return f"waits for {row.retry_provider if row.retry_provider in open_providers else 'its time'}{until}"


def due(row: AnalysisRow, open_providers: Container[str]) -> int | None:
    """Return when a waiting retry is due, in milliseconds since 1970; None when nothing counts down."""
    counts = row.retrying and row.retry_provider not in open_providers
    return round(row.available_at.timestamp() * 1000) if counts else None
