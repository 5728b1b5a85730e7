"""Worker services: the console's own worker, its trials, and the tick of another worker (`Platform.tick_of`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ba2_trade_platform.app.analyses import AnalysisServices
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import ExpertCatalog, Prices
from ba2_trade_platform.core.contracts.toolkit import ExpertToolkit
from ba2_trade_platform.core.experts.availability import Abilities
from ba2_trade_platform.core.experts.instances import ExpertInstances
from ba2_trade_platform.core.failures.breaker_states import BreakerPolicy
from ba2_trade_platform.core.models.trial_calls import TrialCalls
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.core.worker.claims import WorkerIdentity
from ba2_trade_platform.core.worker.jobs import WorkerEnvironment
from ba2_trade_platform.core.worker.tick import Tick
from ba2_trade_platform.core.worker.trials import Trials
from ba2_trade_platform.core.worker.worker import ExpertWorker, worker_id
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.settings import Settings


def work_environment(store: Store, experts: ExpertCatalog, market: Prices, toolkit: ExpertToolkit) -> WorkerEnvironment:
    """Return what experts are given to work with, queued or tried."""
    return WorkerEnvironment(experts, partial(PricesAt, market), store.clock, toolkit)


def open_trials(
    settings: Settings,
    store: Store,
    instances: ExpertInstances,
    abilities: Abilities,
    market: Prices,
    environment: WorkerEnvironment,
) -> Trials:
    """Return the trials of settings that are not saved; none is begun yet."""
    folder, calls = settings.data_dir / "trials", TrialCalls(store)
    return Trials(instances, abilities, environment, market.clock.now, calls, folder, store.check_permission)


def open_worker(
    settings: Settings,
    store: Store,
    abilities: Abilities,
    market: Prices,
    services: AnalysisServices,
    telemetry: Telemetry,
    work: WorkerEnvironment,
    version: str,
) -> tuple[ExpertWorker, Callable[[str], Tick]]:
    """Return the worker, not started yet, and what makes the tick of a worker of another name.

    A row remembers which of them worked on it.
    """
    environment = {"version": version, "prices": market.name}
    breaker_policy = BreakerPolicy(
        settings.breaker_failures,
        settings.breaker_window_seconds,
        settings.breaker_cooldown_seconds,
        settings.breaker_longest_cooldown_seconds,
        settings.breaker_drain_per_minute,
    )

    def tick_of(name: str) -> Tick:
        return Tick(
            store,
            WorkerIdentity(name, environment, market.clock.now, abilities),
            settings.max_rescues,
            services.slices,
            services.cancellations,
            services.transitions,
            breaker_policy,
            telemetry,
        )

    return ExpertWorker(store, tick_of(worker_id()), work, settings.stop_seconds), tick_of
