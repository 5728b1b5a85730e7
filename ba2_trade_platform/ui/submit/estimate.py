"""Estimate facts: symbols, time and cost of a batch, in the same words in every preview."""

from __future__ import annotations

from ba2_trade_platform.core.batches.requests import BatchPreview
from ba2_trade_platform.ui.kit.panels import Fact
from ba2_trade_platform.ui.kit.times import duration


def estimate_facts(preview: BatchPreview) -> list[Fact]:
    """Return the numbers of a preview as facts."""
    seconds, cost = preview.estimated_seconds, preview.estimated_cost_usd
    return [
        Fact("Symbols", f"{preview.symbols:,}"),
        Fact("Takes about", "not known yet" if seconds is None else duration(1000 * max(1, seconds))),
        Fact("Costs about", "not known" if cost is None else f"${cost:,.2f}"),
    ]
