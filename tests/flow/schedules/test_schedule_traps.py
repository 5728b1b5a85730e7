"""Schedule traps: a change in the wrong moment, a clock set wrong, one bad row; none may lose a planned time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.schedules.due_runs import RunStarter
from ba2_trade_platform.core.schedules.run_records import RunFilter
from ba2_trade_platform.core.schedules.scheduler import Scheduler
from ba2_trade_platform.core.schedules.service import Schedules
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.vocabulary import Misfire, RunState, ScheduleClock
from tests.flow.schedules.schedule_desk import ScheduleDesk, schedule_desk
from tests.platforms import TRADER
from tests.sql import change, one


@pytest.fixture
def sched(tmp_path: Path) -> ScheduleDesk:
    """A desk whose console has just started, on a Monday at ten in Berlin."""
    return schedule_desk(tmp_path)


def test_a_rename_while_a_run_waits_for_its_jitter_does_not_lose_the_run(sched: ScheduleDesk) -> None:
    schedule = sched.schedule(jitter_seconds=3_600)
    sched.at(11)
    sched.clock.advance(1)
    assert sched.come_to_it() == []  # its jitter has not passed
    renamed = sched.scheduling.service.update(
        schedule.id, replace(schedule.draft(), name="Early"), version=schedule.version, by=TRADER
    )
    assert renamed.next_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    sched.at(12, 1)
    assert [run.planned_at for run in sched.come_to_it()] == [renamed.next_at]


def test_a_change_that_takes_the_waiting_time_away_waits_for_the_next_one_from_now(sched: ScheduleDesk) -> None:
    schedule = sched.schedule(jitter_seconds=3_600)
    sched.at(11)
    sched.clock.advance(1)
    draft = replace(schedule.draft(), timing={"kind": "times", "times": ["10:59", "11:30"]})
    changed = sched.scheduling.service.update(schedule.id, draft, version=schedule.version, by=TRADER)
    assert changed.next_at == datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


class HurryingClock:
    """Shows these instants one after the other, then stays at the last: a clock that goes on while one waits."""

    def __init__(self, *instants: datetime) -> None:
        self._instants = list(instants)

    def now(self) -> datetime:
        """Return the next of its instants."""
        return self._instants.pop(0) if len(self._instants) > 1 else self._instants[0]

    def seconds_until(self, instant: datetime) -> float | None:
        """Return 0 when it has been, else None: nobody waits for it."""
        return 0.0 if self._instants[0] >= instant else None

    def on_change(self, tell: Callable[[], None]) -> None:
        """Nobody sets it."""


@pytest.mark.parametrize("verb", ["change", "disable"])
def test_a_time_that_comes_while_a_change_waits_for_the_database_is_run(sched: ScheduleDesk, verb: str) -> None:
    schedule = sched.schedule()
    sched.at(11)
    just_before = datetime(2026, 3, 2, 9, 59, 59, tzinfo=UTC)
    hurrying = HurryingClock(just_before, sched.clock.now())
    clocks = {**sched.scheduling.clocks, ScheduleClock.REAL: hurrying}
    calendars = ExchangeCalendars()
    run_starter = RunStarter(sched.desk.store, sched.desk.queue, calendars, clocks, sched.clock)
    schedules = Schedules(sched.desk.store, calendars, clocks, run_starter, lambda: None)
    if verb == "change":
        schedules.update(schedule.id, replace(schedule.draft(), name="Early"), version=1, by=TRADER)
    else:
        schedules.disable(schedule.id, by=TRADER)
    assert [run.planned_at for run in sched.listed()] == [datetime(2026, 3, 2, 10, tzinfo=UTC)]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE schedule SET symbols = '7' WHERE id = 1",
        # As any fault of ours would be that shows only when the run is written.
        "CREATE TRIGGER broken BEFORE INSERT ON market_analysis WHEN NEW.symbol = 'INTC'"
        " BEGIN SELECT RAISE(ABORT, 'broken'); END",
    ],
)
def test_a_schedule_that_fails_for_our_own_fault_holds_up_no_other(
    sched: ScheduleDesk, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    sched.schedule("Broken", symbols=("INTC",))
    sched.schedule("Well")
    change(sched.desk.file, damage)
    sched.at(11)
    assert [run.schedule for run in sched.come_to_it()] == ["Well"]
    assert one(sched.desk.file, "SELECT next_at FROM schedule WHERE id = 1") is None
    assert "report it with the log" in one(sched.desk.file, "SELECT sentence FROM alert WHERE key = 'schedule 1'")
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


def run_plans(sched: ScheduleDesk, work: Callable[[], object]) -> str:
    """Return how SQLite goes about each SELECT on runs that `work` executes."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, text: str, parameters: Any, context: Any, many: bool) -> None:
        if "schedule_run" in text and text.startswith("SELECT"):
            seen.append((text, parameters))

    event.listen(sched.desk.store.engine, "before_cursor_execute", note)
    work()
    event.remove(sched.desk.store.engine, "before_cursor_execute", note)
    with sched.desk.store.read() as session:
        explain = session.connection().exec_driver_sql
        return "\n".join(row[3] for text, values in seen for row in explain(f"EXPLAIN QUERY PLAN {text}", values))


def test_what_nobody_has_seen_is_counted_from_its_own_index(sched: ScheduleDesk) -> None:
    plan = run_plans(sched, sched.scheduling.runs.unacknowledged) + run_plans(
        sched, lambda: sched.listed(unacknowledged_only=True)
    )
    assert plan.count("USING INDEX ix_schedule_run_unseen") == 2
    assert "ix_schedule_run_state" not in plan


