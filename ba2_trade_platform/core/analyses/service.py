"""Analysis service: re-run, withdraw, cancel, run again and delete one analysis, each in one transaction."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import delete

from ba2_trade_platform.core.analyses.analysis_rows import AnalysisWithExpert, row_of
from ba2_trade_platform.core.analyses.queue_service import Submitted, WorkerQueue
from ba2_trade_platform.core.analyses.rerun import Rerun, RerunAccepted, TwinUnderWayError, require_failed
from ba2_trade_platform.core.analyses.rerun_planner import RerunPlanner
from ba2_trade_platform.core.analyses.rerun_plans import RerunOptions, RerunPlan, RerunQuestion
from ba2_trade_platform.core.analyses.withdrawal import Withdrawal, Withdrawn
from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles
from ba2_trade_platform.core.attempts.archives import Purged
from ba2_trade_platform.core.attempts.attempts import Change, standings
from ba2_trade_platform.core.attempts.lifecycle import ACTIVE, Event, after
from ba2_trade_platform.core.attempts.recommendations import RecommendationKey, refresh_current
from ba2_trade_platform.core.attempts.submissions import active_holder
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject
from ba2_trade_platform.core.base.errors import (
    Invalid,
    NotFound,
    PlatformError,
    Refused,
    SwitchedOff,
    TooMany,
    Unavailable,
)
from ba2_trade_platform.core.base.logs import get_logger
from ba2_trade_platform.core.base.sanitizing import clean_reason
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.base.transactions import Command
from ba2_trade_platform.core.contracts.queue import Dispatcher
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import Mode, Source

log = get_logger(__name__)
_A = t.analysis.c


@dataclass(frozen=True)
class Done:
    """A verb that was carried out, in a sentence."""

    analysis_id: int
    sentence: str


class RerunRate:
    """Counts what each actor asks for within the last minute, to stop a runaway script; 0 a minute means no limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._window = MovingWindowRateLimiter(MemoryStorage()) if per_minute else None
        self._lock = threading.Lock()  # the library's own may be taken away while it is waited for

    def hit(self, who: Actor) -> None:
        """Count one more re-run of this actor; raises TooMany RATE_LIMITED, with when to ask again."""
        if self._window is None:
            return
        asked = (RateLimitItemPerMinute(self._per_minute), "rerun", who.kind.value, who.name)
        with self._lock:
            if self._window.hit(*asked):
                return
            free_at = self._window.get_window_stats(*asked).reset_time
        wait = max(1, math.ceil(free_at - time.time()))
        raise TooMany(
            f"{who} asked for more than {self._per_minute} re-runs within a minute; ask again in {wait} s",
            code="RATE_LIMITED",
            retry_after=wait,
        )


