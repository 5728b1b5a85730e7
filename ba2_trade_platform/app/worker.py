"""Worker services: the console's own worker, and the tick of a worker of another name (`Platform.tick_of`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ba2_trade_platform.app.analyses import AnalysisServices
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import ExpertCatalog, Prices
from ba2_trade_platform.core.contracts.toolkit import ExpertToolkit
from ba2_trade_platform.core.experts.availability import Abilities
from ba2_trade_platform.core.failures.breaker_states import BreakerPolicy
from ba2_trade_platform.core.observability.telemetry import Telemetry
from ba2_trade_platform.core.worker.claims import WorkerIdentity
from ba2_trade_platform.core.worker.jobs import WorkerEnvironment
from ba2_trade_platform.core.worker.tick import Tick
from ba2_trade_platform.core.worker.worker import ExpertWorker, worker_id
from ba2_trade_platform.market.prices.as_of import PricesAt
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class WorkerServices:
    """The worker, and what makes the tick of a worker of another name: a row remembers which of them worked on it."""

    worker: ExpertWorker
    tick_of: Callable[[str], Tick]


def open_worker(
    settings: Settings,
    store: Store,
    experts: ExpertCatalog,
    abilities: Abilities,
    market: Prices,
    services: AnalysisServices,
    telemetry: Telemetry,
    toolkit: ExpertToolkit,
    version: str,
) -> WorkerServices:
    """Put the worker together; it is not started yet."""
    environment = {"version": version, "prices": market.name}

    def tick_of(name: str) -> Tick:
        return Tick(
            store,
            WorkerIdentity(name, environment, market.clock.now, abilities),
            settings.max_rescues,
            services.slices,
            services.cancellations,
            services.transitions,
            _breaker_policy(settings),
            telemetry,
        )

    worker_environment = WorkerEnvironment(experts, lambda claim: PricesAt(market, claim.as_of), store.clock, toolkit)
    return WorkerServices(ExpertWorker(store, tick_of(worker_id()), worker_environment, settings.stop_seconds), tick_of)


def _breaker_policy(settings: Settings) -> BreakerPolicy:
    return BreakerPolicy(
        settings.breaker_failures,
        settings.breaker_window_seconds,
        settings.breaker_cooldown_seconds,
        settings.breaker_longest_cooldown_seconds,
        settings.breaker_drain_per_minute,
    )
