"""Structured answer: the decision schema, which refuses one that contradicts itself or the price."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from ba2_trade_platform.core.base.sanitizing import clean_json
from ba2_trade_platform.core.contracts.experts import Verdict
from ba2_trade_platform.vocabulary import RiskLevel, Signal, TimeHorizon

TICK = Decimal("0.0001")
FURTHEST = 10.0  # a target or a stop at more than ten times or less than a tenth of the price is a slip
ROUNDING_PERCENT = 0.5


class Reason(BaseModel):
    """One reason with the evidence it rests on."""

    model_config = ConfigDict(frozen=True)

    claim: str = Field(min_length=1, max_length=1000, description="What is claimed, in one sentence")
    evidence: str = Field(
        min_length=1, max_length=1000, description="The number, report or headline it rests on, named as it was given"
    )


class Decision(BaseModel):
    """The desk's decision on one symbol. Prices are in the symbol's currency, percentages of the present price."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    price_now: ClassVar[float] = math.nan

    action: Literal["BUY", "SELL", "HOLD", "REVIEW"] = Field(
        description="BUY, SELL or HOLD; REVIEW when the facts do not allow a decision and a person must look"
    )
    confidence: float = Field(ge=1, le=100, description="How sure, from 1 to 100")
    expected_profit_percent: float = Field(
        ge=0,
        le=1000,
        description="What is expected to be gained, in percent of the present price; 0 unless BUY or SELL",
    )
    target_price: float | None = Field(
        None, gt=0, description="Where to take the profit: above the price for BUY, below it for SELL; else null"
    )
    stop_price: float | None = Field(
        None, gt=0, description="Where to give up: below the price for BUY, above it for SELL; else null"
    )
    horizon: Literal["short_term", "medium_term", "long_term"] = Field(
        description="short_term is days, medium_term weeks, long_term months"
    )
    risk: Literal["low", "medium", "high"] = Field(description="How much the position may lose, in words")
    summary: str = Field(min_length=1, max_length=4000, description="The decision and why, in two or three sentences")
    reasons: list[Reason] = Field(min_length=1, max_length=12, description="The strongest reasons, strongest first")

    @model_validator(mode="before")
    @classmethod
    def _cleaned(cls, said: Any) -> Any:
        """Take out what models let slip and no store can keep; a number that is none is refused later."""
        return clean_json(said) if isinstance(said, dict) else said

    @model_validator(mode="after")
    def _fits_the_price(self) -> Decision:
        if self.action not in {"BUY", "SELL"}:
            return self
        price, target, stop = self.price_now, self.target_price, self.stop_price
        if target is None or stop is None:
            raise ValueError(f"a {self.action} needs a target_price and a stop_price")
        # First: what is far beyond all prices has no place in a Decimal of four places.
        if max(target, stop) > FURTHEST * price or min(target, stop) * FURTHEST < price:
            raise ValueError(
                f"a target of {target:g} and a stop of {stop:g} have nothing to do with the price {price:g}"
            )
        low, high = (stop, target) if self.action == "BUY" else (target, stop)
        if not 0 < decimal(low) < decimal(price) < decimal(high):
            sides = ("above", "below") if self.action == "BUY" else ("below", "above")
            raise ValueError(
                f"the price is {price:g}: the target of a {self.action} lies {sides[0]} it and the stop {sides[1]} it,"
                f" not {target:g} and {stop:g}"
            )
        reached = 100 * abs(target / price - 1)
        if not 0 < self.expected_profit_percent <= reached + ROUNDING_PERCENT:
            raise ValueError(
                f"the target gains {reached:.2f} %: an expected profit of {self.expected_profit_percent:g} % does not"
                " lie between nothing and that"
            )
        return self


def decision_at(price: float) -> type[Decision]:
    """Return the Decision that is checked against this price; no model gets to choose what it is checked against."""
    checked: type[Decision] = create_model("Decision", __base__=Decision, __doc__=Decision.__doc__)
    checked.price_now = price
    return checked


def verdict_of(decision: Decision, price: float, currency: str, details: str) -> Verdict:
    """Return the decision as the console keeps it; only BUY and SELL carry levels and an expected profit."""
    levels: dict[str, Any] = {}
    if decision.action in {"BUY", "SELL"} and decision.target_price and decision.stop_price:
        levels = {
            "target_price": decimal(decision.target_price),
            "stop_price": decimal(decision.stop_price),
            "expected_profit_percent": round(decision.expected_profit_percent, 2),
        }
    return Verdict(
        action=Signal(decision.action),
        confidence=round(decision.confidence, 1),
        price=decimal(price),
        currency=currency,
        risk_level=RiskLevel(decision.risk),
        time_horizon=TimeHorizon(decision.horizon),
        details=details,
        **levels,
    )


def decimal(price: float) -> Decimal:
    """Return a price to 0.0001 of its currency's unit."""
    return Decimal(repr(price)).quantize(TICK)
