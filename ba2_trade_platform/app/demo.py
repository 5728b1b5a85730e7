"""Demo services: builds the demo desk and the replay of its market."""

from __future__ import annotations

from contextlib import suppress

from ba2_trade_platform.app.analyses import AnalysisServices
from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.errors import Unavailable
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.contracts.experts import Prices
from ba2_trade_platform.core.experts.instances import ExpertInstances
from ba2_trade_platform.core.instruments.watchlists import Watchlists
from ba2_trade_platform.core.schedules.service import Schedules
from ba2_trade_platform.demo.demo import DemoDesk
from ba2_trade_platform.demo.replay import SAVE_SECONDS, Replay
from ba2_trade_platform.demo.replay_clock import ReplayClock


class DemoServices:
    """What there is for practising; the replay's place is kept now and then."""

    def __init__(
        self,
        store: Store,
        services: AnalysisServices,
        experts: ExpertInstances,
        watchlists: Watchlists,
        schedules: Schedules,
        market: Prices,
        jobs: BackgroundJobs,
    ) -> None:
        self.desk = DemoDesk(store, experts, services.queue, services.analyses, watchlists, market, schedules)
        self.replay = Replay(store, walking_clock(market))
        jobs.every(SAVE_SECONDS, "keep the replay's place", self.replay.save)

    def save_replay(self) -> None:
        """Keep the replay's place as the console stops."""
        with suppress(Unavailable):  # the next start goes on where the replay was last kept
            self.replay.save()


def walking_clock(market: Prices) -> ReplayClock | None:
    """Return the market's clock when it is one that can walk, as the demo market's."""
    return market.clock if isinstance(market.clock, ReplayClock) else None
