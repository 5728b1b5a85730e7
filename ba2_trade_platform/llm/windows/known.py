"""Windows in use: each model's window, asked of its server once, and how much Ollama was told to hold."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ba2_trade_platform.core.base.errors import NotFound, PlatformError
from ba2_trade_platform.core.base.outbound import OutboundRule
from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.core.contracts.model_providers import Connection, ProviderDirectory
from ba2_trade_platform.core.contracts.model_windows import Window, WindowSource
from ba2_trade_platform.llm.windows.asking import asked_window, can_be_asked
from ba2_trade_platform.vocabulary import ProviderKind

ASKED_AGAIN = 600.0  # seconds, where the server did not say
LEAST_LOADED = 4096  # tokens: what Ollama loads a model with when it is told nothing
LARGEST_STEP = 8192  # tokens: about 1 GB of memory for a model of 8 billion parameters
WINDOW_OPTION = "num_ctx"  # of a call, as Ollama names it
_SURE = (WindowSource.SET, WindowSource.KNOWN)


@dataclass
class Held:
    """What one model holds: its window, None where nobody knows, and with how much its server was told to load it.

    A server that is told for each question how much to hold loads the model anew for each other size, so this never
    becomes less while the console runs.
    """

    window: Window | None = None
    told: bool = False
    loaded: int = LEAST_LOADED

    def for_question(self, tokens: int) -> int | None:
        """Return with how much the model must be loaded for a question and answer of so many tokens at most.

        None where its server cannot be told.
        """
        if not self.told:
            return None
        if self.window is not None and self.window.source is WindowSource.SET:
            return self.window.tokens
        while self.loaded < tokens:
            self.loaded += min(self.loaded, LARGEST_STEP)
        return min(self.loaded, self.window.tokens) if self.window else self.loaded


@dataclass
class Windows:
    """Knows them for the gateway, on its loop. `aside` does on a thread what blocks."""

    providers: ProviderDirectory
    rule: OutboundRule
    aside: Callable[..., Awaitable[Any]]
    _held: dict[tuple[str, str | None, str], Held] = field(default_factory=lambda: defaultdict(Held))
    _asked: dict[tuple[Any, ...], asyncio.Task[Window | None]] = field(default_factory=dict)
    _silent: dict[tuple[Any, ...], float] = field(default_factory=dict)

    async def of(self, connection: Connection, model: str) -> Held:
        """Return what a provider's model holds."""
        provider = connection.provider
        held = self._held[provider.name, provider.url, model]
        held.told = provider.kind is ProviderKind.OLLAMA
        held.window = self.providers.window(provider, model)
        if can_be_asked(connection) and not (held.window and held.window.source in _SURE):
            said = await self._answer(connection, model)
            # What was remembered last counts: what the server said, or what it named when it refused a question.
            held.window = await self._remembered(provider.name, model) or said or held.window
        return held

    def forget(self) -> None:
        """Forget what was asked on a loop that has ended."""
        self._asked.clear()
        self._held.clear()

    async def _remembered(self, name: str, model: str) -> Window | None:
        try:
            now = await self.aside(self.providers.connection, name)
        except NotFound:
            return None
        window = self.providers.window(now.provider, model)
        return window if window and window.source is WindowSource.ASKED else None

    async def _answer(self, connection: Connection, model: str) -> Window | None:
        provider = connection.provider
        key = (provider.name, provider.url, provider.version, connection.key, model)
        now = asyncio.get_running_loop().time()
        task = self._asked.get(key)
        unsaid = task is not None and task.done() and (task.cancelled() or task.result() is None)
        if task is None or (unsaid and now >= self._silent.get(key, now)):
            self._silent[key] = now + ASKED_AGAIN
            task = self._asked[key] = asyncio.create_task(self._ask(connection, model))
        return await asyncio.shield(task)

    async def _ask(self, connection: Connection, model: str) -> Window | None:
        said = await asked_window(connection, model, self.rule)
        provider = connection.provider
        if said is not None and said != self.providers.window(provider, model):
            seen = Adaptation("window", said.tokens, "its server says so", datetime.now(UTC))
            with suppress(PlatformError):  # it is asked again when the console starts again
                await self.aside(self.providers.adapt, provider.name, model, seen, provider.version)
        return said
