"""Provider status contract: lets health and pages ask any price provider how it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from ba2_trade_platform.core.contracts.experts import Prices


@dataclass(frozen=True)
class PriceStatus:
    """A provider at one moment; what lies in the package or in a folder is asked of nobody, so nothing is known of it.

    `symbols` are in the cache, the newest answer among them came at `newest_at`, the oldest at `oldest_at`.
    """

    provider: str
    remote: bool = False
    last_success_at: datetime | None = None
    last_error: str | None = None
    last_error_code: str | None = None
    last_error_at: datetime | None = None
    symbols: int = 0
    oldest_at: datetime | None = None
    newest_at: datetime | None = None

    @property
    def failing(self) -> bool:
        """Whether the newest question was not answered."""
        if self.last_error_at is None:
            return False
        return self.last_success_at is None or self.last_success_at < self.last_error_at


@dataclass(frozen=True)
class Prefetched:
    """What came of a fetch beforehand: a sentence for what failed, and what is to be asked for a minute later."""

    failed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@runtime_checkable
class Watched(Protocol):
    """A provider that can say how it is doing."""

    def status(self) -> PriceStatus:
        """Return how it is doing; reads what is on this machine, asks nobody."""


def status_of(prices: Prices) -> PriceStatus:
    """Return how a provider is doing; of one that cannot say, its name."""
    return prices.status() if isinstance(prices, Watched) else PriceStatus(prices.name)
