"""Write buffer: collects an attempt's steps and outputs in memory until the tick writes them at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ba2_trade_platform.core.contracts.experts import Verdict
from ba2_trade_platform.core.contracts.queue import Claim
from ba2_trade_platform.core.failures.classification import Failure
from ba2_trade_platform.vocabulary import Outcome, StepStatus


@dataclass(frozen=True)
class StepRecord:
    """One step as it stands now; `replaces` an earlier attempt's step whose inputs have changed."""

    position: int
    name: str
    status: StepStatus
    inputs_hash: str | None
    started_at: datetime
    finished_at: datetime | None = None
    result: Any = None
    error_message: str | None = None
    replaces: bool = False
    depends_on: list[str] | None = None
    provider: str | None = None
    tokens: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True)
class OutputRecord:
    """One thing that an expert wrote, in the step at `position` if in one."""

    position: int | None
    type: str
    name: str
    text: str
    created_at: datetime
    raw: bytes | None = None


@dataclass(frozen=True)
class End:
    """How an attempt ended; `unused` are the positions of kept steps that a completed attempt did not ask for."""

    outcome: Outcome
    at: datetime
    verdict: Verdict | None = None
    failure: Failure | None = None
    unused: tuple[int, ...] = ()


@dataclass
class WriteBatch:
    """What one attempt has to be written down for."""

    claim: Claim
    steps: dict[int, StepRecord] = field(default_factory=dict)
    outputs: list[OutputRecord] = field(default_factory=list)
    state: dict[str, Any] | None = None
    provisional: Verdict | None = None
    progress: int | None = None
    current_step: str | None = None
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    end: End | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return self == WriteBatch(self.claim)


class AttemptBuffer:
    """Collects one attempt's records from the expert's coroutine and its threads; the tick takes them.

    `closed`: the attempt has ended, and whatever comes later is dropped. `settled`: nothing more will come, for the
    end was taken, or everything is dropped.
    """

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.closed = False
        self.settled = False
        self._lock = threading.Lock()
        self._write_batch = WriteBatch(claim)

    def note(self, write: Callable[[WriteBatch], object]) -> None:
        """Let `write` add to what is to be written, unless the attempt has ended."""
        with self._lock:
            if not self.closed:
                write(self._write_batch)

    def end(self, end: End) -> None:
        """Note how the attempt ended; the first end counts."""
        with self._lock:
            if not self.closed:
                self._write_batch.end, self.closed = end, True

    def drop(self) -> None:
        """Stop collecting: the lease is lost, nobody will write this down."""
        with self._lock:
            self.closed, self.settled, self._write_batch = True, True, WriteBatch(self.claim)

    def take(self) -> WriteBatch:
        """Return what has come since the last call."""
        with self._lock:
            write_batch, self._write_batch = self._write_batch, WriteBatch(self.claim)
            self.settled = self.settled or write_batch.end is not None
            return write_batch
