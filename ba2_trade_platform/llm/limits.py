"""Rate limiter: holds all calls to one provider within its limits, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

MINUTE = 60.0


@dataclass(eq=False)
class Entry:
    """One admitted call: when it was sent, as far as is known, and the tokens it is counted with."""

    at: float
    tokens: int
    counts: bool = True

    def sent(self) -> None:
        """Count it from now on: the provider's minute begins when it hears of the call."""
        self.at = asyncio.get_running_loop().time()

    def correct(self, tokens: int | None) -> None:
        """Count the tokens that it really took, where that is known."""
        if tokens is not None:
            self.tokens = tokens

    def withdraw(self) -> None:
        """Say that the call was never made."""
        self.counts = False


@dataclass(frozen=True)
class Rates:
    """What a provider allows; None is no limit."""

    requests: int | None = None
    tokens: int | None = None
    concurrency: int = 8


class Limiter:
    """The turnstile before one provider. Belongs to one event loop.

    Counted over any `minute` that slides, as the strictest of providers do. After the provider has asked to slow down,
    one call goes first; each that succeeds doubles how many go at once, so that no storm follows the silence.
    """

    def __init__(self, minute: float = MINUTE) -> None:
        self.rates = Rates()
        self._minute = minute
        self._recent: deque[Entry] = deque()
        self._waiting: deque[tuple[int, asyncio.Future[Entry]]] = deque()
        self._running = 0
        self._allowed: int | None = None  # at once, while it recovers from having been told to slow down
        self._held_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._waiting)

    def wait_for(self, tokens: int) -> float:
        """Return for how many seconds the limits a minute keep a call waiting as things stand."""
        now = asyncio.get_running_loop().time()
        at = self._admits(tokens, now)
        return 0.0 if at is None else at - now

    @asynccontextmanager
    async def turn(self, tokens: int) -> AsyncIterator[Entry]:
        """Wait for the turn of a call that is estimated at `tokens`."""
        future: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._waiting.append((tokens, future))
        self._pump()
        try:
            entry = await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # admitted in the very moment in which it was cancelled
                future.result().withdraw()
                self._running -= 1
            self._pump()
            raise
        try:
            yield entry
        finally:
            self._running -= 1
            self._pump()

    def hold(self, seconds: float) -> None:
        """Admit nobody for this long: the provider has said so."""
        loop = asyncio.get_running_loop()
        self._held_until = max(self._held_until, loop.time() + seconds)
        self._allowed = 1

    def answered(self) -> None:
        """Say that the provider answered: more calls may go at once again."""
        if self._allowed is not None:
            self._allowed *= 2
            if self._allowed >= self.rates.concurrency:
                self._allowed = None

    def _pump(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._recent and self._recent[0].at <= now - self._minute:
            self._recent.popleft()
        while self._waiting:
            tokens, future = self._waiting[0]
            if future.done():
                self._waiting.popleft()
                continue
            at = self._admits(tokens, now)
            if at is None:
                return  # the next call that ends makes room
            if at > now:
                if self._timer is not None:
                    self._timer.cancel()
                # A little after the instant, for a timer may come a little before it.
                self._timer = loop.call_at(at + 0.001, self._pump)
                return
            self._waiting.popleft()
            entry = Entry(now, min(tokens, self.rates.tokens or tokens))
            self._recent.append(entry)
            self._running += 1
            future.set_result(entry)

    def _admits(self, tokens: int, now: float) -> float | None:
        """Return when a call may go as things stand, None when another must end before."""
        at_once = self.rates.concurrency if self._allowed is None else min(self._allowed, self.rates.concurrency)
        if self._running >= at_once:
            return None
        at = max(now, self._held_until)
        if self.rates.requests is None and self.rates.tokens is None:
            return at
        # By when they were sent, which may be in another order than that of their turns.
        counted = sorted((entry for entry in self._recent if entry.counts), key=lambda entry: entry.at)
        limit = self.rates.requests
        if limit is not None and len(counted) >= limit:
            at = max(at, counted[len(counted) - limit].at + self._minute)
        if self.rates.tokens is not None:
            over = sum(entry.tokens for entry in counted) + min(tokens, self.rates.tokens) - self.rates.tokens
            for entry in counted:
                if over <= 0:
                    break
                over -= entry.tokens
                at = max(at, entry.at + self._minute)
        return at
