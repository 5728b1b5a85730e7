"""A leaping event loop: when nothing is left to do but wait, its clock leaps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Leap(selectors.DefaultSelector):  # type: ignore[misc]  # which class this is, the system says
    """Looks for what has happened, and instead of waiting for more lets time pass."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what has happened; without timers it waits as ever."""
        happened: list[Any] = super().select(timeout if timeout is None else 0)
        if not happened and timeout:
            self.now += timeout
        return happened


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time depends on its timers alone, and on no machine."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        """Return the seconds that have been leapt over."""
        return self._leap.now


def leap(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end what waits for nothing but timers."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(work)
