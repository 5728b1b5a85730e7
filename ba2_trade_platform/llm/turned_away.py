"""Turned away: remembers the providers that an attempt asks no more, for every further call would be refused."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.llm.failures import LONGEST_WISH, ProviderError


@dataclass(frozen=True)
class TurnedAway:
    """What the providers of one attempt have said; the next attempt asks them anew, for a person may have paid.

    An account that is turned away is so with every model. A quota is one model's, and comes back at its time.
    """

    clock: Callable[[], float] = time.monotonic
    _said: dict[tuple[str, str | None], tuple[float, ExpertError]] = field(default_factory=dict)

    def note(self, provider: str, model: str, error: ExpertError) -> None:
        """Remember a failure that asking again cannot mend."""
        if isinstance(error, ProviderError) and error.meaning.account:
            self._said[provider, None] = (math.inf, error)
        elif (error.retry_after or 0) > LONGEST_WISH:
            self._said[provider, model] = (self.clock() + (error.retry_after or 0), error)

    def by(self, provider: str, model: str) -> ExpertError | None:
        """Return what a provider said for which it is not asked, None when it is."""
        for key in ((provider, None), (provider, model)):
            until, error = self._said.get(key, (-math.inf, None))
            if self.clock() < until:
                return error
        return None