class Analyses:
    """Re-runs, cancels, repeats and deletes analyses."""

    def __init__(
        self,
        store: Store,
        queue: WorkerQueue,
        dispatcher: Dispatcher,
        planner: RerunPlanner,
        transitions: Transitions,
        archive_files: ArchiveFiles,
        *,
        rerun_enabled: bool,
        reruns_per_minute: int,
        telemetry: Telemetry,
    ) -> None:
        self._store = store
        self._queue = queue
        self._dispatcher = dispatcher
        self._planner = planner
        self._transitions = transitions
        self._reruns = Rerun(store.clock, dispatcher, planner, transitions)
        self._withdrawal = Withdrawal(dispatcher, transitions, archive_files)
        self._rate = RerunRate(reruns_per_minute)
        self.rerun_enabled = rerun_enabled
        self._telemetry = telemetry

    def rerun_plan(self, analysis_id: int, options: RerunOptions | None = None) -> RerunPlan:
        """Return what a re-run of this failed analysis would do now. Raises NotFound, Refused NOT_FAILED or Invalid."""
        with self._store.read() as session:
            row, now = row_of(session, analysis_id), self._store.clock.now()
            require_failed(session, row, now)
            return self._planner.plan(session, row, options or RerunOptions(), now)

    def rerun(
        self,
        analysis_id: int,
        *,
        by: Actor,
        reason: str | None = None,
        options: RerunOptions | None = None,
    ) -> RerunAccepted:
        """Archive and purge what the failed attempt left, and queue the same row again, as `options` says.

        Without options everything is done again with the current settings, for `reason`. Raises NotFound, Refused
        (NOT_FAILED, ALREADY_QUEUED, DUPLICATE_PENDING, PLAN_CHANGED, CONFIRMATION_REQUIRED), TooMany (RETRY_LIMIT,
        RATE_LIMITED), Invalid, SwitchedOff or Unavailable; then the row is unchanged.
        """
        given = options or RerunOptions(reason=reason)
        options = replace(given, reason=clean_reason(given.reason))
        with self._telemetry.traces.rerun(analysis_id, options.mode.value) as span:
            try:
                accepted, previous = self._rerun(analysis_id, options, by)
            except RerunQuestion:
                raise  # nobody was refused anything yet
            except PlatformError as refusal:
                self._telemetry.metrics.rerun(options.mode.value, refusal.code)
                raise
            self._telemetry.metrics.rerun(options.mode.value, "accepted")
            span.set_attributes({"attempt.number": accepted.attempt, "error.previous": previous or ""})
            return accepted

    def _rerun(self, analysis_id: int, options: RerunOptions, by: Actor) -> tuple[RerunAccepted, str | None]:
        """Return what was queued, and the code of the failure that it answers."""
        if not self.rerun_enabled:
            raise SwitchedOff("Re-runs are switched off (BA2_RERUN_ENABLED=0)", code="RERUN_DISABLED")
        try:
            self._rate.hit(by)
            with self._store.command(by, Action.RERUN, Subject.ANALYSIS) as command:
                accepted, purged, about = self._reruns.rerun_in(command, analysis_id, options, command.actor_id)
        except RerunQuestion:
            raise
        except (Refused, NotFound, TooMany, Invalid) as refusal:
            log.warning(
                "Re-run of analysis %s refused: %s", analysis_id, refusal, analysis=analysis_id, code=refusal.code
            )
            raise
        except Unavailable as error:
            log.warning("Error re-running analysis %s: %s", analysis_id, error, analysis=analysis_id, code=error.code)
            raise Unavailable(f"Error re-running analysis: {error}") from error
        except TwinUnderWayError as error:
            raise self._duplicate(analysis_id) from error
        _say_rerun(accepted, purged, about, by, options)
        return accepted, about.error_code

    def withdraw(self, analysis_id: int, *, by: Actor, reason: str | None = None) -> Withdrawn:
        """Undo a re-run that no worker has claimed yet: the analysis stands failed as it was, its re-run not counted.

        Raises NotFound, Refused NOT_WITHDRAWABLE or Unavailable; then nothing is changed.
        """
        with self._store.command(by, Action.WITHDRAW, Subject.ANALYSIS) as command:
            withdrawn, row = self._withdrawal.withdraw_in(command, analysis_id, command.actor_id, reason, command.now)
        log.info(
            "%s withdrew the re-run of analysis %s (%s, %s)", by, analysis_id, row.symbol, row.alias,
            analysis=analysis_id, attempt=row.attempt,
        )  # fmt: skip
        log.info("Analysis %s: pending -> failed", analysis_id, analysis=analysis_id)
        return withdrawn

    def cancel(self, analysis_id: int, *, by: Actor, reason: str | None = None) -> Done:
        """End a pending or running analysis now; its expert is stopped. Raises NotFound, Refused or Unavailable."""
        with self._store.command(by, Action.CANCEL, Subject.ANALYSIS) as command:
            row = row_of(command.session, analysis_id)
            after(row.status, Event.CANCEL, f"analysis {row.id}")
            self._cancel(command, row, reason)
        log.info("%s cancelled analysis %s (%s, %s)", by, analysis_id, row.symbol, row.alias)
        return Done(analysis_id, f"Analysis {analysis_id} cancelled")

    def run_again(self, analysis_id: int, *, by: Actor, source: Source = Source.MANUAL) -> Submitted:
        """Queue a new analysis like this finished one. Raises NotFound, Refused or Unavailable."""
        with self._store.read() as session:
            row = row_of(session, analysis_id)
        after(row.status, Event.RUN_AGAIN, f"analysis {row.id}")
        return self._queue.submit_analysis_task(
            row.expert_instance_id, row.symbol, row.subtype, by=by, as_of=row.as_of, source=source
        )

    def delete(self, analysis_id: int, *, by: Actor, reason: str | None = None) -> Done:
        """Remove an analysis and all that hangs on it; what runs is cancelled first. Raises NotFound, Unavailable."""
        with self._store.command(by, Action.DELETE, Subject.ANALYSIS) as command:
            session = command.session
            row = row_of(session, analysis_id)
            if row.status in ACTIVE:
                self._cancel(command, row, "deleted")
            session.execute(delete(t.analysis).where(_A.id == analysis_id))
            refresh_current(session, [RecommendationKey(row.expert_instance_id, row.symbol, row.subtype)])
            about = f"{row.symbol}, {row.alias}"
            command.record(analysis_id, before=f"{row.status.value} ({about})", reason=reason)
            command.touch_analyses(analysis_id)
        log.info("%s deleted analysis %s (%s)", by, analysis_id, about)
        return Done(analysis_id, f"Analysis {analysis_id} deleted")

    def _cancel(self, command: Command, row: AnalysisWithExpert, reason: str | None) -> None:
        session = command.session
        change = Change(standings(session, [row.id])[row.id], command.now, reason=reason)
        self._transitions.apply(command, Event.CANCEL, [change], by=command.actor_id)
        self._dispatcher.cancel(session, row.id)

    def _duplicate(self, analysis_id: int) -> Refused:
        with self._store.read() as session:
            row = row_of(session, analysis_id)
            holder = active_holder(session, row.dedupe_key)
        # It may have ended since the transaction was refused; then there is no number to give.
        present = f"{holder.status.value} (analysis {holder.id})" if holder else "pending"
        sentence = (
            f"Analysis already queued: Analysis task for expert {row.alias} and symbol {row.symbol} "
            f"is already {present}"
        )
        log.warning("Re-run of analysis %s refused: %s", analysis_id, sentence, analysis=analysis_id)
        return Refused(sentence, code="DUPLICATE_PENDING", analysis_id=holder.id if holder else None)


