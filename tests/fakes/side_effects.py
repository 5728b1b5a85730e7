"""Fake order book: it acts on recommendations as a broker's orders will."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts.experts import SideEffect

PLACED = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


class Orders:
    """Honours SideEffects: what a test places acts until the test takes it away."""

    def __init__(self) -> None:
        self.placed: dict[int, list[SideEffect]] = {}
        self.asked = 0

    def place(self, analysis_id: int, number: int = 17, sentence: str = "buy 10 AAPL, filled") -> SideEffect:
        """Place an order on the recommendation of this analysis."""
        order = SideEffect("order", f"order {number}", sentence, PLACED)
        self.placed.setdefault(analysis_id, []).append(order)
        return order

    def acting_on(self, session: Session, analysis_ids: Sequence[int]) -> Mapping[int, Sequence[SideEffect]]:  # noqa: ARG002 - it is in memory
        """Return the orders on these analyses."""
        self.asked += 1
        return {wanted: tuple(self.placed[wanted]) for wanted in analysis_ids if self.placed.get(wanted)}
