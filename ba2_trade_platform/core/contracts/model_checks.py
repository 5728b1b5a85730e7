"""Model check contract: the findings of a connection test, as gateway, store and pages share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from ba2_trade_platform.vocabulary import ErrorCode, ModelCheckKind


@dataclass(frozen=True)
class ModelCheck:
    """One thing that was tried with one model: `ok` is None where it was not tried, and the sentence says why.

    `tokens` in and out together and `cost` in USD; None where they are not known, and for what asks no model.
    """

    check: ModelCheckKind
    model: str
    ok: bool | None
    sentence: str
    code: ErrorCode | None = None
    ms: int | None = None
    tokens: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True)
class DialectProposal:
    """How a provider should be spoken to after what was seen: the fields to be stored with it, and why."""

    dialect: str
    dialect_changes: Mapping[str, Any]
    sentence: str


@dataclass(frozen=True)
class ConnectionTest:
    """All that was tried with a provider: `ok` when nothing failed, else `sentence` and `code` of the first failure.

    `model` is the quick one that was asked. `cost` is in USD, what is known of it; `at_least`: a part is not known.
    """

    provider: str
    model: str
    ok: bool
    sentence: str
    code: ErrorCode | None
    ms: int
    tokens: int | None
    cost: Decimal | None
    at_least: bool
    checks: Sequence[ModelCheck] = ()
    proposal: DialectProposal | None = None


@dataclass(frozen=True)
class CheckedModel:
    """What the newest test of one model found, and when."""

    provider: str
    model: str
    checks: Sequence[ModelCheck]
    checked_at: datetime


class CheckRecorder(Protocol):
    """Keeps what tests found. Blocking; thread-safe."""

    def keep(self, provider: str, checks: Sequence[ModelCheck]) -> None:
        """Keep what was found of each model, in the place of what its last test found."""
