"""Re-run: archives a failed attempt and queues the same analysis again, in the caller's transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.analysis_rows import AnalysisWithExpert, row_of
from ba2_trade_platform.core.analyses.rerun_planner import Chosen, RerunPlanner
from ba2_trade_platform.core.analyses.rerun_plans import ASKED_FIRST, Guard, RerunOptions, RerunPlan, RerunQuestion
from ba2_trade_platform.core.attempts import archives, attempts
from ba2_trade_platform.core.attempts.archives import Purged
from ba2_trade_platform.core.attempts.attempts import Change, Opening, standings
from ba2_trade_platform.core.attempts.lifecycle import Event, after
from ba2_trade_platform.core.attempts.submissions import active_holder
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.errors import Impossible, Refused, TooMany
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import Dispatcher, Ref
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import Mode, Status, Trigger


@dataclass(frozen=True)
class RerunAccepted:
    """A re-run that was accepted."""

    analysis_id: int
    status: Status
    attempt: int
    reruns_used: int
    max_reruns: int
    updated_at: datetime
    warnings: tuple[str, ...] = ()
    mode: Mode = Mode.FRESH
    steps_kept: int | None = None

    @property
    def sentence(self) -> str:
        """Say what was queued."""
        kept = "" if self.steps_kept is None else f", {self.steps_kept} step{'' if self.steps_kept == 1 else 's'} kept"
        return (
            f"Analysis {self.analysis_id} queued for re-run "
            f"(attempt {self.attempt}, re-run {self.reruns_used}/{self.max_reruns}{kept})"
        )


class TwinUnderWayError(Exception):
    """The same question is already pending or running under another number."""


class Rerun:
    """Re-runs failed analyses, one a call; the caller's transaction makes it whole."""

    def __init__(self, clock: Clock, dispatcher: Dispatcher, planner: RerunPlanner, transitions: Transitions) -> None:
        self._clock = clock
        self._transitions = transitions
        self._dispatcher = dispatcher
        self._planner = planner

    def rerun_in(
        self,
        transaction: Transaction,
        analysis_id: int,
        options: RerunOptions,
        who: int,
        *,
        trigger: Trigger = Trigger.RERUN,
        batch_id: int | None = None,
        priority: int | None = None,
    ) -> tuple[RerunAccepted, Purged, AnalysisWithExpert]:
        """Queue this one again for actor `who`; return what was queued, what was purged, and the row as it was.

        `priority` moves it to another lane of the queue. Raises NotFound; Refused NOT_FAILED, ALREADY_QUEUED,
        PLAN_CHANGED or CONFIRMATION_REQUIRED; TooMany RETRY_LIMIT; Invalid for a mode, step, settings or provider that
        cannot be had. A row whose twin is under way raises TwinUnderWayError. Whatever it raises, the
        caller must not commit what it did.
        """
        session, now = transaction.session, self._clock.now()
        row = row_of(session, analysis_id)
        require_failed(session, row, now)
        if active_holder(session, row.dedupe_key) is not None:  # said before anybody is asked to give reasons
            raise TwinUnderWayError(f"analysis {row.id} has a twin that is pending or running")
        chosen, plan, guards = self._decide(session, row, options, now)
        archives.pack(session, row.id, row.attempt, analysis=True)
        number = attempts.newest_number(session, row.id) + 1
        purged = _clear(session, row, plan, number)
        step = plan.step if plan else None
        effects = [effect.to_json() for guard in guards for effect in guard.side_effects] or None
        opening = Opening(
            trigger, options.mode, who, chosen.config_id, options.reason, step, options.providers, batch_id, effects
        )
        change = Change(
            standings(session, [row.id])[row.id],
            now,
            reason=options.reason,
            columns=_columns(row, options, chosen, now) | ({} if priority is None else {"priority": priority}),
            next=opening,
            next_number=number,
        )
        self._transitions.apply(transaction, Event.RERUN, [change], by=who)
        self._dispatcher.enqueue(session, [Ref(row.id, number, row.expert_instance_id, row.priority)])
        warnings = tuple(guard.sentence for guard in guards if guard.needs is None)
        kept = plan.kept if plan and options.mode is not Mode.FRESH else None
        accepted = RerunAccepted(
            row.id, Status.PENDING, number, row.reruns_used + 1, row.max_reruns, now, warnings, options.mode, kept
        )
        return accepted, purged, row

    def _decide(
        self, session: Session, row: AnalysisWithExpert, options: RerunOptions, now: datetime
    ) -> tuple[Chosen, RerunPlan | None, tuple[Guard, ...]]:
        """Return what it runs with, its plan and what was answered for; no plan: everything is done again, unasked."""
        chosen = self._planner.choose(session, row, options)
        plan = None
        if options.mode is not Mode.FRESH or options.plan_hash is not None or options.step is not None:
            plan = self._planner.plan(session, row, options, now)
        guards = plan.guards if plan else self._planner.guards(session, row, chosen.ability, now)
        if plan is not None and options.plan_hash not in (None, plan.plan_hash):
            sentence = f"What a re-run of analysis {row.id} would do has changed: {plan.sentence}. Look at it again"
            raise Refused(sentence, code="PLAN_CHANGED", plan=asdict(plan))
        asked_first = tuple(guard for guard in guards if guard.code in ASKED_FIRST)
        if options.ask and asked_first:
            raise RerunQuestion(asked_first)
        for guard in guards:
            _answer(guard, options, row)
        return chosen, plan, guards


