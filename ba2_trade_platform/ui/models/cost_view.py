"""Cost view state: numbers, bars and links of the Costs page; pure, hence easily tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import urlencode

from ba2_trade_platform.core.models.attempt_costs import Spend
from ba2_trade_platform.core.models.budgets import usd
from ba2_trade_platform.core.models.costs import PERIODS, Group, Overview
from ba2_trade_platform.ui.kit.bar_chart import BAD, Bar
from ba2_trade_platform.ui.kit.formats import money, tokens_count

PERIOD_WORDS = {"7d": "7 days", "30d": "30 days", "90d": "90 days"}
STACKS = {"expert": "By expert", "model": "By model"}
FAILED, OTHERS = "failed", "others"
COLOURS = ("#4c8dff", "#26a69a", "#9575cd", "#8d9a3a", "#c2659a")  # readable on dark and light; orange is the re-run's
REST = "#8593a6"
LIST = "/marketanalysis"
# Statuses of analyses under which the attempts of an outcome are found; others have no such list.
LISTED = ("completed", "failed", "skipped", "cancelled", "running")
# The analyses behind a group: an outcome is that of the newest attempt, and models are not told apart there.
GROUP_URLS: Mapping[str, Callable[[Group], str | None]] = {
    "Expert": lambda group: f"{LIST}?expert={group.key}",
    "Model": lambda _: None,
    "Outcome": lambda group: f"{LIST}?status={group.key}" if group.key in LISTED else None,
}


@dataclass(frozen=True)
class Choice:
    """What the page's address asks for."""

    period: str = "30d"
    stack: str = "expert"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        """Return what a query string asks for; what makes no sense is left out."""
        period, stack = query.get("period", ""), query.get("stack", "")
        return cls(period if period in PERIODS else "30d", stack if stack in STACKS else "expert")

    def url(self, **parts: str) -> str:
        """Return the address of this choice, or of one with other parts."""
        return f"/costs?{urlencode({'period': self.period, 'stack': self.stack, **parts})}"


class Tile(NamedTuple):
    """One number with its name, what it means in full, and where it leads."""

    label: str
    value: str
    hint: str
    url: str


class Stack(NamedTuple):
    """One layer of the chart of days: its name, its colour, and its height on each day."""

    name: str
    colour: str
    values: tuple[float, ...]


def cost_of(spend: Spend) -> str:
    """Return what calls cost."""
    return money(spend.cost, at_least=spend.at_least)


def tokens_of(spend: Spend) -> str:
    """Return how many tokens calls took."""
    return tokens_count(spend.tokens, at_least=spend.tokens_at_least)


def glance(spend: Spend) -> str:
    """Return what calls cost in whole cents, for a number that is read at a glance."""
    cents = spend.cost.quantize(Decimal("0.01"))
    return money(cents or spend.cost, at_least=spend.at_least)


def calls_of(spend: Spend) -> str:
    """Say how many calls there were, and of how many tokens."""
    return f"{spend.calls:,} calls, {tokens_of(spend)} tokens" if spend.calls else "no model was called"


def tiles(found: Overview, choice: Choice) -> list[Tile]:
    """Return the numbers at the top of the page."""
    budget, words = found.budget, PERIOD_WORDS[found.period]
    left = "no limit" if budget.left is None else usd(budget.left)
    standing = "set one below" if budget.limit is None else f"of {usd(budget.limit)} for the UTC day"
    return [
        Tile("Today, UTC", glance(found.today), calls_of(found.today), choice.url(period="7d")),
        Tile("Last 7 days", glance(found.week), calls_of(found.week), choice.url(period="7d")),
        Tile("Last 30 days", glance(found.month), calls_of(found.month), choice.url(period="30d")),
        Tile(f"Failed, {words}", glance(found.failed), calls_of(found.failed), f"{LIST}?status=failed"),
        Tile("Left today", left, standing, "#budget"),
    ]


def by_money(found: Overview) -> bool:
    """Tell whether bars are drawn as long as money; where nothing costs any, as tokens."""
    return bool(found.total.cost)


def size(spend: Spend, *, by_cost: bool) -> float:
    """Return how long the bar of these calls is."""
    return float(spend.cost) if by_cost else spend.tokens


def bars(groups: Sequence[Group], url: Callable[[Group], str | None], *, by_cost: bool) -> list[Bar]:
    """Return a bar for each group, failed attempts in the colour of failures."""
    return [
        Bar(
            group.label,
            size(group.spend, by_cost=by_cost),
            cost_of(group.spend) if by_cost else f"{tokens_of(group.spend)} tokens",
            url(group),
            BAD if group.key == FAILED else COLOURS[0],
        )
        for group in groups
    ]


def dates(found: Overview) -> list[str]:
    """Return every UTC day of the period."""
    first, last = found.since.date(), found.until.date()
    return [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]


def stacks(found: Overview, stack: str) -> list[Stack]:
    """Return the layers of the chart of days: the largest five, and the others together."""
    by_cost, days = by_money(found), dates(found)
    sizes = {
        day: {name: size(spend, by_cost=by_cost) for name, spend in spends.items()}
        for day, spends in found.days[stack].items()
    }
    sums: dict[str, float] = {}
    for of_day in sizes.values():
        for name, height in of_day.items():
            sums[name] = sums.get(name, 0) + height
    names = sorted(sums, key=lambda name: (-sums[name], name))

    def layer(name: str, colour: str, members: Sequence[str]) -> Stack:
        heights = (sum(sizes.get(day, {}).get(member, 0) for member in members) for day in days)
        return Stack(name, colour, tuple(round(height, 6) for height in heights))

    large, rest = names[: len(COLOURS)], names[len(COLOURS) :]
    layers = [layer(name, colour, [name]) for name, colour in zip(large, COLOURS, strict=False)]
    return [*layers, *([layer(OTHERS, REST, rest)] if rest else [])]
