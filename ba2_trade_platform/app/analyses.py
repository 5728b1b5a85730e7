"""Analysis services: builds queue, verbs, batches and retries, and names the subscribers to ended attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ba2_trade_platform.core.analyses.queue_service import WorkerQueue
from ba2_trade_platform.core.analyses.rerun import Rerun
from ba2_trade_platform.core.analyses.rerun_planner import RerunPlanner
from ba2_trade_platform.core.analyses.service import Analyses
from ba2_trade_platform.core.analyses.waiting_retries import WaitingRetries
from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles
from ba2_trade_platform.core.attempts.embedded_dispatcher import EmbeddedDispatcher
from ba2_trade_platform.core.attempts.end_events import record_end_events
from ba2_trade_platform.core.attempts.recommendations import promote_completed
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.batches.bulk_plans import Planner
from ba2_trade_platform.core.batches.bulk_reruns import BulkReruns
from ba2_trade_platform.core.batches.bulk_slices import BulkSlices
from ba2_trade_platform.core.batches.cancellations import Cancellations
from ba2_trade_platform.core.batches.service import Batches
from ba2_trade_platform.core.completion.batches import BatchCompletion
from ba2_trade_platform.core.contracts.experts import Prices, SideEffects
from ba2_trade_platform.core.experts.availability import Abilities
from ba2_trade_platform.core.models.call_log import forget_answers
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class AnalysisServices:
    """Who submits, re-runs, cancels and deletes; `slices` are what the worker does of a bulk re-run in a tick."""

    transitions: Transitions
    dispatcher: EmbeddedDispatcher
    queue: WorkerQueue
    analyses: Analyses
    waiting_retries: WaitingRetries
    bulk_reruns: BulkReruns
    batches: Batches
    slices: BulkSlices
    cancellations: Cancellations


def open_analyses(
    settings: Settings,
    store: Store,
    abilities: Abilities,
    market: Prices,
    side_effects: Sequence[SideEffects],
    telemetry: Telemetry,
    archive_files: ArchiveFiles,
) -> AnalysisServices:
    """Put the services together; nothing is asked yet. The store wakes the dispatcher at each commit."""
    completion = BatchCompletion(telemetry.metrics)
    transitions = Transitions(
        (forget_answers, completion.settle_ended, promote_completed, record_end_events, telemetry.follow),
    )
    dispatcher, rerun_planner = EmbeddedDispatcher(), RerunPlanner(abilities, side_effects)
    planner = Planner(abilities, (rerun_planner.not_unasked,))
    queue = WorkerQueue(store, dispatcher, abilities, market, completion)
    store.on_commit(dispatcher.committed)
    bulk_reruns = BulkReruns(store, planner, rerun_enabled=settings.rerun_enabled)
    return AnalysisServices(
        transitions=transitions,
        dispatcher=dispatcher,
        queue=queue,
        analyses=Analyses(
            store,
            queue,
            dispatcher,
            rerun_planner,
            transitions,
            archive_files,
            rerun_enabled=settings.rerun_enabled,
            reruns_per_minute=settings.reruns_per_minute,
            telemetry=telemetry,
        ),
        waiting_retries=WaitingRetries(store, dispatcher, transitions),
        bulk_reruns=bulk_reruns,
        batches=Batches(store, queue, bulk_reruns, completion),
        slices=BulkSlices(planner, Rerun(store.clock, dispatcher, rerun_planner, transitions), completion),
        cancellations=Cancellations(transitions, completion),
    )
