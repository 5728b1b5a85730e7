"""Puts together what lets a desk run by itself: schedules, batches, alerts, notifications, backups."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.clockwork import Clockwork
from ba2_trade_platform.core.notifications.service import Notifications, open_notifications
from ba2_trade_platform.core.secret_box import SecretBox
from ba2_trade_platform.core.store import Store
from ba2_trade_platform.settings import Settings


@dataclass(frozen=True)
class Operations:
    """The services that work without anybody watching; the platform shows each under its own name."""

    clockwork: Clockwork
    notifications: Notifications

    def start(self) -> None:
        """Begin to work; the database is owned."""
        self.clockwork.start()

    def stop(self) -> None:
        """Begin nothing any more."""
        self.clockwork.stop()


def open_operations(settings: Settings, store: Store) -> Operations:
    """Put the services together; nothing is started or asked yet."""
    clockwork, box = Clockwork(), SecretBox(settings.data_dir / "secret.key")
    notifications = open_notifications(
        store, box, settings.zone.key, settings.page_url, per_hour=settings.notifications_per_hour
    )
    notifications.work_by(clockwork)
    return Operations(clockwork=clockwork, notifications=notifications)