def test_the_list_of_schedules_does_not_read_every_run_there_ever_was(sched: ScheduleDesk) -> None:
    sched.schedule()
    sched.at(16)
    sched.come_to_it()
    plan = run_plans(sched, sched.scheduling.service.list)
    assert "ix_schedule_run_unseen" in plan
    assert "SEARCH schedule_run_1 " not in plan
    (found,) = sched.scheduling.service.list()
    assert found.last_run is not None
    assert found.last_run.planned_at == datetime(2026, 3, 2, 14, 45, tzinfo=UTC)


def test_a_zone_that_this_machine_does_not_know_holds_up_no_other_schedule(sched: ScheduleDesk) -> None:
    lost = sched.schedule("Lost", symbols=("INTC",))
    sched.schedule("Well")
    change(sched.desk.file, "UPDATE schedule SET zone = 'Mars/Olympus' WHERE id = 1")
    sched.at(11)
    assert [run.schedule for run in sched.come_to_it()] == ["Well"]
    shown = sched.scheduling.service.get(lost.id)
    assert (shown.next_at, shown.words) == (None, "This machine knows no time zone Mars/Olympus; choose another")
    assert one(sched.desk.file, "SELECT key FROM alert") == "schedule 1"


def scheduler_of(sched: ScheduleDesk) -> Scheduler:
    """Return the desk's scheduler, which looks when told: its background jobs are never started."""
    sched.scheduling.scheduler.start()
    return sched.scheduling.scheduler


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_ran_ahead_for_a_moment_silences_no_schedule(
    sched: ScheduleDesk, tmp_path: Path, restarted: bool
) -> None:
    sched.schedule(misfire=Misfire.SKIP)
    scheduler = scheduler_of(sched)
    sched.clock.advance(40 * 86_400)
    scheduler.look()
    assert {run.state for run in sched.listed()} == {RunState.MISSED}
    sched.clock.advance(-40 * 86_400)
    if restarted:
        sched.desk.die()
        scheduler_of(schedule_desk(tmp_path)).look()
    else:
        scheduler.look()
    assert sched.listed() == []
    assert one(sched.desk.file, "SELECT sentence FROM alert WHERE kind = 'clock'").startswith("The clock was set back")
    sched.at(11)
    scheduler.look()
    assert [run.state for run in sched.listed()] == [RunState.RUNNING]


def test_a_time_that_was_run_before_its_clock_was_set_back_is_not_run_again(sched: ScheduleDesk) -> None:
    sched.schedule()
    scheduler = scheduler_of(sched)
    sched.at(11)
    scheduler.look()
    sched.at(10)
    scheduler.look()
    sched.at(11)
    scheduler.look()
    assert len(sched.listed()) == 1


def test_a_clock_that_is_corrected_by_seconds_changes_nothing(sched: ScheduleDesk) -> None:
    sched.schedule()
    scheduler = scheduler_of(sched)
    sched.clock.advance(-5)
    scheduler.look()
    assert one(sched.desk.file, "SELECT COUNT(*) FROM alert") == 0


def test_two_names_that_are_stored_alike_are_refused_with_a_sentence(sched: ScheduleDesk) -> None:
    sched.schedule("Early")
    with pytest.raises(Invalid, match="There is already a schedule Early"):
        sched.schedule("Ear\x00ly")
    with pytest.raises(Invalid, match="Give it a name"):
        sched.schedule(" \x00 ")


def test_what_a_replay_jumps_over_is_not_fired_before_the_jump_is_noticed(sched: ScheduleDesk) -> None:
    sched.schedule(clock=ScheduleClock.REPLAY)
    scheduler = scheduler_of(sched)
    scheduler.look()
    sched.replay.set(datetime(2014, 12, 31, 21, tzinfo=UTC))  # six years on, as when a replay is stopped
    scheduler.look()
    assert sched.listed() == []
    sched.replay.advance(86_400)
    scheduler.look()
    assert len(sched.listed()) == 2


@pytest.mark.parametrize("day", [date.min, date.max])
def test_a_day_beyond_all_calendars_is_refused_with_a_sentence(sched: ScheduleDesk, day: date) -> None:
    sched.schedule()
    for ask in (sched.scheduling.runs.day_summary, sched.scheduling.runs.week):
        with pytest.raises(Invalid, match="schedules know the years 1970 to 2100"):
            ask(day)
    edge = datetime.combine(day, time(), timezone(timedelta(hours=14 if day == date.min else -14)))
    if day == date.max:
        edge = edge.replace(hour=23)
    with pytest.raises(Invalid, match="lies outside the calendar"):
        sched.scheduling.runs.list(RunFilter(first=edge))


def test_a_plan_that_seemed_to_have_ended_goes_on_when_the_clock_is_set_back(sched: ScheduleDesk) -> None:
    schedule = sched.schedule(misfire=Misfire.SKIP, ends_on=date(2026, 3, 20))
    scheduler = scheduler_of(sched)
    sched.clock.advance(40 * 86_400)
    scheduler.look()
    assert sched.scheduling.service.get(schedule.id).next_at is None
    sched.clock.advance(-40 * 86_400)
    scheduler.look()
    assert sched.scheduling.service.get(schedule.id).next_at == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_a_run_that_was_partly_cancelled_and_partly_failed_says_both(sched: ScheduleDesk) -> None:
    sched.schedule()
    sched.at(11)
    sched.come_to_it()
    sched.desk.analyses.cancel(1, by=TRADER, reason="not today")
    sched.finish(MSFT=True)
    (run,) = sched.listed()
    assert (run.state, run.reason) == (
        RunState.PARTLY_FAILED,
        "1 of 2 failed: AUTH; 1 of 2 skipped: not today",
    )
