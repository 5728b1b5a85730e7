"""Topics: a commit is heard by those it concerns, and the worker wakes only when there is work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert
from ba2_trade_platform.core.operations.attention import AttentionSource
from ba2_trade_platform.ui.jobs.view import TOPICS as MONITOR
from ba2_trade_platform.ui.kit.shell_status import SHOWN_TOPICS, read_shell_status
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk


class Woken:
    """Counts how often it is told to look for work."""

    def __init__(self) -> None:
        self.times = 0

    def committed(self) -> None:
        """Look for work."""
        self.times += 1


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk."""
    made = make_desk(tmp_path)
    yield made
    made.close()


@pytest.fixture
def heard(desk: Desk) -> list[Change]:
    """What the feed says from now on."""
    changes: list[Change] = []
    desk.platform.store.feed.subscribe(changes.append)
    return changes


@pytest.fixture
def woken(desk: Desk) -> Woken:
    """Who is woken from now on."""
    listener = Woken()
    desk.platform.store.on_commit(listener.committed)
    return listener


def test_moving_a_symbol_concerns_no_job_and_no_worker(desk: Desk, heard: list[Change], woken: Woken) -> None:
    lists = desk.platform.instruments.watchlists
    made = lists.create("Mine", by=TRADER)
    lists.add_symbols(made.id, ["AAPL", "MSFT"], by=TRADER, unknown=True)
    heard.clear()
    lists.reorder(made.id, ["MSFT"], 1, by=TRADER)
    (change,) = heard
    assert change.topics == {Topic.WATCHLISTS}
    assert not change.of(MONITOR)
    assert not change.of(SHOWN_TOPICS)
    assert woken.times == 0


def test_only_work_wakes_the_worker(desk: Desk, woken: Woken) -> None:
    expert = desk.expert()
    woken.times = 0
    analysis_id = desk.submit(expert)
    assert woken.times == 1
    desk.submit(expert)  # it is under way already
    assert woken.times == 1
    desk.queue.pause(by=TRADER)
    desk.queue.resume(by=TRADER)
    assert woken.times == 3
    desk.analyses.cancel(analysis_id, by=TRADER)
    assert woken.times == 4
    desk.platform.breakers.open("openai", by=TRADER, reason="maintenance")
    assert woken.times == 4
    desk.platform.breakers.close("openai", by=TRADER, reason="over")
    assert woken.times == 5


def test_a_tick_with_nothing_to_do_asks_that_once(desk: Desk) -> None:
    worker, asked = desk.worker(), list[str]()
    worker.tick()

    def ask(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(desk.platform.store.engine, "before_cursor_execute", ask)
    worker.tick()
    # Which chores have anything to do, which providers are held back, and which experts have room.
    assert [statement.split(maxsplit=1)[0] for statement in asked] == ["BEGIN", "SELECT", "SELECT", "SELECT"]
    event.remove(desk.platform.store.engine, "before_cursor_execute", ask)


def test_what_changes_nothing_says_nothing(desk: Desk, heard: list[Change], woken: Woken) -> None:
    made = desk.platform.instruments.watchlists.create("Mine", by=TRADER)
    heard.clear()
    desk.platform.instruments.watchlists.rename(made.id, "Mine", by=TRADER)
    assert desk.platform.instruments.watchlists.remove(made.id, ["AAPL"], by=TRADER).places == ()
    assert heard == []
    assert woken.times == 0


def test_an_acknowledged_alert_has_each_shell_read_one_number(desk: Desk, heard: list[Change]) -> None:
    platform = desk.platform
    with platform.store.write() as transaction:
        alert_of(transaction, platform.store.clock.now())
    before = read_shell_status(platform, frozenset(Topic), None)
    (alert,) = platform.notifications.alerts.history().items
    heard.clear()
    platform.notifications.alerts.acknowledge([alert.id], by=TRADER)
    (change,) = heard
    assert change.topics == {Topic.ALERTS}
    statements: list[str] = []
    event.listen(platform.store.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    after = read_shell_status(platform, change.topics, before)
    assert len([statement for statement in statements if statement != "BEGIN"]) == 1
    assert (before.waiting(AttentionSource.ALERTS), after.waiting(AttentionSource.ALERTS)) == (1, 0)
    assert after == read_shell_status(platform, frozenset(Topic), None)


def alert_of(transaction: Transaction, now: object) -> None:
    """Raise an alert."""
    raise_alert(transaction, AlertEvent("test", "test", "Look here"), now)  # type: ignore[arg-type]  # the clock's own
