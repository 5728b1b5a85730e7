"""Schedules at the end of their calendar: warned before, one row when no time can be computed, and on they go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.core.contracts.exchanges import OwnDays
from ba2_trade_platform.core.operations.health_report import State
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.vocabulary import Misfire, OwnDaysKind, RunState
from tests.flow.schedules.schedule_desk import ScheduleDesk, schedule_desk
from tests.platforms import TRADER
from tests.sql import ask, change, one

SESSION = {"kind": "session", "offsets": [{"anchor": "open", "minutes": 15}]}
TIMES = {"kind": "times", "days": [0, 1, 2, 3, 4], "times": ["16:00"]}
ENDS = "The XBOM calendar ends on 2026-12-31"
EXTRA, CLOSED = OwnDaysKind.EXTRA_SESSION, OwnDaysKind.CLOSED_DAY


@pytest.fixture
def sched(tmp_path: Path) -> ScheduleDesk:
    """A desk on the last but one day of 2026, noon in London."""
    sched = schedule_desk(tmp_path)
    put(sched, datetime(2026, 12, 30, 12, tzinfo=UTC))
    return sched


def put(sched: ScheduleDesk, instant: datetime) -> None:
    sched.clock.advance((instant - sched.clock.now()).total_seconds())
    sched.scheduling.uptime.beat()


def mumbai(sched: ScheduleDesk, **wanted: Any) -> int:
    given: dict[str, Any] = {"timing": SESSION, "zone": "Asia/Kolkata", "calendar": "XBOM", **wanted}
    return sched.schedule("Mumbai", **given).id


def days(kind: OwnDaysKind, first: date, last: date | None = None) -> OwnDays:
    return OwnDays("XBOM", kind, first, last or first)


@pytest.mark.parametrize("timing", [SESSION, TIMES])
@pytest.mark.parametrize("misfire", list(Misfire))
def test_a_time_that_cannot_be_computed_leaves_one_row_and_no_more(
    sched: ScheduleDesk, timing: dict[str, Any], misfire: Misfire
) -> None:
    schedule = mumbai(sched, timing=timing, misfire=misfire)
    for number in range(40):
        put(sched, datetime(2026, 12, 30, 12, tzinfo=UTC) + timedelta(hours=12 * number))
        sched.come_to_it()
        sched.scheduling.calendar_watch.look()
    untold = [run for run in sched.listed() if run.reason and ENDS in run.reason]
    assert [run.planned_at.date() for run in untold] == [date(2027, 1, 1)]
    assert [run.state for run in untold] == [RunState.MISSED]
    assert sched.listed()[0].planned_at.date() == date(2026, 12, 31)
    assert sched.scheduling.service.get(schedule).next_at is None
    assert sched.scheduling.runs.unacknowledged() >= 1


def test_a_console_that_was_away_over_the_end_settles_what_it_knows_first(sched: ScheduleDesk) -> None:
    mumbai(sched)
    put(sched, datetime(2027, 1, 20, tzinfo=UTC))
    known, unknown = sched.come_to_it()
    assert (known.planned_at.date(), known.trigger.value) == (date(2026, 12, 31), "catch_up")
    assert (unknown.state, unknown.planned_at.date()) == (RunState.MISSED, date(2027, 1, 1))


def test_a_schedule_goes_on_by_itself_once_the_days_are_there(sched: ScheduleDesk) -> None:
    schedule = mumbai(sched)
    watch, calendar_days = sched.scheduling.calendar_watch, sched.desk.platform.instruments.calendar_days
    watch.look()
    put(sched, datetime(2027, 1, 5, tzinfo=UTC))
    sched.come_to_it()
    watch.look()
    assert sched.scheduling.service.get(schedule).next_at is None
    calendar_days.add(days(EXTRA, date(2027, 1, 1), date(2027, 6, 30)), by=TRADER)
    watch.look()
    assert sched.scheduling.service.get(schedule).next_at == datetime(2027, 1, 5, 4, tzinfo=UTC)
    put(sched, datetime(2027, 1, 5, 4, tzinfo=UTC))
    assert sched.come_to_it()[-1].planned_at == datetime(2027, 1, 5, 4, tzinfo=UTC)


def test_it_goes_on_after_a_restart_with_a_calendar_that_knows_more(sched: ScheduleDesk, tmp_path: Path) -> None:
    schedule = mumbai(sched)
    put(sched, datetime(2027, 1, 5, tzinfo=UTC))
    sched.come_to_it()
    (tmp_path / "calendar_days.csv").write_text("calendar,kind,first,last\nXBOM,extra_session,2027-01-01,2027-03-31\n")
    sched.desk.die()
    later = schedule_desk(tmp_path)
    put(later, datetime(2027, 1, 5, 12, tzinfo=UTC))
    later.scheduling.calendar_watch.look()
    assert later.scheduling.service.get(schedule).next_at == datetime(2027, 1, 6, 4, tzinfo=UTC)


def test_an_extra_session_is_planned_and_a_closed_day_leaves_a_skipped_row(sched: ScheduleDesk) -> None:
    put(sched, datetime(2026, 1, 30, 12, tzinfo=UTC))
    schedule = mumbai(sched)
    watch, calendar_days = sched.scheduling.calendar_watch, sched.desk.platform.instruments.calendar_days
    assert sched.scheduling.service.get(schedule).next_at == datetime(2026, 2, 2, 4, tzinfo=UTC)
    calendar_days.add(days(EXTRA, date(2026, 2, 1)), by=TRADER)
    calendar_days.add(days(CLOSED, date(2026, 2, 2)), by=TRADER)
    watch.look()
    assert sched.scheduling.service.get(schedule).next_at == datetime(2026, 2, 1, 4, tzinfo=UTC)
    put(sched, datetime(2026, 2, 1, 4, tzinfo=UTC))
    assert [run.planned_at.day for run in sched.come_to_it()] == [1]
    assert sched.scheduling.service.get(schedule).next_at == datetime(2026, 2, 3, 4, tzinfo=UTC)
    calendar_days.add(days(CLOSED, date(2026, 2, 3)), by=TRADER)
    watch.look()
    put(sched, datetime(2026, 2, 3, 4, tzinfo=UTC))
    skipped = sched.come_to_it()[-1]
    assert (skipped.state, skipped.reason) == (
        RunState.SKIPPED,
        "The market is closed: XBOM has no session then",
    )
    assert sched.scheduling.service.get(schedule).next_at == datetime(2026, 2, 4, 4, tzinfo=UTC)


def test_days_that_are_taken_away_again_are_not_guessed(sched: ScheduleDesk) -> None:
    schedule = mumbai(sched)
    calendar_days = sched.desk.platform.instruments.calendar_days
    calendar_days.add(days(EXTRA, date(2027, 1, 1), date(2027, 1, 29)), by=TRADER)
    put(sched, datetime(2027, 1, 5, 12, tzinfo=UTC))
    sched.come_to_it()
    assert sched.scheduling.service.get(schedule).next_at == datetime(2027, 1, 6, 4, tzinfo=UTC)
    calendar_days.remove("XBOM", date(2027, 1, 1), date(2027, 1, 29), by=TRADER)
    put(sched, datetime(2027, 1, 6, 4, tzinfo=UTC))
    last = sched.come_to_it()[-1]
    assert (last.state, last.planned_at) == (RunState.MISSED, datetime(2027, 1, 6, 4, tzinfo=UTC))
    assert ENDS in (last.reason or "")


def draft(sched: ScheduleDesk, **wanted: Any) -> Draft:
    given: dict[str, Any] = {"symbols": ("AAPL",), "calendar": "XBOM", **wanted}
    return Draft("Mumbai", sched.expert, SESSION, "Asia/Kolkata", **given)


def test_a_preview_says_until_when_it_is_computed(sched: ScheduleDesk) -> None:
    preview = sched.scheduling.service.preview(draft(sched))
    assert (len(preview.times), preview.problems) == (1, ())
    assert (preview.ends or "").startswith(ENDS)
    late = sched.scheduling.service.preview(draft(sched, starts_on=date(2027, 1, 29)))
    assert late.times == ()
    assert [problem.startswith(ENDS) for problem in late.problems] == [True]
    over = sched.scheduling.service.preview(draft(sched, ends_on=date(2026, 12, 1)))
    assert (over.problems, over.ends) == (("It never comes again",), None)


def test_the_end_is_told_sixty_days_before_and_no_sooner(sched: ScheduleDesk) -> None:
    service, watch, health = (
        sched.scheduling.service,
        sched.scheduling.calendar_watch,
        sched.desk.platform.operations.health,
    )
    put(sched, datetime(2026, 11, 1, 12, tzinfo=UTC))
    schedule = mumbai(sched)
    watch.look()
    assert (service.get(schedule).warning, one(sched.desk.file, "SELECT COUNT(*) FROM alert")) == (None, 0)
    put(sched, datetime(2026, 11, 2, 12, tzinfo=UTC))
    for _ in range(3):
        watch.look()
    assert (service.get(schedule).warning or "").startswith(ENDS)
    ((sentence, seen),) = ask(sched.desk.file, "SELECT sentence, seen FROM alert WHERE kind = 'calendar'")
    assert sentence.startswith(ENDS)
    assert (sentence.endswith("Schedules that keep to it: Mumbai"), seen) == (True, 1)
    item = {item.key: item for item in health.read().items}["calendars"]
    assert (item.state, item.value) == (State.WARN, "1 end")
    assert item.sentence.startswith(ENDS)


def test_the_alert_stands_until_it_is_mended_and_an_acknowledged_one_is_not_told_again(sched: ScheduleDesk) -> None:
    schedule, watch = mumbai(sched), sched.scheduling.calendar_watch
    watch.look()
    alerts = sched.desk.platform.notifications.alerts
    alerts.acknowledge([alerts.history().items[0].id], by=TRADER)
    for _ in range(3):
        watch.look()
    assert ask(sched.desk.file, "SELECT COUNT(*), COUNT(ended_at) FROM alert") == [(1, 0)]
    sched.desk.platform.instruments.calendar_days.add(days(EXTRA, date(2027, 1, 1), date(2027, 12, 31)), by=TRADER)
    watch.look()
    assert ask(sched.desk.file, "SELECT COUNT(*), COUNT(ended_at) FROM alert") == [(1, 1)]
    assert sched.scheduling.service.get(schedule).warning is None


def test_a_schedule_that_ends_before_its_calendar_is_not_warned(sched: ScheduleDesk) -> None:
    schedule = mumbai(sched, ends_on=date(2026, 12, 31))
    sched.scheduling.calendar_watch.look()
    assert (sched.scheduling.service.get(schedule).warning, one(sched.desk.file, "SELECT COUNT(*) FROM alert")) == (
        None,
        0,
    )


def test_a_calendar_this_console_does_not_know_is_left_to_its_schedule(sched: ScheduleDesk) -> None:
    schedule = mumbai(sched)
    change(sched.desk.file, f"UPDATE schedule SET calendar = 'XNOPE' WHERE id = {schedule}")
    sched.scheduling.calendar_watch.look()
    assert sched.scheduling.service.get(schedule).warning is None
    assert one(sched.desk.file, "SELECT COUNT(*) FROM alert") == 0


def test_a_file_that_cannot_be_used_is_said_in_health(sched: ScheduleDesk, tmp_path: Path) -> None:
    file = tmp_path / "calendar_days.csv"
    file.write_text("calendar,kind,first\nXNYS,holiday,2026-12-24\n")
    sched.scheduling.calendar_watch.look()
    item = {item.key: item for item in sched.desk.platform.operations.health.read().items}["calendars"]
    assert (item.state, item.value) == (State.WARN, "not all readable")
    assert item.sentence == "calendar_days.csv, line 2: kind holiday is neither extra_session nor closed_day"


def test_enabling_it_after_the_end_tells_it_once_more(sched: ScheduleDesk) -> None:
    schedule = mumbai(sched)
    put(sched, datetime(2027, 2, 1, tzinfo=UTC))
    sched.come_to_it()
    sched.scheduling.service.disable(schedule, by=TRADER)
    sched.scheduling.service.enable(schedule, by=TRADER)
    put(sched, datetime(2027, 2, 10, tzinfo=UTC))
    told = [run for run in sched.come_to_it() if ENDS in (run.reason or "")]
    assert [run.planned_at.date() for run in told] == [date(2027, 1, 1), date(2027, 2, 1)]


def test_a_change_of_the_calendar_is_a_way_out(sched: ScheduleDesk) -> None:
    schedule = mumbai(sched)
    put(sched, datetime(2027, 1, 5, tzinfo=UTC))
    sched.come_to_it()
    service = sched.scheduling.service
    known = service.get(schedule)
    changed = service.update(schedule, replace(known.draft(), calendar="XHKG"), version=known.version, by=TRADER)
    assert changed.next_at is not None
    assert changed.warning is None
