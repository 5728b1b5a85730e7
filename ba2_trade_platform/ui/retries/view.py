"""Retry view state: numbers, bars and links of the Retries page; pure, hence easily tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import urlencode

from ba2_trade_platform.core.monitoring.retry_statistics import WINDOWS, Span, Statistics, Success, Waste
from ba2_trade_platform.ui.kit.bar_chart import Bar
from ba2_trade_platform.ui.kit.times import DASH, duration

Link = Callable[[Waste], str]
WINDOW_WORDS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
FAILED = "/marketanalysis?status=failed"
RERUN = "/marketanalysis?rerun=1"
TRIGGERS = {"rerun": "Re-runs by persons", "bulk": "Bulk re-runs", "retry": "Automatic retries"}


@dataclass(frozen=True)
class Choice:
    """What the page's address asks for."""

    window: str = "24h"
    expert: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        """Return what a query string asks for; what makes no sense is left out."""
        window, expert = query.get("window", ""), query.get("expert", "")
        known = expert.isascii() and expert.isdigit() and len(expert) < 16
        return cls(window if window in WINDOWS else "24h", int(expert) if known else None)

    def url(self, **parts: object) -> str:
        """Return the address of this choice, or of one with other parts."""
        said = {"window": self.window, "expert": self.expert, **parts}
        given = {key: value for key, value in said.items() if value is not None}
        return f"/retries?{urlencode(given)}"


class Tile(NamedTuple):
    """One number with its name, what it means in full, and where it leads."""

    label: str
    value: str
    hint: str
    url: str


def tiles(found: Statistics) -> list[Tile]:
    """Return the numbers at the top of the page."""
    expert = f"&expert={found.expert}" if found.expert else ""
    by_trigger = {success.trigger.value: success for success in found.success}
    failed, rerun = FAILED + expert, RERUN + expert
    return [
        *(
            Tile(TRIGGERS[name], percent(by_trigger[name]), ended(by_trigger[name]), rerun)
            for name in ("rerun", "bulk", "retry")
        ),
        Tile("Failure to re-run", span(found.time_to_rerun), spread(found.time_to_rerun, "re-runs"), rerun),
        Tile("Failure to retry", span(found.time_to_retry), spread(found.time_to_retry, "retries"), rerun),
        Tile(
            "Time to recover",
            span(found.time_to_recover),
            spread(found.time_to_recover, "recovered analyses"),
            f"/marketanalysis?status=completed&rerun=1{expert}",
        ),
        Tile("Failed attempts", f"{found.failed:,}", f"of {found.attempts:,} that ended", failed),
        Tile("Wasted time", seconds(found.failed_seconds), "worked by failed attempts", f"{failed}&sort=duration"),
        Tile("Wasted cost", cost(found.failed_cost), "of failed attempts, where known", failed),
    ]


def percent(success: Success) -> str:
    """Return how many completed of those that ended."""
    return DASH if success.share is None else f"{100 * success.share:.0f} %"


def ended(success: Success) -> str:
    """Say how attempts of one trigger ended."""
    if not success.tried:
        return "none ended in this window"
    other = f", {success.other:,} ended otherwise" if success.other else ""
    return f"{success.completed:,} completed, {success.failed:,} failed again{other}"


def span(found: Span) -> str:
    """Return the median."""
    return seconds(found.p50)


def spread(found: Span, what: str) -> str:
    """Say what the median is of, and how bad it can be."""
    if not found.count:
        return f"no {what} in this window"
    return f"median of {found.count:,} {what}; 19 of 20 within {seconds(found.p95)}"


def seconds(value: float | None) -> str:
    """Return seconds as a duration, in days where there are many."""
    if value is None:
        return DASH
    return f"{value / 86_400:.1f} d" if value >= 172_800 else duration(value * 1000)


def cost(value: Decimal) -> str:
    """Return a cost, nothing as a dash: no expert said what it cost."""
    return f"{value:,.2f} USD" if value else DASH


def error_url(fingerprint: str) -> str:
    """Return the failed analyses of one error."""
    return f"{FAILED}&fingerprint={fingerprint}"


def expert_url(expert: str) -> str:
    """Return the failed analyses of an expert."""
    return f"{FAILED}&expert={expert}"


def provider_url(waste: Waste) -> str:
    """Return the failed analyses with the error that this provider gives most."""
    return f"{FAILED}&code={waste.code}" if waste.code else FAILED


def hour_url(_: Waste) -> str:
    """Return the failed analyses, the latest first."""
    return f"{FAILED}&sort=finished"


def wasted_bars(wasted: Sequence[Waste], url: Link) -> list[Bar]:
    """Return bars as long as the time, in seconds, that failed attempts worked."""
    return [
        Bar(waste.label, waste.failed_seconds, f"{seconds(waste.failed_seconds)} in {waste.failed:,}", url(waste))
        for waste in wasted
        if waste.failed
    ]


def hour_bars(hours: Sequence[Waste]) -> list[Bar]:
    """Return a bar for each hour of the day, as high as the attempts that failed in it."""
    return [
        Bar(waste.key, waste.failed, f"{waste.label} {waste.failed:,} of {waste.attempts:,} failed", hour_url(waste))
        for waste in hours
    ]
