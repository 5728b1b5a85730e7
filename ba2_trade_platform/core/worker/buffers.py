"""Write buffer: collects an attempt's steps and outputs in memory until the tick writes them at once."""

from __future__ import annotations

import threading
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
        return not (
            self.steps
            or self.outputs
            or self.end
            or self.warnings
            or self.facts
            or self.state is not None
            or self.provisional is not None
            or self.progress is not None
        )

    def only_end(self, end: End) -> WriteBatch:
        """Return a batch that says nothing but how the attempt ended."""
        return WriteBatch(self.claim, end=end)


class AttemptBuffer:
    """Collects one attempt's records from the expert's coroutine and its threads; the tick takes them."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._lock = threading.Lock()
        self._write_batch = WriteBatch(claim)
        self._closed = False
        self._settled = False

    @property
    def settled(self) -> bool:
        """Whether nothing more will come: the end was taken, or everything is dropped."""
        return self._settled

    @property
    def closed(self) -> bool:
        """Whether the attempt has ended: whatever comes later is dropped."""
        return self._closed

    def step(self, record: StepRecord, progress: int, current: str | None) -> None:
        """Note where a step stands, and the attempt with it."""
        with self._lock:
            if not self._closed:
                self._write_batch.steps[record.position] = record
                self._write_batch.progress, self._write_batch.current_step = progress, current

    def output(self, record: OutputRecord) -> None:
        """Note something that the expert wrote."""
        with self._lock:
            if not self._closed:
                self._write_batch.outputs.append(record)

    def state(self, state: dict[str, Any]) -> None:
        """Note the expert's working state."""
        with self._lock:
            if not self._closed:
                self._write_batch.state = state

    def warn(self, sentence: str) -> None:
        """Note what went wrong and did not fail the attempt."""
        with self._lock:
            if not self._closed:
                self._write_batch.warnings.append(sentence)

    def facts(self, facts: dict[str, Any]) -> None:
        """Note what belongs into the attempt's environment."""
        with self._lock:
            if not self._closed:
                self._write_batch.facts |= facts

    def recommend(self, verdict: Verdict) -> None:
        """Note a provisional recommendation."""
        with self._lock:
            if not self._closed:
                self._write_batch.provisional = verdict

    def end(self, end: End) -> None:
        """Note how the attempt ended; the first end counts."""
        with self._lock:
            if not self._closed:
                self._write_batch.end, self._closed = end, True

    def drop(self) -> None:
        """Stop collecting: the lease is lost, nobody will write this down."""
        with self._lock:
            self._closed, self._settled, self._write_batch = True, True, WriteBatch(self.claim)

    def take(self) -> WriteBatch:
        """Return what has come since the last call."""
        with self._lock:
            write_batch, self._write_batch = self._write_batch, WriteBatch(self.claim)
            self._settled = self._settled or write_batch.end is not None
            return write_batch
