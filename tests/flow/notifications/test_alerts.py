"""Alerts: analyses that wait for long, the reason why, and their acknowledgement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert, resolve_alert
from ba2_trade_platform.core.notifications.alerts import Alerts
from ba2_trade_platform.core.notifications.stuck_queue_alerts import WaitingAlerts
from ba2_trade_platform.db import tables as t
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk

HOUR = 3600
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with two slots whose clock stands at 10:00 in Berlin."""
    return make_desk(tmp_path, slots=2)


@pytest.fixture
def alerts(desk: Desk) -> Alerts:
    return desk.platform.notifications.alerts


@pytest.fixture
def look(desk: Desk, alerts: Alerts) -> Callable[[], list[str]]:
    """Looks for long waits and returns what stands on every page."""
    waiting = WaitingAlerts(desk.store, 60, BERLIN)

    def look_once() -> list[str]:
        waiting.check()
        return [alert.sentence for alert in alerts.history(acknowledged=False).items]

    return look_once


def test_a_paused_queue_is_told_after_an_hour_and_not_before(desk: Desk, look: Callable[[], list[str]]) -> None:
    expert = desk.expert()
    desk.queue.pause(by=TRADER, reason="broker maintenance")
    for symbol in ("AAPL", "MSFT"):
        desk.submit(expert, symbol)
    desk.clock.advance(HOUR - 1)
    assert look() == []
    desk.clock.advance(1)
    sentence = (
        "2 analyses have waited for more than 1 h: "
        "the queue is paused by trader since 2026-03-02 10:00 (broker maintenance)"
    )
    assert look() == [sentence]
    assert look() == [sentence]


def test_an_alert_ends_by_itself_and_stays_until_it_is_acknowledged(
    desk: Desk, alerts: Alerts, look: Callable[[], list[str]]
) -> None:
    analysis = desk.submit(desk.expert())
    desk.queue.pause(by=TRADER)
    desk.clock.advance(HOUR)
    look()
    desk.queue.resume(by=TRADER)
    worker = desk.worker()
    worker.succeed(worker.claim(analysis))
    assert len(look()) == 1
    (alert,) = alerts.history(acknowledged=False).items
    assert alert.ended_at == desk.clock.now()
    alerts.acknowledge([alert.id], by=TRADER, reason="seen")
    assert alerts.history(acknowledged=False).items == ()
    (kept,) = alerts.history().items
    assert (kept.acknowledged_by, kept.acknowledge_reason) == ("trader", "seen")


def test_what_was_acknowledged_is_not_told_again_until_it_has_ended(
    desk: Desk, alerts: Alerts, look: Callable[[], list[str]]
) -> None:
    analysis, later = desk.submit(desk.expert()), desk.submit(1, "MSFT")
    desk.queue.pause(by=TRADER)
    desk.clock.advance(HOUR)
    look()
    alerts.acknowledge([alert.id for alert in alerts.history(acknowledged=False).items], by=TRADER)
    desk.clock.advance(60)
    assert look() == []
    desk.analyses.cancel(later, by=TRADER)
    assert look() == []  # another number of the same is no news either
    desk.analyses.cancel(analysis, by=TRADER)
    assert look() == []
    desk.submit(1)
    desk.clock.advance(HOUR)
    assert len(look()) == 1


def test_each_cause_is_one_alert(desk: Desk, look: Callable[[], list[str]]) -> None:
    limited = desk.expert(alias="Limited", max_concurrent=1)
    resting = desk.expert(alias="Resting", max_concurrent=1)
    running = [desk.submit(limited, "AAPL"), desk.submit(resting, "AAPL")]
    worker = desk.worker()
    worker.tick()
    assert set(worker.leased) == set(running)
    for symbol in ("MSFT", "INTC", "AMD"):
        desk.submit(limited, symbol)
    paused = desk.queue.submit_batch([resting], ["COST", "GPS"], by=TRADER).batch_id
    with desk.store.write() as transaction:
        held = update(t.analysis).where(t.analysis.c.batch_id == paused).values(held=True)
        transaction.session.execute(held)
    desk.clock.advance(HOUR)
    assert set(look()) == {
        "3 analyses have waited for more than 1 h: expert Limited is at its limit of 1 at once",
        f"2 analyses have waited for more than 1 h: batch {paused} is paused",
    }


def test_busy_slots_and_a_worker_that_stands_still_are_told_apart(desk: Desk, look: Callable[[], list[str]]) -> None:
    first, second = desk.expert(alias="First"), desk.expert(alias="Second")
    desk.submit(second)
    desk.clock.advance(HOUR)
    assert look() == [
        "1 analysis has waited for more than 1 h: "
        "nothing is in their way, but nothing begins; see whether the worker works"
    ]
    for symbol in ("AAPL", "MSFT"):
        desk.submit(first, symbol, priority=0)
    worker = desk.worker()
    worker.tick()
    assert len(worker.leased) == 2
    desk.clock.advance(HOUR)
    assert any("all 2 slots are busy" in sentence for sentence in look())


def test_zero_minutes_tell_nothing(desk: Desk, alerts: Alerts) -> None:
    desk.queue.pause(by=TRADER)
    desk.submit(desk.expert())
    desk.clock.advance(30 * HOUR)
    WaitingAlerts(desk.store, 0, BERLIN).check()
    assert alerts.history(acknowledged=False).items == ()


def test_the_same_thing_is_counted_while_nobody_has_seen_it(desk: Desk, alerts: Alerts) -> None:
    alert_event = AlertEvent(
        "watchdog", "watchdog:clockwork", "The scheduler stood still and was started again", "/health"
    )
    for _ in range(3):
        with desk.store.write() as transaction:
            raise_alert(transaction, alert_event, desk.clock.advance(60))
    (alert,) = alerts.history(acknowledged=False).items
    assert alert.seen == 3
    assert (alerts.unacknowledged().count, alerts.unacknowledged().newest) == (1, alert)
    with desk.store.write() as transaction:
        resolve_alert(transaction, alert_event.key, desk.clock.advance(60))
    assert alerts.history(acknowledged=False).items[0].ended_at == desk.clock.now()


def test_history_goes_page_by_page_and_an_unknown_alert_is_refused(desk: Desk, alerts: Alerts) -> None:
    with desk.store.write() as transaction:
        for number in range(5):
            raise_alert(transaction, AlertEvent("test", f"test:{number}", f"Number {number}"), desk.clock.now())
    first = alerts.history(limit=3)
    rest = alerts.history(cursor=first.next_cursor, limit=3)
    assert [alert.sentence[-1] for alert in (*first.items, *rest.items)] == list("43210")
    assert rest.next_cursor is None
    with pytest.raises(NotFound, match="Alert 99 not found"):
        alerts.acknowledge([1, 99], by=TRADER)
    assert alerts.unacknowledged().count == 5
