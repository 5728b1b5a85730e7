"""Alert events: told once until acknowledged; notices are written only for an alert that is waited for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert, resolve_alert
from ba2_trade_platform.core.events.outbox import EventType, OutboxEvent, record_events
from tests.platforms import make_platform
from tests.sql import ask, change, file_of

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FULL = AlertEvent("disk", "disk:data", "The disk is nearly full", "/health")
CHANNEL = (
    "INSERT INTO notification_channel (id, name, enabled, url, hint, zone, created_at, updated_at, version)"
    " VALUES (1, 'Desk', {0}, x'00', 'json', 'UTC', '2026-11-20', '2026-11-20', 1)"
)
RULE = (
    "INSERT INTO notification_rule (channel_id, event, enabled, urgent, group_seconds, created_at, version)"
    " VALUES (1, '{0}', 1, 0, 60, '2026-11-20', 1)"
)


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Platform]:
    made = make_platform(tmp_path)
    yield made
    made.stop()


def sound(console: Platform, alert_event: AlertEvent, at: datetime = NOW) -> bool:
    """Raise an alarm and commit."""
    with console.store.write() as transaction:
        return raise_alert(transaction, alert_event, at)


def tell(console: Platform, *occasions: EventType) -> int:
    """Announce one of each and commit."""
    with console.store.write() as transaction:
        return record_events(
            transaction.session, [OutboxEvent(each, "it", NOW, {"sentence": "So"}) for each in occasions]
        )


def test_the_same_thing_is_counted_and_not_told_again(console: Platform) -> None:
    assert sound(console, FULL)
    assert not sound(console, AlertEvent("disk", "disk:data", "The disk is full"), NOW + timedelta(minutes=5))
    assert ask(file_of(console), "SELECT sentence, seen, last_at > first_at FROM alert") == [("The disk is full", 2, 1)]


def test_what_was_acknowledged_is_told_anew_when_it_comes_back(console: Platform) -> None:
    sound(console, FULL)
    change(file_of(console), "UPDATE alert SET acknowledged_at = '2026-11-20 09:30:00'")
    assert sound(console, FULL)
    assert ask(file_of(console), "SELECT seen, acknowledged_at IS NULL FROM alert ORDER BY id") == [(1, 0), (1, 1)]


def test_what_has_ended_stays_until_it_is_acknowledged_and_may_begin_again(console: Platform) -> None:
    sound(console, FULL)
    with console.store.write() as transaction:
        resolve_alert(transaction, FULL.key, NOW)
        resolve_alert(transaction, "never raised", NOW)
    assert ask(file_of(console), "SELECT ended_at IS NULL, acknowledged_at IS NULL FROM alert") == [(0, 1)]
    sound(console, FULL, NOW + timedelta(minutes=1))
    assert ask(file_of(console), "SELECT ended_at IS NULL, seen FROM alert") == [(1, 2)]


def test_nothing_is_written_that_no_rule_waits_for(console: Platform) -> None:
    assert tell(console, EventType.FAILED, EventType.CONFIDENT) == 0
    change(file_of(console), CHANNEL.format(1))
    change(file_of(console), RULE.format("failed"))
    assert tell(console, EventType.FAILED, EventType.CONFIDENT) == 1
    assert ask(file_of(console), "SELECT event, subject FROM notice") == [("failed", "it")]


def test_a_channel_that_is_switched_off_waits_for_nothing(console: Platform) -> None:
    change(file_of(console), CHANNEL.format(0))
    change(file_of(console), RULE.format("failed"))
    assert tell(console, EventType.FAILED) == 0


def test_a_new_alarm_is_announced_once(console: Platform) -> None:
    change(file_of(console), CHANNEL.format(1))
    change(file_of(console), RULE.format("alert"))
    sound(console, FULL)
    sound(console, FULL)
    assert ask(file_of(console), "SELECT event, subject FROM notice") == [("alert", "disk:data")]
