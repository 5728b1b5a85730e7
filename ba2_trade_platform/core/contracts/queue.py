"""Queue contract: claims, leases, ended attempts, so that another queue can replace SQLite's (docs/decisions/0002)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy.orm import Session

from ba2_trade_platform.vocabulary import FailureKind, Mode, Outcome, Subtype, Trigger

LEASE = timedelta(seconds=30)


@dataclass(frozen=True)
class Ref:
    """One attempt that waits to be worked on: what a queue needs to know of it."""

    analysis_id: int
    attempt: int
    expert_instance_id: int
    priority: int


@dataclass(frozen=True)
class ProviderChoice:
    """What a person chose for one attempt: one provider alone, or some to leave out."""

    use: str | None = None
    leave_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, stored: Any) -> ProviderChoice:
        """Return the choice that an attempt was stored with."""
        return cls(stored.get("use"), tuple(stored.get("leave_out", ()))) if stored else cls()

    def stored(self) -> dict[str, Any] | None:
        """Return it as JSON, None when nothing was chosen."""
        return {"use": self.use, "leave_out": list(self.leave_out)} if self.use or self.leave_out else None

    def among(self, offered: Sequence[str]) -> tuple[str, ...]:
        """Return whom to ask, in order: nobody who is not offered any more."""
        if self.use is not None:
            return tuple(name for name in offered if name == self.use)
        return tuple(name for name in offered if name not in self.leave_out)


NO_CHOICE = ProviderChoice()


@dataclass(frozen=True)
class RecordedStep:
    """A completed step that a resumed attempt may use again."""

    position: int
    name: str
    inputs_hash: str | None
    result: Any


@dataclass(frozen=True)
class Claim:
    """One attempt that this worker may work on, as long as its lease holds.

    `token` is minted by the claim: every write of the worker is conditional on it, so that a worker which lost
    its lease can change nothing. `due_at` is since when it could have been claimed; `after_...` are of the failed
    attempt that this one answers.
    """

    analysis_id: int
    attempt: int
    token: str
    expert_instance_id: int
    alias: str
    expert: str
    settings: Mapping[str, Any]
    timeout_seconds: float
    symbol: str
    subtype: Subtype
    mode: Mode
    as_of: datetime
    started_at: datetime
    priority: int = 0
    alone: bool = False
    state: Mapping[str, Any] | None = None
    recorded: Sequence[RecordedStep] = ()
    providers: tuple[str, ...] = ()
    trigger: Trigger = Trigger.FIRST
    queued_at: datetime | None = None
    due_at: datetime | None = None
    after_code: str | None = None
    after_failed_at: datetime | None = None
    base_attempt: int = 1

    def __str__(self) -> str:
        return f"{self.analysis_id}/{self.attempt}"


class Dispatcher(Protocol):
    """Carries pending analyses to workers."""

    def enqueue(self, session: Session, refs: Sequence[Ref]) -> None:
        """Take these in, in the caller's transaction. Embedded there is nothing to do: the pending row is the queue."""

    def cancel(self, session: Session, analysis_id: int) -> None:
        """Forget this one, in the caller's transaction."""

    def committed(self) -> None:
        """Look for work: a transaction that may have made some was committed. Callable from any thread."""


@dataclass(frozen=True)
class EndedAttempt:
    """One attempt that ended. `after_...` are of the failure it answers; `first_failed_at` is set once it recovered."""

    analysis_id: int
    attempt: int
    trigger: Trigger
    mode: Mode
    outcome: Outcome
    finished_at: datetime
    started_at: datetime | None = None
    code: str | None = None
    kind: FailureKind | None = None
    message: str | None = None
    provider: str | None = None
    after_code: str | None = None
    after_failed_at: datetime | None = None
    first_failed_at: datetime | None = None
    event: str = ""
    final: bool = True
    reason: str | None = None
    expert_instance_id: int = 0
    symbol: str = ""
    subtype: Subtype = Subtype.ENTER_MARKET

    @property
    def seconds(self) -> float | None:
        """How long it worked, None when it never began."""
        return None if self.started_at is None else max(0.0, (self.finished_at - self.started_at).total_seconds())


@dataclass(frozen=True)
class Ability:
    """What the queue must know of an expert: may it be repeated and resumed, why it cannot work now, whom it asks."""

    safe_to_repeat: bool
    can_resume: bool
    unavailable: str | None = None
    providers: tuple[str, ...] = ()


Abilities = Callable[[str, Any, Any], Ability]  # expert name, settings, subtype
