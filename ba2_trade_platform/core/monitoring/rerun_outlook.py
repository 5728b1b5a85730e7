"""Re-run outlook: says with evidence whether a re-run is worth it, and keeps the operator's overrides."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.error_codes import KINDS
from ba2_trade_platform.core.failures.advice import advice, fix_first
from ba2_trade_platform.core.failures.track_records import ENOUGH, NEWEST, Track, tracks
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow, Reader
from ba2_trade_platform.vocabulary import FailureKind, Outcome, Status

log = logging.getLogger(__name__)
ANSWERS_SHOWN = 20
_KINDS = {code.value: kind for code, kind in KINDS.items()}
_HAS_OUTLOOK = (Status.FAILED, Status.PENDING)  # of the pending only those that wait for their retry have an error
_G = t.failure_group.c
_T = t.attempt.c


@dataclass(frozen=True)
class RerunOutlook:
    """Whether a re-run of one failure is worth it: the sentence, the rule that led to it, and the evidence."""

    kind: FailureKind
    headline: str
    chip: str
    rule: str
    hint: str
    by: str
    tried: int
    succeeded: int
    median_wait_seconds: float | None
    own_kind: FailureKind
    overridden_by: str | None = None
    overridden_at: datetime | None = None
    override_reason: str | None = None

    @property
    def warns(self) -> bool:
        """Whether a person should fix something before a re-run."""
        return self.kind is FailureKind.PERMANENT


@dataclass(frozen=True)
class KindOverride:
    """What the operator said of a group, against what its code says."""

    fingerprint: str
    code: str
    message: str
    kind: FailureKind
    own_kind: FailureKind
    by: str
    at: datetime
    reason: str | None


@dataclass(frozen=True)
class AnsweringAttempt:
    """One attempt that answered an error, and how it ended; `outcome` None: it has not."""

    analysis_id: int
    number: int
    symbol: str
    outcome: Outcome | None
    failed_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def wait_seconds(self) -> float | None:
        """How long it waited after the failure, until it began."""
        if self.failed_at is None or self.started_at is None:
            return None
        return (self.started_at - self.failed_at).total_seconds()


_ANSWERS = Reader(AnsweringAttempt, t.attempt, symbol=t.analysis.c.symbol, failed_at=_T.after_failed_at)


@dataclass(frozen=True)
class Error:
    """What is to be judged: a failure's group, its code, and the kind it was classified as."""

    fingerprint: str
    code: str
    kind: FailureKind | None = None


def kind_of(code: str) -> FailureKind:
    """Return the kind of a code; of one that this version does not know nobody can say."""
    return _KINDS.get(code, FailureKind.UNKNOWN)


