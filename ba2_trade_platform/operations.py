"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.contracts import Prices
from ba2_trade_platform.core.desk_clock import DeskClock, RealClock
from ba2_trade_platform.core.errors import Unavailable
from ba2_trade_platform.core.replay import SAVE_SECONDS, Replay
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.core.symbol_maps import SymbolMaps
from ba2_trade_platform.db.enums import ScheduleClock
from ba2_trade_platform.market.demo_market import STANDS_AT
from ba2_trade_platform.market.replay import ReplayClock


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    clocks: Mapping[ScheduleClock, DeskClock]
    replay: Replay
    symbol_maps: SymbolMaps

    def own(self) -> None:
        """Go on where the console was when it went down; only for one that has just taken the database."""
        self.replay.restore()

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.clockwork.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.clockwork.stop()
        with suppress(Unavailable):  # the next start goes on where the replay was last kept
            self.replay.save()


def open_operations(store: Store, market: Prices, symbol_maps: SymbolMaps) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    clockwork = Clockwork()
    walking = market.clock if isinstance(market.clock, ReplayClock) else None
    replay = Replay(store, walking)
    clockwork.every(SAVE_SECONDS, "keep the replay's place", replay.save)
    return Operations(
        clockwork=clockwork,
        clocks={ScheduleClock.REAL: RealClock(), ScheduleClock.REPLAY: walking or ReplayClock(STANDS_AT)},
        replay=replay,
        symbol_maps=symbol_maps,
    )
