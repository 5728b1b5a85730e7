"""Live part: a part of a page that is read off the loop and follows the change feed."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from nicegui import ui

from ba2_trade_platform.core.base.change_feed import ANYTHING, Change, Topic
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import carry_out, off_loop, reporting

T = TypeVar("T")
R = TypeVar("R")


class LivePart(ABC, Generic[T]):
    """Shows what it reads, one look at a time, for as long as its element `_root` is there."""

    _root: ui.element

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = asyncio.Lock()

    @abstractmethod
    def _read(self) -> T:
        """Read how it stands; blocking."""

    @abstractmethod
    def _show(self, data: T) -> None:
        """Show what was read."""

    async def follow(self, *topics: Topic) -> None:
        """Show how it stands, now and whenever one of these topics changed."""
        # Before the first look, so that no change falls between the two.
        self._desk.live.watch(self.refresh, *topics)
        await self.refresh()

    async def refresh(self, _: Change = ANYTHING) -> None:
        """Look again, and show how it stands."""
        with reporting():
            async with self._lock:
                data = await off_loop(self._read)
                if not self._root.is_deleted:
                    self._show(data)

    async def _carry_out(self, verb: Callable[[], R], sentence: str | Callable[[R], str]) -> None:
        """Have a verb done, say what came of it, and look again.

        Rows are built anew while their handlers wait, so it works in the part's own slot.
        """
        with self._root:
            await carry_out(verb, sentence)
            await self.refresh()
