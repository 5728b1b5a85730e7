"""Embedded dispatcher: the pending row is the queue entry, so enqueueing only wakes the worker.

Decision record: docs/decisions/0002.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from ba2_trade_platform.core.contracts.queue import Ref


class EmbeddedDispatcher:
    """Wakes the worker of this process, where there is one."""

    def __init__(self) -> None:
        self._wake: Callable[[], None] | None = None

    def enqueue(self, session: Session, refs: Sequence[Ref]) -> None:
        """Nothing to do: the row that the caller wrote is the queue entry."""

    def cancel(self, session: Session, analysis_id: int) -> None:
        """Nothing to do: the worker finds its lease gone at the next tick."""

    def committed(self) -> None:
        """Wake the worker."""
        if self._wake is not None:
            self._wake()

    def start(self, wake: Callable[[], None]) -> None:
        """Call `wake` after every commit from now on."""
        self._wake = wake

    def stop(self) -> None:
        """Wake nobody any more."""
        self._wake = None
