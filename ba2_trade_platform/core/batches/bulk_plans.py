"""Bulk re-run plan: decides each analysis once, so that preview, acceptance and every slice agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter

from sqlalchemy import Integer, String, func, select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.filters import Filter, conditions_of
from ba2_trade_platform.core.analyses.rerun_plans import NO_PARTS
from ba2_trade_platform.core.attempts.lifecycle import ACTIVE, Event, allows
from ba2_trade_platform.core.attempts.submissions import active_among
from ba2_trade_platform.core.base.errors import Impossible, Invalid
from ba2_trade_platform.core.contracts.queue import Abilities
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.db.sql import each
from ba2_trade_platform.vocabulary import ItemOutcome, Mode, Status, StepStatus, Subtype

MAX_ITEMS = 50_000
MODES = (Mode.FRESH, Mode.RESUME)
NOTHING_TO_KEEP = "no step was completed, so there is nothing to keep"

_A = t.analysis.c
_I = t.expert_instance.c


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """An analysis as the plan sees it; of its error message the first 200 characters."""

    id: int
    symbol: str
    subtype: Subtype
    status: Status
    attempt: int
    priority: int
    dedupe_key: str
    expert_instance_id: int
    reruns_used: int
    error_code: str | None
    error_message: str | None
    fingerprint: str | None


Guard = Callable[[Session, Sequence[PlannedRow]], Mapping[int, str]]  # why these may not be re-run, by analysis id
_READER = Reader(PlannedRow, t.analysis, error_message=func.substr(_A.error_message, 1, 200))
_ROWS = _READER.select()


@dataclass(frozen=True)
class Selection:
    """Which analyses are to be re-run: these ids, or every failed one that a filter finds."""

    filter: Filter | None = None
    ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Why one analysis is not re-run; `kind` is the same for equal reasons, so that they can be counted."""

    outcome: ItemOutcome
    reason: str
    kind: str


@dataclass(frozen=True)
class BulkPlan:
    """What becomes of each analysis: `runs` in their order, money at risk first, then the newest; and the refused."""

    mode: Mode
    override: bool
    runs: tuple[PlannedRow, ...]
    refused: tuple[tuple[PlannedRow, Refusal], ...]
    gone: int

    @property
    def total(self) -> int:
        """How many analyses the selection holds."""
        return len(self.runs) + len(self.refused)

    def count(self, outcome: ItemOutcome) -> int:
        """How many are refused this way."""
        return sum(refusal.outcome is outcome for _, refusal in self.refused)

    @property
    def hash(self) -> str:
        """A text that changes with every analysis that is in it and with what is to happen to it; counts in front."""
        said = [
            self.mode.value,
            self.override,
            [[row.id, row.attempt] for row in self.runs],
            [[row.id, refusal.outcome.value, refusal.reason] for row, refusal in self.refused],
        ]
        digest = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]
        counts = (len(self.runs), self.count(ItemOutcome.SKIPPED), self.count(ItemOutcome.BLOCKED))
        return "-".join([*map(str, counts), digest])


