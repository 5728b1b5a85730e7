"""Timeline: the states of one analysis with their times, from its attempts and the activity log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from ba2_trade_platform.core.attempts.lifecycle import BY_ITSELF, Event
from ba2_trade_platform.core.base.audit import Action
from ba2_trade_platform.core.monitoring.attempt_history import Attempt
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.db.rows import Reader
from ba2_trade_platform.vocabulary import Outcome, Trigger

ACTIVITY_BOUND = 500
# The attempt says of its end all that these lines do.
ENDS_BY_ITSELF = frozenset(event.value for event in BY_ITSELF | {Event.SUCCEED, Event.RETRY})
WORDS = {
    Trigger.FIRST: "submitted",
    Trigger.RERUN: "re-run",
    Trigger.RETRY: "automatic retry",
    Trigger.RESCUE: "rescued after a crash",
    Trigger.RELEASE: "handed back at a stop",
    Trigger.BULK: "bulk re-run",
}
DEED_WORDS = {Action.PRIORITIZE.value: "put first"}
_ORDER = {"pending": 0, "running": 1}


@dataclass(frozen=True)
class Moment:
    """One thing that happened. `state` is what began then, None when nothing changed; `seconds` is how long it lasted.

    `seconds` None: it lasts still, or it is the end.
    """

    at: datetime
    state: str | None
    what: str
    attempt: int | None
    actor: str | None
    reason: str | None
    seconds: float | None = None


@dataclass(frozen=True)
class Deed:
    """One line of the activity log."""

    at: datetime
    what: str
    attempt: int | None
    actor: str | None
    before: str | None
    after: str | None
    reason: str | None

    @property
    def words(self) -> str:
        """What was done, and what it changed."""
        change = f": {self.before} -> {self.after}" if self.before and self.after else ""
        return f"{DEED_WORDS.get(self.what, self.what)}{change}"


_DEEDS = Reader(Deed, t.activity_log, actor=t.actor.c.name)


def read_deeds(session: Session, analysis_id: int) -> list[Deed]:
    """Return what the activity log says of an analysis, oldest first, the newest 500 lines of it."""
    a = t.activity_log.c
    newest = (
        _DEEDS.select()
        .outerjoin(t.actor, t.actor.c.id == a.actor_id)
        .where(a.subject_type == "analysis", a.subject_id == analysis_id)
        .order_by(a.id.desc())
        .limit(ACTIVITY_BOUND)
    )
    return _DEEDS.all(session, newest)[::-1]


def timeline(attempts: Iterable[Attempt], deeds: Sequence[Deed]) -> list[Moment]:
    """Return what happened, oldest first; a deed at the very instant of a change of state is its reason, not a line."""
    reasons = {deed.at: deed for deed in deeds if deed.what not in ENDS_BY_ITSELF}
    moments = [_explained(moment, reasons.get(moment.at)) for attempt in attempts for moment in _of(attempt)]
    told = {moment.at for moment in moments}
    moments += [
        Moment(deed.at, None, deed.words, deed.attempt, deed.actor, deed.reason)
        for deed in deeds
        if deed.at not in told
    ]
    moments.sort(key=lambda moment: (moment.at, moment.attempt or 0, _ORDER.get(moment.state or "", 1)))
    return _timed(moments)


def _of(attempt: Attempt) -> Iterator[Moment]:
    number = attempt.number
    yield Moment(attempt.queued_at, "pending", WORDS[attempt.trigger], number, attempt.actor, attempt.reason)
    if attempt.started_at is not None:
        provider = f", asks {attempt.provider}" if attempt.provider else ""
        worker = f"claimed by {attempt.worker_id}{provider}" if attempt.worker_id else "claimed"
        yield Moment(attempt.started_at, "running", worker, number, None, None)
    if attempt.finished_at is not None and attempt.outcome is not None:
        ending = attempt.outcome.value
        if attempt.error_code is not None and attempt.outcome is not Outcome.COMPLETED:
            ending = f"{attempt.error_code}: {(attempt.error_message or '')[:200]}"
        yield Moment(attempt.finished_at, attempt.outcome.value, ending, number, None, None)


def _explained(moment: Moment, deed: Deed | None) -> Moment:
    if deed is None or moment.actor is not None or moment.state == "running":
        return moment
    return replace(moment, actor=deed.actor, reason=deed.reason)


def _timed(moments: Sequence[Moment]) -> list[Moment]:
    """Say of each state how long it lasted: until the next one began."""
    following: datetime | None = None
    timed = []
    for moment in reversed(moments):
        lasted = (following - moment.at).total_seconds() if following and moment.state is not None else None
        timed.append(replace(moment, seconds=lasted))
        if moment.state is not None:
            following = moment.at
    return timed[::-1]
