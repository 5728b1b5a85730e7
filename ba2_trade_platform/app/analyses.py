"""Analysis services: builds queue, verbs, batches and retries, and names the subscribers to ended attempts."""

from __future__ import annotations

from collections.abc import Sequence

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


class AnalysisServices:
    """Who submits, re-runs, cancels and deletes; `slices` are what the worker does of a bulk re-run in a tick.

    The store wakes the dispatcher at each commit.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        abilities: Abilities,
        market: Prices,
        side_effects: Sequence[SideEffects],
        telemetry: Telemetry,
        archive_files: ArchiveFiles,
    ) -> None:
        completion, rerun_planner = BatchCompletion(telemetry.metrics), RerunPlanner(abilities, side_effects)
        planner = Planner(abilities, (rerun_planner.not_unasked,))
        self.transitions = Transitions(
            (forget_answers, completion.settle_ended, promote_completed, record_end_events, telemetry.follow),
        )
        self.dispatcher = EmbeddedDispatcher()
        store.on_commit(self.dispatcher.committed)
        self.queue = WorkerQueue(store, self.dispatcher, abilities, market, completion)
        self.analyses = Analyses(
            store,
            self.queue,
            self.dispatcher,
            rerun_planner,
            self.transitions,
            archive_files,
            rerun_enabled=settings.rerun_enabled,
            reruns_per_minute=settings.reruns_per_minute,
            telemetry=telemetry,
        )
        self.waiting_retries = WaitingRetries(store, self.dispatcher, self.transitions)
        self.bulk_reruns = BulkReruns(store, planner, rerun_enabled=settings.rerun_enabled)
        self.batches = Batches(store, self.queue, self.bulk_reruns, completion)
        rerun = Rerun(store.clock, self.dispatcher, rerun_planner, self.transitions)
        self.slices = BulkSlices(planner, rerun, completion)
        self.cancellations = Cancellations(self.transitions, completion)
