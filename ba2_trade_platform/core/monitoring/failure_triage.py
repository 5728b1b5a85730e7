"""Failure triage: resolve, ignore or reopen a failure group, each with an undo."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta

from sqlalchemy import update

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import Impossible, Invalid, Refused
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.transactions import Command
from ba2_trade_platform.core.monitoring.rerun_outlook import group_of
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import AnyRow
from ba2_trade_platform.vocabulary import Mark

log = logging.getLogger(__name__)
LONGEST = timedelta(days=366)
MOST = 1_000_000
_G = t.failure_group.c


@dataclass(frozen=True)
class TriageState:
    """What stands in a group's row of what a person said of it, and since when it is said to have come back."""

    mark: Mark | None = None
    marked_at: datetime | None = None
    marked_by: int | None = None
    mark_reason: str | None = None
    ignore_until: datetime | None = None
    ignore_seen: int | None = None
    regressed_at: datetime | None = None

    @property
    def word(self) -> str:
        """How it is called in the activity log."""
        return self.mark.value if self.mark else "open"


@dataclass(frozen=True)
class TriageChange:
    """A group that was marked: the sentence to show, what was said before, and what is said now."""

    fingerprint: str
    sentence: str
    before: TriageState
    after: TriageState


class Triage:
    """Marks groups; each verb may be repeated, and `restore` undoes it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def resolve(self, fingerprint: str, *, by: Actor, reason: str | None = None) -> TriageChange:
        """Say that it is fixed: it leaves the inbox until it comes back. Raises NotFound or Unavailable."""
        sentence = "Resolved: it leaves the inbox until it comes back"
        return self._mark(fingerprint, by, reason, TriageState(Mark.RESOLVED), sentence)

    def ignore(
        self,
        fingerprint: str,
        *,
        by: Actor,
        seconds: float | None = None,
        more: int | None = None,
        reason: str | None = None,
    ) -> TriageChange:
        """Leave it out of the inbox for a time, until it was seen `more` times more, or, with neither, for ever.

        Raises Invalid, NotFound or Unavailable.
        """
        if seconds is not None and more is not None:
            raise Impossible("Ignore it for a time or until more of it, not both", code="INVALID_IGNORE")
        if seconds is not None:
            if not 1 <= seconds <= LONGEST.total_seconds():
                raise Invalid("Ignore it for 1 second to 366 days, or for ever", code="INVALID_IGNORE")
            until = self._store.clock.now() + timedelta(seconds=seconds)
            ignored = TriageState(Mark.IGNORED, ignore_until=until)
            return self._mark(fingerprint, by, reason, ignored, f"Ignored for {_span(seconds)}")
        if more is not None:
            if not 1 <= more <= MOST:
                raise Invalid(f"Ignore it until 1 to {MOST:,} more", code="INVALID_IGNORE")
            sentence = f"Ignored until {more:,} more"
            return self._mark(fingerprint, by, reason, TriageState(Mark.IGNORED), sentence, more=more)
        return self._mark(fingerprint, by, reason, TriageState(Mark.WONT_FIX), "Ignored for ever: won't fix")

    def reopen(self, fingerprint: str, *, by: Actor, reason: str | None = None) -> TriageChange:
        """Take back what was said of it. Raises NotFound or Unavailable."""
        return self._mark(fingerprint, by, reason, TriageState(), "Reopened")

    def restore(self, change: TriageChange, *, by: Actor) -> TriageChange:
        """Undo what `change` did. Raises Refused when the group has changed since, NotFound or Unavailable."""
        with self._store.command(by, Action.UNDO, Subject.FAILURE_GROUP) as command:
            present = _state_of(group_of(command.session, change.fingerprint))
            if present == change.before:
                return TriageChange(change.fingerprint, "Undone", present, present)
            if present != change.after:
                raise Refused("Cannot undo: somebody marked this group since, or it came back", code="CHANGED_SINCE")
            _put(command, change.fingerprint, present, change.before, "undo")
        return TriageChange(change.fingerprint, "Undone", present, change.before)

    def _mark(
        self, fingerprint: str, by: Actor, reason: str | None, state: TriageState, said: str, more: int | None = None
    ) -> TriageChange:
        why = clean_reason(reason)
        with self._store.command(by, Action.MARK, Subject.FAILURE_GROUP) as command:
            row = group_of(command.session, fingerprint)
            before = _state_of(row)
            if state.mark:
                state = replace(state, mark_reason=why, ignore_seen=None if more is None else row.seen + more)
            if state.mark in (Mark.IGNORED, Mark.WONT_FIX):
                state = replace(state, regressed_at=before.regressed_at)
            if state == replace(before, marked_at=None, marked_by=None):
                return TriageChange(fingerprint, said, before, before)
            after = replace(state, marked_at=command.now, marked_by=command.actor_id) if state.mark else state
            _put(command, fingerprint, before, after, why)
        log.info("%s: failure group %s: %s -> %s", by, fingerprint, before.word, after.word)
        return TriageChange(fingerprint, said, before, after)


def _put(command: Command, fingerprint: str, before: TriageState, after: TriageState, reason: str | None) -> None:
    command.session.execute(update(t.failure_group).where(_G.fingerprint == fingerprint).values(**asdict(after)))
    command.record(key=fingerprint, before=before.word, after=after.word, reason=reason)


def _state_of(row: AnyRow) -> TriageState:
    return TriageState(*(getattr(row, field.name) for field in fields(TriageState)))


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
