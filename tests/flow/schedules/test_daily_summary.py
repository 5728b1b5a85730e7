"""The daily summary: once a day, at the time the trader has set, also across restarts and outages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select

from ba2_trade_platform.core.base.clocks import SystemClock
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.core.schedules.daily_summary import DailySummary, describe
from ba2_trade_platform.core.schedules.run_records import DaySummary
from ba2_trade_platform.core.schedules.runs import ScheduleRuns
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.vocabulary import ScheduleClock
from tests.platforms import TRADER
from tests.stepped import Desk, make_desk

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk at 10:00 in Berlin on Monday, 2 March 2026."""
    return make_desk(tmp_path)


def summary_of(desk: Desk) -> DailySummary:
    """Return the summary as a console puts it together at its start."""
    clocks = {clock: SystemClock() for clock in ScheduleClock}
    runs = ScheduleRuns(desk.store, ExchangeCalendars(), clocks, BERLIN)
    return DailySummary(desk.store, runs, desk.platform.app_settings, BERLIN)


def somebody_wants_it(desk: Desk) -> None:
    """Give the desk a channel with a rule for the daily summary."""
    now = desk.clock.now()
    with desk.store.write() as transaction:
        channel = {"name": "mail", "enabled": True, "url": b"", "hint": "mail", "zone": "UTC", "created_at": now}
        transaction.session.execute(insert(t.notification_channel).values(**channel, updated_at=now, version=1))
        rule = {"channel_id": 1, "event": EventType.DAILY_SUMMARY.value, "enabled": True, "urgent": False}
        transaction.session.execute(
            insert(t.notification_rule).values(**rule, group_seconds=0, created_at=now, version=1)
        )


def told(desk: Desk) -> list[Any]:
    """Return what was announced."""
    with desk.store.read() as session:
        return [row.facts for row in session.execute(select(t.notice).order_by(t.notice.c.id))]


def test_a_day_is_told_once_at_its_time_whoever_asks_and_however_often(desk: Desk) -> None:
    somebody_wants_it(desk)
    summary_of(desk).tell_when_due()  # a new desk begins with its next day
    assert told(desk) == []
    desk.clock.advance(8 * HOUR - 1)
    summary_of(desk).tell_when_due()
    assert told(desk) == []
    desk.clock.advance(1)
    for _ in range(3):
        summary_of(desk).tell_when_due()
    (facts,) = told(desk)
    assert facts["sentence"] == "Mon 02 Mar: 0 planned, 0 done"
    assert facts["link"] == "/schedules?tab=runs&day=2026-03-02"


def test_a_console_that_was_down_tells_the_newest_day_when_it_is_back(desk: Desk) -> None:
    somebody_wants_it(desk)
    summary_of(desk).tell_when_due()
    desk.clock.advance(3 * 24 * HOUR)  # Thursday, 10:00
    summary_of(desk).tell_when_due()
    assert [facts["sentence"][:10] for facts in told(desk)] == ["Wed 04 Mar"]


def test_its_time_is_changed_and_a_day_that_was_told_is_not_told_again(desk: Desk) -> None:
    somebody_wants_it(desk)
    summary = summary_of(desk)
    summary.tell_when_due()
    desk.clock.advance(9 * HOUR)
    summary.tell_when_due()
    assert summary.set_time("21:30", by=TRADER) == "21:30"
    desk.clock.advance(3 * HOUR)
    summary.tell_when_due()
    assert len(told(desk)) == 1
    with pytest.raises(Invalid, match="25:00 is no time of day; write it as 18:00"):
        summary.set_time("25:00", by=TRADER)


def test_nobody_is_told_when_nobody_wants_it(desk: Desk) -> None:
    summary = summary_of(desk)
    summary.tell_when_due()
    desk.clock.advance(9 * HOUR)
    summary.tell_when_due()
    assert told(desk) == []


def test_a_day_in_words_names_what_was_not_as_it_should_be() -> None:
    day = datetime(2026, 3, 2, tzinfo=UTC).date()
    counts = {"planned": 1200, "done": 1190, "late": 4, "partly_failed": 1, "failed": 0, "missed": 3, "skipped": 0}
    summary = DaySummary(day=day, **counts, running=0, ahead=2)
    said = "Mon 02 Mar: 1,200 planned, 1,190 done, 4 late, 1 partly failed, 3 missed, 2 to come"
    assert describe(summary) == said
