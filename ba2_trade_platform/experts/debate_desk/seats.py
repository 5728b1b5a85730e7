"""Seats: the debate's roles, their order and the steps each builds on; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ba2_trade_platform.core.contracts.language_models import Tier
from ba2_trade_platform.experts.debate_desk.settings import DebateDeskSettings

Kind = Literal["recall", "analyst", "debate", "manager", "trader", "risk", "decision"]

DATA = "Data"
RECALL = "Recall"
MANAGER = "Research manager"
TRADER = "Trader"
DECISION = "Portfolio manager"
RISK_ROLES = ("aggressive", "conservative", "neutral")


@dataclass(frozen=True)
class Seat:
    """One step of the debate. `after` names the steps whose results it builds on; `key` is its report's name."""

    name: str
    role: str
    kind: Kind
    tier: Tier
    after: tuple[str, ...]
    key: str


def seats_of(settings: DebateDeskSettings) -> tuple[Seat, ...]:
    """Return the seats in the order in which they may speak; those of equal `after` speak side by side."""
    recall = (_seat(RECALL, "recall", "recall", (DATA,)),) if settings.memory else ()
    analysts = tuple(_seat(f"{role.capitalize()} analyst", role, "analyst", (DATA,)) for role in settings.analysts)
    heard = tuple(seat.name for seat in analysts)
    debate: list[Seat] = []
    for number in range(1, settings.debate_rounds + 1):
        for role in ("bull", "bear"):
            spoken = tuple(seat.name for seat in debate)
            name = _numbered(f"{role.capitalize()} researcher", number, settings.debate_rounds)
            debate.append(_seat(name, role, "debate", heard + spoken, number))
    argued = heard + tuple(seat.name for seat in debate)
    remembered = tuple(seat.name for seat in recall)
    manager = _seat(MANAGER, "research_manager", "manager", argued, tier="deep")
    trader = _seat(TRADER, "trader", "trader", (*heard, MANAGER, *remembered), tier="deep")
    risk = _risk(settings.risk_rounds)
    last = (*heard, MANAGER, TRADER, *(seat.name for seat in risk), *remembered)
    decision = _seat(DECISION, "portfolio_manager", "decision", last, tier="deep")
    return (*recall, *analysts, *debate, manager, trader, *risk, decision)


def _risk(rounds: int) -> tuple[Seat, ...]:
    seats: list[Seat] = []
    for number in range(1, rounds + 1):
        heard = (MANAGER, TRADER, *(seat.name for seat in seats))
        seats += [
            _seat(_numbered(f"{role.capitalize()} risk analyst", number, rounds), f"risk_{role}", "risk", heard, number)
            for role in RISK_ROLES
        ]
    return tuple(seats)


def _seat(name: str, role: str, kind: Kind, after: tuple[str, ...], number: int = 1, tier: Tier = "quick") -> Seat:
    return Seat(name, role, kind, tier, after, role if number == 1 else f"{role}_{number}")


def _numbered(name: str, number: int, rounds: int) -> str:
    return name if rounds == 1 else f"{name}, round {number}"
