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
from ba2_trade_platform.ui.kit.urls import whole_number

Link = Callable[[Waste], str]
WINDOW_WORDS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
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
        window = query.get("window", "")
        return cls(window if window in WINDOWS else "24h", whole_number(query.get("expert")))

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
    rerun, failed = RERUN + expert, failed_url(expert=found.expert)
    recovered = f"/marketanalysis?status=completed&rerun=1{expert}"
    longest = failed_url(expert=found.expert, sort="duration")
    spans = (
        ("Failure to re-run", found.time_to_rerun, "re-runs", rerun),
        ("Failure to retry", found.time_to_retry, "retries", rerun),
        ("Time to recover", found.time_to_recover, "recovered analyses", recovered),
    )
    return [
        *(Tile(TRIGGERS[one.trigger], percent(one), ended(one), rerun) for one in found.success),
        *(Tile(label, seconds(span.p50), spread(span, what), url) for label, span, what, url in spans),
        Tile("Failed attempts", f"{found.failed:,}", f"of {found.attempts:,} that ended", failed),
        Tile("Wasted time", seconds(found.failed_seconds), "worked by failed attempts", longest),
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


def failed_url(**parts: object) -> str:
    """Return the address of the failed analyses that these parts choose or sort."""
    return "/marketanalysis?" + urlencode({"status": "failed"} | {name: part for name, part in parts.items() if part})


def wasted_bars(wasted: Sequence[Waste], url: Link) -> list[Bar]:
    """Return bars as long as the time, in seconds, that failed attempts worked."""
    return [
        Bar(waste.label, waste.failed_seconds, f"{seconds(waste.failed_seconds)} in {waste.failed:,}", url(waste))
        for waste in wasted
        if waste.failed
    ]


def hour_bars(hours: Sequence[Waste]) -> list[Bar]:
    """Return a bar for each hour of the day, as high as the attempts that failed in it."""
    latest = failed_url(sort="finished")
    return [
        Bar(hour.key, hour.failed, f"{hour.label} {hour.failed:,} of {hour.attempts:,} failed", latest)
        for hour in hours
    ]
