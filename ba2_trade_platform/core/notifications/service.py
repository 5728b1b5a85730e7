"""Notification services: builds channels, rules, messages, dispatcher and alerts around one store."""

from __future__ import annotations

from dataclasses import dataclass

from ba2_trade_platform.core.base.background_jobs import BackgroundJobs
from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.base.store import Store
from ba2_trade_platform.core.notifications.alerts import Alerts
from ba2_trade_platform.core.notifications.channels import Channels
from ba2_trade_platform.core.notifications.dispatcher import SECONDS, NotificationDispatcher
from ba2_trade_platform.core.notifications.messages import Messages
from ba2_trade_platform.core.notifications.rules import Rules
from ba2_trade_platform.core.notifications.sender import AppriseSender, Sender

PER_HOUR = 30
FORGET_SECONDS = 6 * 3600.0


@dataclass(frozen=True)
class Notifications:
    """Channels, rules, messages, who sends them, and the alerts that stay on the page."""

    channels: Channels
    rules: Rules
    messages: Messages
    dispatcher: NotificationDispatcher
    alerts: Alerts

    def run_by(self, jobs: BackgroundJobs) -> None:
        """Have what is due sent by these jobs."""
        jobs.every(SECONDS, "notify", self.dispatcher.run)
        jobs.every(FORGET_SECONDS, "forget notifications", self.dispatcher.forget_old, first_seconds=60)


def open_notifications(
    store: Store, box: SecretBox, zone: str, base_url: str, *, sender: Sender | None = None, per_hour: int = PER_HOUR
) -> Notifications:
    """Put the services together; nothing is imported, read or sent yet.

    `zone` is that of new channels; links in messages lead to `base_url`.
    """
    channels = Channels(store, box, sender or AppriseSender(), zone)
    return Notifications(
        channels,
        Rules(store),
        Messages(store),
        NotificationDispatcher(store, channels, base_url, per_hour),
        Alerts(store),
    )