def _answer(guard: Guard, options: RerunOptions, row: AnalysisWithExpert) -> None:
    """Refuse unless the options answer for what the guard says, with a reason."""
    if guard.needs is None:
        return
    if not getattr(options, guard.needs):
        if guard.needs == "override":
            raise TooMany(guard.sentence, code=guard.code, reruns_used=row.reruns_used, max_reruns=row.max_reruns)
        raise Refused(guard.sentence, code=guard.code, side_effects=[effect.to_json() for effect in guard.side_effects])
    if not (options.reason or "").strip():
        verb = "override the limit" if guard.needs == "override" else "acknowledge what acts on the recommendation"
        raise Impossible(f"Give a reason to {verb} of analysis {row.id}", code="REASON_REQUIRED")


def _columns(row: AnalysisWithExpert, options: RerunOptions, chosen: Chosen, now: datetime) -> dict[str, Any]:
    """Return what this re-run sets beside what every re-run clears; attempt and archive keep what is cleared."""
    columns: dict[str, Any] = {
        # A person wants it now: a deadline that has passed would only skip it at once.
        "run_before": row.run_before if row.run_before and row.run_before > now else None,
        "available_at": now,
        "reruns_used": row.reruns_used + 1,
        "config_id": chosen.config_id,
    }
    if options.mode is Mode.FRESH:
        columns["state"] = None  # what is kept otherwise was done with it
    return columns


def _clear(session: Session, row: AnalysisWithExpert, plan: RerunPlan | None, number: int) -> Purged:
    if plan is None or plan.mode is Mode.FRESH:
        return archives.purge(session, row.id)
    recommendations = archives.purge_recommendation(session, row.id)
    outputs = archives.carry_over(session, row.id, number, plan.dropped)
    return Purged(outputs, recommendations)


def require_failed(session: Session, row: AnalysisWithExpert, now: datetime) -> None:
    """Raise Refused, NOT_FAILED or ALREADY_QUEUED, unless it failed: what it is, since when, and by whom."""
    if row.status is Status.FAILED:
        return
    opened = session.execute(
        select(t.attempt.c.trigger, t.attempt.c.queued_at, t.actor.c.name)
        .join(t.actor, t.actor.c.id == t.attempt.c.actor_id)
        .where(t.attempt.c.analysis_id == row.id, t.attempt.c.number == row.attempt)
    ).one()
    present = {"by": opened.name, "since": row.updated_at.isoformat()}
    if row.status is Status.PENDING and opened.trigger in (Trigger.RERUN, Trigger.BULK):
        sentence = f"Already queued {max(0, round((now - opened.queued_at).total_seconds()))} s ago by {opened.name}"
        raise Refused(sentence, code="ALREADY_QUEUED", status=row.status.value, **present)
    after(row.status, Event.RERUN, f"analysis {row.id}", code="NOT_FAILED", **present)