class Planner:
    """Reads a selection and decides; reads only, in the caller's transaction."""

    def __init__(self, abilities: Abilities, guards: Sequence[Guard] = ()) -> None:
        self._abilities = abilities
        self._guards = guards

    def plan(self, session: Session, selection: Selection, mode: Mode, *, override: bool = False) -> BulkPlan:
        """Return what re-running this selection would do. Raises Invalid for a mode or a size that cannot be."""
        if mode not in MODES:
            raise Invalid(f"A bulk re-run is fresh or resume, not {mode.value}", code="INVALID_MODE")
        # Open positions first, for there is money at risk; then the newest.
        rows = sorted(
            self._selected(session, selection), key=lambda row: (row.subtype is not Subtype.OPEN_POSITIONS, -row.id)
        )
        refusals = self.refusals(session, rows, mode, override=override)
        return BulkPlan(
            mode,
            override,
            tuple(row for row in rows if row.id not in refusals),
            tuple((row, refusals[row.id]) for row in rows if row.id in refusals),
            len(set(selection.ids)) - len(rows) if selection.filter is None else 0,
        )

    def rows(self, session: Session, ids: Iterable[int]) -> list[PlannedRow]:
        """Return these analyses as the plan sees them; what is gone is missing."""
        return _READER.all(session, _ROWS.where(_A.id.in_(each(sorted(ids), Integer()))))

    def refusals(
        self, session: Session, rows: Sequence[PlannedRow], mode: Mode, *, override: bool
    ) -> dict[int, Refusal]:
        """Return which of these are not to be re-run like this, and why; `override` lets the re-run limit pass."""
        failed = [row for row in rows if allows(row.status, Event.RERUN)]
        active = active_among(session, each([row.dedupe_key for row in failed], String()))
        newest = {row.dedupe_key: row.id for row in sorted(failed, key=attrgetter("id"))}
        experts = self._experts(session, failed, mode, override=override)
        kept = _with_steps(session, failed) if mode is Mode.RESUME else frozenset()
        found: dict[int, Refusal] = {}
        for row in rows:
            refusal = _as_it_stands(row, active, newest) or experts(row)
            if refusal is None and mode is Mode.RESUME and row.id not in kept:
                refusal = _blocked(NOTHING_TO_KEEP)
            if refusal is not None:
                found[row.id] = refusal
        able = [row for row in failed if row.id not in found]
        for guard in self._guards:
            found |= {analysis_id: _blocked(reason) for analysis_id, reason in guard(session, able).items()}
        return found

    def _selected(self, session: Session, selection: Selection) -> list[PlannedRow]:
        if selection.filter is None:
            if not selection.ids:
                raise Invalid("Choose what to re-run: ids or a filter", code="EMPTY_SELECTION")
            _small_enough(len(selection.ids))
            return self.rows(session, set(selection.ids))
        chosen = selection.filter
        if chosen.status and Status.FAILED not in chosen.status:
            return []
        only_failed = conditions_of(replace(chosen, status=(Status.FAILED,)))
        rows = _READER.all(session, _ROWS.where(*only_failed).order_by(_A.id.desc()).limit(MAX_ITEMS + 1))
        _small_enough(len(rows))
        return rows

    def _experts(
        self, session: Session, rows: Sequence[PlannedRow], mode: Mode, *, override: bool
    ) -> Callable[[PlannedRow], Refusal | None]:
        """Return what says of an analysis why its expert cannot, or may not, do it again."""
        ids = sorted({row.expert_instance_id for row in rows})
        found = session.execute(
            select(_I.id, _I.alias, _I.expert, _I.enabled, _I.archived_at, _I.max_reruns, t.expert_config.c.settings)
            .outerjoin(t.expert_config, t.expert_config.c.id == _I.config_id)
            .where(_I.id.in_(each(ids, Integer())))
        )
        instances = {instance.id: instance for instance in found}

        @cache
        def unable(expert_instance_id: int, subtype: Subtype) -> str | None:
            instance = instances[expert_instance_id]
            if instance.archived_at is not None:
                return f"{instance.alias} was removed"
            if not instance.enabled:
                return f"{instance.alias} is disabled"
            ability = self._abilities(instance.expert, instance.settings or {}, subtype)
            if ability.unavailable:
                return f"{instance.alias} cannot work: {ability.unavailable}"
            return f"{instance.alias} {NO_PARTS}" if mode is Mode.RESUME and not ability.can_resume else None

        def refusal(row: PlannedRow) -> Refusal | None:
            most = instances[row.expert_instance_id].max_reruns
            if reason := unable(row.expert_instance_id, row.subtype):
                return _blocked(reason)
            if row.reruns_used >= most and not override:
                limit = "re-run limit reached"
                return Refusal(ItemOutcome.BLOCKED, f"{limit} ({row.reruns_used} of {most})", limit)
            return None

        return refusal


def _blocked(reason: str) -> Refusal:
    return Refusal(ItemOutcome.BLOCKED, reason, reason)


def _as_it_stands(row: PlannedRow, active: Mapping[str, int], newest: Mapping[str, int]) -> Refusal | None:
    if not allows(row.status, Event.RERUN):
        kind = "already under way" if row.status in ACTIVE else f"not failed: {row.status.value}"
        return Refusal(ItemOutcome.SKIPPED, kind, kind)
    if row.dedupe_key in active:
        reason = f"already under way as #{active[row.dedupe_key]}"
        return Refusal(ItemOutcome.SKIPPED, reason, "already under way as another analysis")
    if newest[row.dedupe_key] != row.id:
        reason = f"superseded by #{newest[row.dedupe_key]}"
        return Refusal(ItemOutcome.SKIPPED, reason, "superseded by a newer failure of the same kind")
    return None


def _with_steps(session: Session, rows: Sequence[PlannedRow]) -> frozenset[int]:
    """Return which of these have a completed step that a resume could keep."""
    s = t.step.c
    among = s.analysis_id.in_(each([row.id for row in rows], Integer()))
    return frozenset(session.scalars(select(s.analysis_id).where(among, s.status == StepStatus.COMPLETED).distinct()))


def _small_enough(count: int) -> None:
    if count > MAX_ITEMS:
        raise Impossible(
            f"More than {MAX_ITEMS:,} analyses are too many for one bulk re-run; narrow the selection",
            code="TOO_MANY_ITEMS",
        )
