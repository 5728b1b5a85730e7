"""Decision rule: weighs the votes into one verdict with stop, target, risk and horizon; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ba2_trade_platform.core.contracts.experts import Verdict
from ba2_trade_platform.experts.technical_rules import report
from ba2_trade_platform.experts.technical_rules.settings import TechnicalRulesSettings
from ba2_trade_platform.experts.technical_rules.signals import Vote
from ba2_trade_platform.vocabulary import RiskLevel, Signal, TimeHorizon

TICK = Decimal("0.0001")
LARGEST_MOVE = 0.9  # of the price: a stop or a target further away would reach zero


@dataclass(frozen=True)
class Ballot:
    """One vote with the weight it carries and the horizon its signal speaks about."""

    vote: Vote
    weight: float
    horizon: TimeHorizon


@dataclass(frozen=True)
class Quote:
    """The newest close and its average true range, both in `currency` units."""

    close: float
    atr: float
    currency: str


@dataclass(frozen=True)
class Levels:
    """Price, target and stop, quantised to 0.0001 units of the currency."""

    price: Decimal
    target: Decimal
    stop: Decimal

    @property
    def profit_percent(self) -> float:
        """Return what reaching the target gains, in percent of the price, long or short."""
        return round(float(abs(self.target - self.price) / self.price * 100), 2)


def decide(ballots: Sequence[Ballot], quote: Quote, settings: TechnicalRulesSettings) -> Verdict:
    """Return the verdict: the weighted mean vote against the threshold, REVIEW when it cannot be said."""
    price = _decimal(quote.close) if math.isfinite(quote.close) else Decimal(0)
    if price <= 0:
        return _review(ballots, None, quote, "the newest close is not a price")
    score = weighted_score(ballots)
    if score is None:
        return _review(ballots, price, quote, "every signal with a weight abstains")
    action = _action(score, settings.decision_threshold)
    levels = None if action is Signal.HOLD else levels_of(action, quote, settings)
    if levels is None and action is not Signal.HOLD:
        return _review(ballots, price, quote, "the average true range is too small to set a stop")
    voted = sum(ballot.weight for ballot in ballots if ballot.vote.score is not None)
    participation = voted / sum(ballot.weight for ballot in ballots)
    return Verdict(
        action=action,
        confidence=confidence_of(score, settings.decision_threshold, participation),
        expected_profit_percent=levels.profit_percent if levels else 0.0,
        price=price,
        target_price=levels.target if levels else None,
        stop_price=levels.stop if levels else None,
        currency=quote.currency,
        risk_level=risk_of(quote, settings),
        time_horizon=_horizon(ballots, score),
        details=report.decision(
            [(ballot.vote, ballot.weight) for ballot in ballots],
            f"**{action}**: the weighted vote is {score:+.2f}, the threshold {settings.decision_threshold:.2f}.",
            report.levels_line(levels.price, levels.target, levels.stop, quote.currency, quote.atr) if levels else "",
        ),
    )


def weighted_score(ballots: Sequence[Ballot]) -> float | None:
    """Return the mean of the scores by weight, -1 to 1, over those that do not abstain; None when none is left."""
    voting = [(ballot.vote.score, ballot.weight) for ballot in ballots if ballot.vote.score is not None]
    total = sum(weight for _, weight in voting)
    return sum(score * weight for score, weight in voting) / total if total > 0 else None


def confidence_of(score: float, threshold: float, participation: float) -> float:
    """Return 1-100: 50 at the threshold, 100 as far from it as the action allows, less where signals abstained.

    `participation` is the share of the weight, 0 to 1, that voted.
    """
    distance = abs(score) - threshold
    margin = distance / (1.0 - threshold) if distance >= 0 else -distance / threshold
    return round(max(1.0, min(100.0, (50.0 + 50.0 * margin) * participation)), 1)


def levels_of(action: Signal, quote: Quote, settings: TechnicalRulesSettings) -> Levels | None:
    """Return stop and target on their sides of the price, `stop_atr` and `target_atr` average true ranges away.

    None when the range is unknown, or so small that price, stop and target would coincide.
    """
    if not (math.isfinite(quote.atr) and quote.atr > 0):
        return None
    direction = 1 if action is Signal.BUY else -1
    price = _decimal(quote.close)
    reward = _decimal(min(settings.target_atr * quote.atr, LARGEST_MOVE * quote.close))
    risk = _decimal(min(settings.stop_atr * quote.atr, LARGEST_MOVE * quote.close))
    levels = Levels(price, price + direction * reward, price - direction * risk)
    apart = reward > 0 and risk > 0 and levels.target > 0 and levels.stop > 0
    return levels if apart else None


def risk_of(quote: Quote, settings: TechnicalRulesSettings) -> RiskLevel:
    """Return how much the symbol moves on an ordinary day: its average true range in percent of the price."""
    percent = 100.0 * quote.atr / quote.close
    if not math.isfinite(percent) or percent >= settings.high_risk_percent:
        return RiskLevel.HIGH
    return RiskLevel.LOW if percent < settings.low_risk_percent else RiskLevel.MEDIUM


def _action(score: float, threshold: float) -> Signal:
    if abs(score) < threshold:
        return Signal.HOLD
    return Signal.BUY if score > 0 else Signal.SELL


def _horizon(ballots: Sequence[Ballot], score: float) -> TimeHorizon:
    """Return the horizon of the signal that pulled hardest in the direction of the mean."""
    pulls = [(math.copysign(1.0, score) * (b.vote.score or 0.0) * b.weight, b.horizon) for b in ballots]
    strongest = max(pulls, key=lambda pull: pull[0])
    return strongest[1] if strongest[0] > 0 else TimeHorizon.MEDIUM


def _review(ballots: Sequence[Ballot], price: Decimal | None, quote: Quote, why: str) -> Verdict:
    return Verdict(
        action=Signal.REVIEW,
        confidence=1,
        price=price,
        currency=quote.currency,
        risk_level=RiskLevel.HIGH,
        details=report.decision([(b.vote, b.weight) for b in ballots], f"**REVIEW**: {why}.", ""),
    )


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(TICK)
