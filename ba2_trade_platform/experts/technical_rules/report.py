"""TechnicalRules report: prices, votes and decision as markdown for a person."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ba2_trade_platform.core.contracts.experts import Bars
from ba2_trade_platform.experts.technical_rules.signals import Vote


def prices(bars: Bars) -> str:
    """Say which bars were read: how many, from when to when, and the last one."""
    return (
        f"{len(bars)} daily bars of {bars.symbol} from {bars.sessions[0]} to {bars.sessions[-1]},"
        f" split-adjusted as known at {bars.as_of:%Y-%m-%d %H:%M} UTC.\n\n"
        f"- last close: {bars.close[-1]:.4f} {bars.currency}\n"
        f"- last high and low: {bars.high[-1]:.4f} and {bars.low[-1]:.4f} {bars.currency}\n"
        f"- last volume: {bars.volume[-1]:,.0f} shares\n"
        f"- sessions missing since: {bars.sessions_missing}"
    )


def vote(ballot: Vote, weight: float) -> str:
    """Say how one signal voted, with the numbers it read."""
    strength = "" if ballot.score is None else f" ({ballot.score:+.2f})"
    numbers = "\n".join(f"- {label}: {value:.4f}" for label, value in ballot.numbers.items())
    return f"**{ballot.word}**{strength}, weight {weight:g}: {ballot.reason}.\n\n{numbers}".rstrip()


def decision(votes: Sequence[tuple[Vote, float]], conclusion: str, levels: str) -> str:
    """Put the conclusion first, then every vote with its weight and its reason."""
    rows = "\n".join(
        f"| {ballot.name} | {ballot.word} | {'' if ballot.score is None else f'{ballot.score:+.2f}'}"
        f" | {weight:g} | {ballot.reason} |"
        for ballot, weight in votes
    )
    table = f"| signal | vote | score | weight | why |\n| --- | --- | --- | --- | --- |\n{rows}"
    return "\n\n".join(part for part in (conclusion, levels, table) if part)


def levels_line(price: Decimal, target: Decimal, stop: Decimal, currency: str, atr: float) -> str:
    """Say where the price, the target and the stop lie, and how far a usual session reaches."""
    return (
        f"Price {price} {currency}, target {target}, stop {stop};"
        f" the average true range is {atr:.4f} {currency} ({100 * atr / float(price):.2f} % of the price)."
    )