class RerunOutlooks:
    """Judges failures from what became of their like, and keeps the operator's overrides."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, rows: Sequence[AnalysisRow]) -> dict[int, RerunOutlook]:
        """Return the outlook of each of these analyses that has failed, or waits for its retry, by its id."""
        errors = {
            row.id: Error(row.fingerprint, row.error_code, row.failure_kind)
            for row in rows
            if row.fingerprint and row.error_code and row.status in _HAS_OUTLOOK
        }
        if not errors:
            return {}
        with self._store.read() as session:
            found = outlooks_of(session, errors.values())
        return {row_id: found[error.fingerprint] for row_id, error in errors.items()}

    def of_fingerprint(self, fingerprint: str) -> RerunOutlook:
        """Return the outlook of a group of failures. Raises NotFound."""
        with self._store.read() as session:
            group = group_of(session, fingerprint)
            return outlooks_of(session, [Error(fingerprint, group.code)])[fingerprint]

    def evidence(self, fingerprint: str) -> list[AnsweringAttempt]:
        """Return the newest attempts that answered this error, the newest first, at most 20."""
        answers = (
            _ANSWERS.select()
            .join(t.analysis, t.analysis.c.id == _T.analysis_id)
            .where(_T.after_fingerprint == fingerprint, _T.after_fingerprint.is_not(None))
            .where(_T.outcome.is_distinct_from(Outcome.WITHDRAWN))
            .order_by(_T.id.desc())
            .limit(ANSWERS_SHOWN)
        )
        with self._store.read() as session:
            return _ANSWERS.all(session, answers)

    def set_kind(self, fingerprint: str, kind: FailureKind, *, by: Actor, reason: str | None = None) -> RerunOutlook:
        """Have this group held to be of another kind, and return its new outlook. Raises NotFound, Unavailable."""
        return self._say(fingerprint, kind, by, clean_reason(reason))

    def clear_kind(self, fingerprint: str, *, by: Actor) -> RerunOutlook:
        """Hold this group again to be of the kind its code says. Raises NotFound, Unavailable."""
        return self._say(fingerprint, None, by, None)

    def overrides(self) -> list[KindOverride]:
        """Return every override, the newest first."""
        with self._store.read() as session:
            rows = session.execute(
                select(_G.fingerprint, _G.code, _G.message, _G.kind, t.actor.c.name, _G.kind_at, _G.kind_reason)
                .outerjoin(t.actor, t.actor.c.id == _G.kind_by)
                .where(_G.kind.is_not(None))
                .order_by(_G.kind_at.desc(), _G.fingerprint)
            ).all()
        return [
            KindOverride(fingerprint, code, message, kind, kind_of(code), name or "", at, reason)
            for fingerprint, code, message, kind, name, at, reason in rows
        ]

    def _say(self, fingerprint: str, kind: FailureKind | None, by: Actor, reason: str | None) -> RerunOutlook:
        with self._store.command(by, Action.RECLASSIFY, Subject.FAILURE_GROUP) as command:
            session = command.session
            group = group_of(session, fingerprint)
            if (group.kind, group.kind_reason) != (kind, reason):
                who, at = (command.actor_id, command.now) if kind else (None, None)
                changed = update(t.failure_group).where(_G.fingerprint == fingerprint)
                session.execute(changed.values(kind=kind, kind_at=at, kind_by=who, kind_reason=reason))
                before, after = group.kind and group.kind.value, kind and kind.value
                command.record(key=fingerprint, before=before, after=after, reason=reason)
                log.info("%s: failure group %s is held to be %s", by, fingerprint, after or "as its code")
            return outlooks_of(session, [Error(fingerprint, group.code)])[fingerprint]


def group_of(session: Session, fingerprint: str) -> AnyRow:
    """Return the row of a group, or raise NotFound."""
    group = session.execute(select(t.failure_group).where(_G.fingerprint == fingerprint)).one_or_none()
    if group is None:
        raise NotFound(f"There is no group of failures {fingerprint[:64]}", code="FAILURE_GROUP_NOT_FOUND")
    return group


def outlooks_of(session: Session, errors: Iterable[Error]) -> dict[str, RerunOutlook]:
    """Return the outlook of each of these errors, by fingerprint; three statements at most."""
    unique = {error.fingerprint: error for error in errors}
    rows = session.execute(
        select(_G.fingerprint, _G.provider, _G.kind, _G.kind_at, _G.kind_reason, t.actor.c.name)
        .outerjoin(t.actor, t.actor.c.id == _G.kind_by)
        .where(_G.fingerprint.in_(list(unique)))
    )
    groups = {row.fingerprint: row for row in rows}
    found = tracks(session, {name: error.code for name, error in unique.items()})
    return {name: _outlook(error, found[name], groups.get(name)) for name, error in unique.items()}


def _outlook(error: Error, track: Track, group: AnyRow | None) -> RerunOutlook:
    own = error.kind or kind_of(error.code)
    override = group if group is not None and group.kind is not None else None
    kind = override.kind if override else own
    return RerunOutlook(
        kind=kind,
        headline=_headline(kind, track, error.code, group.provider if group else None),
        chip=f"{kind.value} {track.succeeded}/{track.tried}" if track.tried else kind.value,
        rule=_rule(error.code, own, track, overridden=override is not None),
        hint=(override.kind_reason or "") if override else advice(error.code).hint_beside(likely=track.promising),
        **track._asdict(),
        own_kind=own,
        overridden_by=override.name if override else None,
        overridden_at=override.kind_at if override else None,
        override_reason=override.kind_reason if override else None,
    )


def _headline(kind: FailureKind, track: Track, code: str, provider: str | None) -> str:
    if kind is FailureKind.PERMANENT:
        return fix_first(code, provider)
    evidence = _evidence(track, code)
    if kind is FailureKind.UNKNOWN:
        return f"Unknown: read it and decide ({evidence})"
    return f"Transient: {'likely' if track.promising else 'less likely'} to work ({evidence})"


def _evidence(track: Track, code: str) -> str:
    if not track.tried:
        return "no re-run of this error has ended yet"
    what = "this error" if track.by == "fingerprint" else code
    counted = f"{track.succeeded} of {track.tried} re-runs of {what} succeeded"
    wait = track.median_wait_seconds
    return counted if wait is None else f"{counted}, median wait {_seconds(wait)}"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{max(0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"


def _rule(code: str, own: FailureKind, track: Track, *, overridden: bool) -> str:
    judged = f"By its code, {code}, it is {own.value}."
    if overridden:
        judged = f"The operator says so; by its code, {code}, it would be {own.value}."
    counted = f"Counted are the newest {NEWEST} attempts that followed this very error and have ended."
    if track.by == "code":
        few = f"Of this very error fewer than {ENOUGH} have ended"
        counted = f"{few}; counted are the newest {NEWEST} attempts that followed {code}."
    waits = "The wait is from the failure to the start of the next attempt, the middle one of those that succeeded."
    return f"{judged} {counted} {waits}"
