"""Outcome: judges a decision by prices at its horizon's close and words the lesson, by rules without a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ba2_trade_platform.core.contracts.experts import Bars, Prices
from ba2_trade_platform.vocabulary import MetFirst, Signal, TimeHorizon

HORIZON_SESSIONS = {TimeHorizon.SHORT: 10, TimeHorizon.MEDIUM: 63, TimeHorizon.LONG: 252}
# A Hold was right when the price stayed within this many percent of where it stood.
HOLD_PERCENT = {TimeHorizon.SHORT: 2.0, TimeHorizon.MEDIUM: 5.0, TimeHorizon.LONG: 10.0}


@dataclass(frozen=True)
class Decision:
    """A recommendation as far as the market can judge it; its prices are those of `as_of`."""

    symbol: str
    action: Signal
    confidence: float
    expected_profit_percent: float
    target_price: Decimal | None
    stop_price: Decimal | None
    time_horizon: TimeHorizon
    as_of: datetime


@dataclass(frozen=True)
class OutcomeOf:
    """What the price did between the decision and its horizon's close, `known_at`.

    Prices are adjusted for the splits known at `known_at`; percentages are of `price_then`, without dividends.
    """

    known_at: datetime
    price_then: Decimal
    price_after: Decimal
    currency: str
    return_percent: float
    rise_percent: float
    fall_percent: float
    met_first: MetFirst | None
    met_at: datetime | None
    was_right: bool


class Horizons:
    """Says when the horizon of a decision closed, as known at `now`; each symbol's sessions are read once."""

    def __init__(self, prices: Prices, now: datetime) -> None:
        self._prices = prices
        self._now = now
        self._closes: dict[str, NDArray[np.float64]] = {}

    def close_of(self, decision: Decision) -> datetime | None:
        """Return the close of the horizon's last session; None while that lies ahead. Raises ExpertError."""
        closes = self._closes.get(decision.symbol)
        if closes is None:
            bars = self._prices.bars(decision.symbol, self._now)
            closes = self._closes[decision.symbol] = np.array([close.timestamp() for close in bars.closed_at])
        seen = int(np.searchsorted(closes, decision.as_of.timestamp(), side="right"))
        place = seen + HORIZON_SESSIONS[decision.time_horizon] - 1
        return datetime.fromtimestamp(closes[place], UTC) if seen and place < len(closes) else None


def judge(decision: Decision, known_at: datetime, prices: Prices) -> OutcomeOf:
    """Return what became of `decision` at its horizon's close. Blocking; raises ExpertError where there is no price."""
    sessions = HORIZON_SESSIONS[decision.time_horizon]
    # As of the horizon, so that a later split changes neither the prices nor what was met.
    bars = prices.bars(decision.symbol, known_at, sessions + 1)
    original = prices.bars(decision.symbol, decision.as_of, 1)
    then, after = float(bars.close[0]), float(bars.close[-1])
    split = then / float(original.close[0])
    met, place = _met_first(decision, bars, then, split)
    change = _percent(after, then)
    return OutcomeOf(
        known_at=known_at,
        price_then=_price(then),
        price_after=_price(after),
        currency=bars.currency,
        return_percent=change,
        rise_percent=max(0.0, _percent(float(np.max(bars.high[1:])), then)),
        fall_percent=min(0.0, _percent(float(np.min(bars.low[1:])), then)),
        met_first=met,
        met_at=None if place is None else bars.closed_at[place],
        was_right=_was_right(decision, change, met),
    )


def reflection(decision: Decision, outcome: OutcomeOf) -> str:
    """Return what to take from it, in words made by rules."""
    judged = "right" if outcome.was_right else "wrong"
    moved = f"the price moved {outcome.return_percent:+.1f} % in {HORIZON_SESSIONS[decision.time_horizon]} sessions"
    between = f"between {outcome.fall_percent:+.1f} % and {outcome.rise_percent:+.1f} % on the way"
    said = [f"{decision.action.value} with confidence {decision.confidence:.0f} was {judged}: {moved}, {between}."]
    if outcome.met_first is not None and outcome.met_at is not None:
        said.append(f"Its {outcome.met_first.value} was met first, on {outcome.met_at:%Y-%m-%d}.")
    if decision.expected_profit_percent and decision.action is not Signal.HOLD:
        said.append(f"A profit of {decision.expected_profit_percent:+.1f} % had been expected.")
    said.append(_advice(decision, outcome))
    return " ".join(said)


def _advice(decision: Decision, outcome: OutcomeOf) -> str:
    gain = -outcome.return_percent if decision.action is Signal.SELL else outcome.return_percent
    if outcome.was_right:
        return "The same reading of such a situation held."
    if decision.action is Signal.HOLD:
        return f"The move {'up' if outcome.return_percent > 0 else 'down'} was missed."
    if outcome.met_first is MetFirst.STOP and gain > 0:
        return "The direction was right in the end, but the stop was too near."
    if decision.confidence >= 70:
        return "The confidence was too high for such a situation."
    return "Such a situation asks for more evidence."


def _met_first(decision: Decision, bars: Bars, then: float, split: float) -> tuple[MetFirst | None, int | None]:
    """Return what was touched first and at which bar; the stop, where one bar touched both."""
    if decision.action not in (Signal.BUY, Signal.SELL):
        return None, None
    sign = 1 if decision.action is Signal.BUY else -1
    levels = (decision.target_price, decision.stop_price)
    target, stop = (None if level is None else float(level) * split for level in levels)
    best, worst = (bars.high, bars.low) if sign > 0 else (bars.low, bars.high)
    for place in range(1, len(bars)):
        # A target or stop on the wrong side of the price would be met before anything moved.
        if stop is not None and sign * stop < sign * then and sign * float(worst[place]) <= sign * stop:
            return MetFirst.STOP, place
        if target is not None and sign * target > sign * then and sign * float(best[place]) >= sign * target:
            return MetFirst.TARGET, place
    return None, None


def _was_right(decision: Decision, change: float, met: MetFirst | None) -> bool:
    if decision.action is Signal.HOLD:
        return abs(change) <= HOLD_PERCENT[decision.time_horizon]
    if met is not None:
        return met is MetFirst.TARGET
    return change < 0 if decision.action is Signal.SELL else change > 0


def _percent(price: float, of: float) -> float:
    return round(100 * (price / of - 1), 4)


def _price(value: float) -> Decimal:
    return Decimal(str(round(value, 6)))