def _say_rerun(
    accepted: RerunAccepted, purged: Purged, about: AnalysisWithExpert, by: Actor, options: RerunOptions
) -> None:
    """Log who re-ran what, what was purged, and which task follows."""
    analysis_id, mode = accepted.analysis_id, options.mode.value
    kind = by.kind.value.capitalize()  # who it was stands in the attempt and in the activity log
    part = "" if options.mode is Mode.FRESH else f", {mode}{f' {options.step}' if options.step else ''}"
    known: dict[str, Any] = {"analysis": analysis_id, "attempt": accepted.attempt}
    more: dict[str, Any] = known | {"mode": mode, "by": by.name, "previous_error": about.error_code}
    log.info("%s re-running failed analysis %s (%s, %s%s)", kind, analysis_id, about.symbol, about.alias, part, **more)
    cleared = purged._asdict()
    log.info("Cleared %s outputs and %s recommendations for analysis %s", *purged, analysis_id, **known, **cleared)
    log.info("Analysis %s: failed -> pending", analysis_id, **known)
    task = {"expert": about.expert_instance_id, "symbol": about.symbol, "priority": about.priority}
    sentence = "Analysis task %s/%s submitted for expert %s, symbol %s, priority %s"
    log.info(sentence, analysis_id, accepted.attempt, *task.values(), **known, **task)
