"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.contracts import Prices
from ba2_trade_platform.core.lists import Lists, open_lists
from ba2_trade_platform.core.store import Store


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    lists: Lists

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.clockwork.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.clockwork.stop()


def open_operations(store: Store, prices: Prices) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    return Operations(clockwork=Clockwork(), lists=open_lists(store, prices))
