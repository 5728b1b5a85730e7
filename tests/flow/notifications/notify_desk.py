"""Notify desk: a stepped desk that notifies a webhook on this machine, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ba2_trade_platform.core.base.encryption import SecretBox
from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events
from ba2_trade_platform.core.notifications.channels import Channel
from ba2_trade_platform.core.notifications.messages import Message
from ba2_trade_platform.core.notifications.sender import AppriseSender
from ba2_trade_platform.core.notifications.service import Notifications, open_notifications
from tests.fakes.hook_server import HookServer
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk

BASE = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class NotifyDesk:
    """The desk, its notifications, and the webhook that they go to."""

    desk: Desk
    notifications: Notifications
    hooks: HookServer

    def channel(
        self,
        name: str = "Hook",
        path: str = "hook",
        occasions: Sequence[EventType] = (EventType.FAILED,),
        **values: Any,
    ) -> Channel:
        """Add a channel to the webhook, in UTC unless told otherwise."""
        url = values.pop("url", self.hooks.url(path))
        return self.notifications.channels.create(
            name, url, by=TRADER, occasions=occasions, **{"zone": "UTC", **values}
        )

    def group(self, seconds: int) -> None:
        """Have every rule gather for this long."""
        for rule in self.notifications.rules.list():
            self.notifications.rules.change(rule.id, by=TRADER, group_seconds=seconds)

    def happens(self, occasion: EventType, subject: str, **facts: Any) -> None:
        """Announce one event, as whoever sees it happen does."""
        now = self.desk.clock.now()
        with self.desk.store.write() as transaction:
            record_events(
                transaction.session, [OutboxEvent(occasion, subject, now, {"sentence": f"About {subject}", **facts})]
            )

    def fail(self, symbols: Sequence[str], **failure: Any) -> None:
        """Have an analysis of each of these symbols fail, several a tick."""
        instance = next(iter(self.desk.platform.experts.list()), None)
        expert = instance.id if instance else self.desk.expert(alias="Busy provider")
        worker = self.desk.worker()
        for symbol in symbols:
            worker.fail(worker.claim(self.desk.submit(expert, symbol)), **failure)

    def passes(self, seconds: float = 0) -> int:
        """Let time pass and the notifier work; return how many messages went out."""
        self.desk.clock.advance(seconds)
        self.notifications.dispatcher.group_events()
        return self.notifications.dispatcher.send_due()

    @property
    def messages(self) -> list[Message]:
        """All messages, the newest first."""
        return self.notifications.messages.list()


def notify_desk(folder: Path, hooks: HookServer, *, seconds: float | None = None, **settings: Any) -> NotifyDesk:
    """Return a desk without channels; `seconds` is a time-out that its sender is given in place of its own."""
    desk = make_desk(folder, timezone="UTC", **settings)
    if seconds is None:
        return NotifyDesk(desk, desk.platform.notifications, hooks)
    box = SecretBox(folder / "secret.key")
    hurried = open_notifications(desk.store, box, "UTC", BASE, sender=AppriseSender(seconds))
    return NotifyDesk(desk, hurried, hooks)
