"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.alerts import Alerts
from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.core.waiting_alerts import CHECK_SECONDS, WaitingAlerts
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    alerts: Alerts
    waiting: WaitingAlerts

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.clockwork.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.clockwork.stop()


def open_operations(settings: Settings, store: Store) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    clockwork = Clockwork()
    waiting = WaitingAlerts(store, settings.pending_alert_minutes, settings.zone)
    if settings.pending_alert_minutes:
        clockwork.every(CHECK_SECONDS, "long waits", waiting.check)
    return Operations(clockwork=clockwork, alerts=Alerts(store), waiting=waiting)
