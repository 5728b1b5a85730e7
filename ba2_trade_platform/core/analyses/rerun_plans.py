"""Re-run plan: decides which steps are kept or done again and why; pure, hence tested without a database.

Decision record: docs/decisions/0010.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from ba2_trade_platform.core.attempts.step_graphs import building_on
from ba2_trade_platform.core.base.errors import Impossible, Refused
from ba2_trade_platform.core.base.sanitizing import canonical_json
from ba2_trade_platform.core.contracts.experts import SideEffect
from ba2_trade_platform.core.contracts.queue import ProviderChoice
from ba2_trade_platform.vocabulary import Mode, Status

FRESH_FOR = timedelta(days=1)
STEP_MODES = (Mode.FROM_STEP, Mode.ONLY)
NO_PARTS = "cannot keep steps: it always does everything again"
_LOOK = "kept if its inputs are the same"


@dataclass(frozen=True)
class RerunOptions:
    """How a failed analysis is to be done again, and why.

    `step` is a name or a 1-based position; `config` is "current", "original" or the number of an earlier attempt.
    `override` passes the limit of re-runs, `acknowledge` goes on although something acts on the recommendation; both
    need a reason. With a `plan_hash` it is refused when that is not what would be done any more. `ask`: refuse, with
    RerunQuestion, whatever a person at a page should be asked first, although nothing needs an answer.
    """

    mode: Mode = Mode.FRESH
    reason: str | None = None
    step: str | None = None
    config: str = "current"
    provider: str | None = None
    exclude_providers: tuple[str, ...] = ()
    plan_hash: str | None = None
    override: bool = False
    acknowledge: bool = False
    ask: bool = False

    @property
    def providers(self) -> ProviderChoice:
        """Whom to ask, as far as these options say."""
        return ProviderChoice(self.provider, self.exclude_providers)


class StepDisposition(StrEnum):
    """What becomes of a recorded step. A stale one is kept, and done again when its inputs turn out to differ."""

    REUSED = "reused"
    RERUN = "re-run"
    STALE = "stale"


@dataclass(frozen=True)
class Done:
    """One step as it is recorded; `attempt` did it, `always` means that it is done anew in every attempt.

    `depends_on` None: on every step before it.
    """

    id: int
    position: int
    name: str
    completed: bool
    always: bool
    depends_on: tuple[str, ...] | None
    attempt: int
    same_settings: bool
    finished_at: datetime | None
    seconds: float | None = None
    tokens: int | None = None
    cost: Decimal | None = None


@dataclass(frozen=True)
class PlannedStep:
    """What becomes of one step, and why; what it took when it was done."""

    id: int
    position: int
    name: str
    fate: StepDisposition
    reason: str
    seconds: float | None
    tokens: int | None
    cost: Decimal | None


@dataclass(frozen=True)
class ModeChoice:
    """A mode, and the reason when it cannot be had."""

    mode: Mode
    reason: str | None = None

    @property
    def possible(self) -> bool:
        """Whether it can be had."""
        return self.reason is None


@dataclass(frozen=True)
class ConfigChoice:
    """Settings to run with: the present ones, or those of an attempt."""

    config: str
    revision: int | None
    same_as_current: bool


@dataclass(frozen=True)
class Guard:
    """Something to know before the re-run. `needs` names the option that goes on all the same."""

    code: str
    sentence: str
    needs: Literal["override", "acknowledge"] | None = None
    side_effects: tuple[SideEffect, ...] = ()


ASKED_FIRST = frozenset({"RETRY_LIMIT", "CONFIRMATION_REQUIRED", "PERMANENT"})


class RerunQuestion(Refused):
    """A person should look at these guards before the re-run; nothing was changed."""

    default_code = "CONFIRMATION_REQUIRED"

    def __init__(self, guards: tuple[Guard, ...]) -> None:
        super().__init__("; ".join(guard.sentence for guard in guards))
        self.guards = guards


@dataclass(frozen=True)
class RerunPlan:
    """What a re-run would do now; `plan_hash` changes with anything that a person decides by."""

    analysis_id: int
    symbol: str
    expert: str
    attempt: int
    status: Status
    mode: Mode
    step: str | None
    steps: tuple[PlannedStep, ...]
    estimated_seconds: float | None
    seconds_saved: float
    tokens_saved: int | None
    cost_saved_usd: Decimal | None
    guards: tuple[Guard, ...]
    modes: tuple[ModeChoice, ...]
    config: str
    configs: tuple[ConfigChoice, ...]
    settings_changed: str | None
    providers: tuple[str, ...]
    plan_hash: str
    sentence: str

    @property
    def dropped(self) -> tuple[int, ...]:
        """The ids of the recorded steps that are done again."""
        return tuple(step.id for step in self.steps if step.fate is StepDisposition.RERUN)

    @property
    def kept(self) -> int:
        """How many steps are kept, those that are looked at again included."""
        return len(self.steps) - len(self.dropped)


def find_step(steps: Sequence[Done], asked: str, analysis_id: int) -> Done:
    """Return the step of this name, or at this place (1-based); raises Invalid INVALID_STEP, which names them all."""
    by_name = next((step for step in steps if step.name == asked), None)
    if by_name is not None:
        return by_name
    place = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    if 1 <= place <= len(steps):
        return steps[place - 1]
    known = ", ".join(f"{number} {step.name}" for number, step in enumerate(steps, 1))
    raise Impossible(
        f"Analysis {analysis_id} has no step {asked[:80]!r}; its steps are: {known or 'none'}", code="INVALID_STEP"
    )


def modes_of(steps: Sequence[Done], attempt: int, alias: str, cannot: str | None) -> tuple[ModeChoice, ...]:
    """Return every mode with the reason why it cannot be had; `cannot` says what the expert lacks for a part."""
    reason = cannot and f"{alias} {cannot}"
    if reason is None and not any(step.completed for step in steps):
        reason = f"No step of attempt {attempt} was completed, so there is nothing to keep"
    return (ModeChoice(Mode.FRESH), *(ModeChoice(mode, reason) for mode in (Mode.RESUME, *STEP_MODES)))


def plan_steps(steps: Sequence[Done], mode: Mode, chosen: Done | None, now: datetime) -> tuple[PlannedStep, ...]:
    """Return what becomes of each recorded step; `chosen` is the one that modes from_step and only name."""
    again = _done_again(steps, mode, chosen)
    always = {step.name for step in steps if step.always and mode is not Mode.FRESH}
    unsettled = building_on(steps, always)
    planned = []
    for step in steps:
        if step.id in again:
            fate, reason = StepDisposition.RERUN, again[step.id]
        else:
            fate, reason = _kept(step, unsettled.get(step.id), always, now)
        took = (step.seconds, step.tokens, step.cost)
        planned.append(PlannedStep(step.id, step.position, step.name, fate, reason, *took))
    return tuple(planned)


def _done_again(steps: Sequence[Done], mode: Mode, chosen: Done | None) -> dict[int, str]:
    if mode is Mode.FRESH:
        return {step.id: "everything is done again" for step in steps}
    again = {step.id: "it did not complete" for step in steps if not step.completed}
    if chosen is not None:
        again[chosen.id] = "it was chosen"
        if mode is Mode.FROM_STEP:
            later = (step for step in steps if step.position > chosen.position)
            again |= {step.id: again.get(step.id, f"it follows {chosen.name}") for step in later}
    names = {step.name for step in steps if step.id in again}
    depending = building_on(steps, names)
    again = {step_id: f"it builds on {name}, which is done again" for step_id, name in depending.items()} | again
    return {step.id: "it is done in every attempt" for step in steps if step.always} | again


def _kept(step: Done, unsettled_by: str | None, always: set[str], now: datetime) -> tuple[StepDisposition, str]:
    if not step.same_settings:
        return StepDisposition.STALE, f"its settings were others in attempt {step.attempt}; {_LOOK}"
    if step.finished_at is not None and now - step.finished_at > FRESH_FOR:
        return StepDisposition.STALE, f"done {ago((now - step.finished_at).total_seconds())} ago; {_LOOK}"
    if unsettled_by is not None:
        why = "done in every attempt" if unsettled_by in always else "looked at again too"
        return StepDisposition.STALE, f"it builds on {unsettled_by}, which is {why}; {_LOOK}"
    return StepDisposition.REUSED, f"done in attempt {step.attempt}, with the same settings"


@dataclass(frozen=True)
class Sums:
    """What a plan takes and what it saves; None where it is not known."""

    estimated_seconds: float | None
    seconds_saved: float
    tokens_saved: int | None
    cost_saved: Decimal | None


def sum_up(steps: Sequence[PlannedStep], usual_seconds: float | None) -> Sums:
    """Estimate from what the steps took before, and from what whole analyses of this expert usually take."""
    kept = [step for step in steps if step.fate is not StepDisposition.RERUN]
    again = sum(step.seconds or 0 for step in steps if step.fate is StepDisposition.RERUN)
    saved = sum(step.seconds or 0 for step in kept)
    known = usual_seconds is not None or any(step.seconds is not None for step in steps)
    tokens = [step.tokens for step in kept if step.tokens is not None]
    costs = [step.cost for step in kept if step.cost is not None]
    return Sums(
        # Steps that were never reached are in the usual time only.
        estimated_seconds=round(max(again, (usual_seconds or 0) - saved), 3) if known else None,
        seconds_saved=round(saved, 3),
        tokens_saved=sum(tokens) if tokens else None,
        cost_saved=sum(costs, Decimal(0)) if costs else None,
    )


def hash_of(
    attempt: int,
    options: RerunOptions,
    step: str | None,
    config_id: int | None,
    providers: Sequence[str],
    steps: Sequence[PlannedStep],
    guards: Sequence[Guard],
) -> str:
    """Return the hash of everything that a person decides by; of a failed analysis, for no other is planned."""
    decided = [
        attempt,
        Status.FAILED,
        options.mode,
        step,
        config_id,
        [*providers],
        [[planned.id, planned.name, planned.fate] for planned in steps],
        sorted([guard.code, *(effect.reference for effect in guard.side_effects)] for guard in guards),
    ]
    return hashlib.sha256(canonical_json(decided).encode()).hexdigest()[:32]


def describe(mode: Mode, steps: Sequence[PlannedStep], sums: Sums) -> str:
    """Say in one sentence what is done."""
    counts = {fate: sum(step.fate is fate for step in steps) for fate in StepDisposition}
    if mode is Mode.FRESH:
        said = "Everything is done again; what the failed attempt left is archived and cleared"
    else:
        stale = f", {counts[StepDisposition.STALE]} looked at again" if counts[StepDisposition.STALE] else ""
        kept, again = counts[StepDisposition.REUSED], counts[StepDisposition.RERUN]
        said = f"{kept} of {len(steps)} steps kept, {again} done again{stale}"
    seconds = sums.estimated_seconds
    return said if seconds is None else f"{said}; about {seconds:.{1 if seconds < 10 else 0}f} s"


def ago(seconds: float) -> str:
    """Return how long ago something was, in its largest unit: `12 s`, `4 min`, `3 h`, `2 d`."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"
