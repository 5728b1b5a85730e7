"""Notification services: builds channels, rules, messages, dispatcher and alerts around one store."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.base.background_jobs import Clockwork
from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.base.transactions import Store
from ba2_trade_platform.core.notifications.alerts import Alerts
from ba2_trade_platform.core.notifications.channels import Channels
from ba2_trade_platform.core.notifications.dispatcher import SECONDS, Notifier
from ba2_trade_platform.core.notifications.messages import Outbox
from ba2_trade_platform.core.notifications.rules import Rules
from ba2_trade_platform.core.notifications.sender import AppriseSender, Sender

PER_HOUR = 30
FORGET_SECONDS = 6 * 3600.0


@dataclass(frozen=True)
class Notifications:
    """Channels, rules, messages, who sends them, and the alerts that stay on the page."""

    channels: Channels
    rules: Rules
    outbox: Outbox
    notifier: Notifier
    alerts: Alerts

    def work_by(self, clockwork: Clockwork) -> None:
        """Have the clockwork send what is due."""
        clockwork.every(SECONDS, "notify", self.notifier.run)
        clockwork.every(FORGET_SECONDS, "forget notifications", self.notifier.forget_old, first_seconds=60)

    def stop(self) -> None:
        """Send nothing any more."""
        self.notifier.stop()


def open_notifications(
    store: Store, box: SecretBox, zone: str, base_url: str, *, sender: Sender | None = None, per_hour: int = PER_HOUR
) -> Notifications:
    """Put the services together; nothing is imported, read or sent yet.

    `zone` is that of new channels; links in messages lead to `base_url`.
    """
    channels = Channels(store, box, sender or AppriseSender(), zone)
    return Notifications(
        channels, Rules(store), Outbox(store), Notifier(store, channels, base_url, per_hour), Alerts(store)
    )
