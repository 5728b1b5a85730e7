"""Schedules: they run on time, once, and runs missed in an outage are told with its reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.base.errors import Invalid, Refused
from ba2_trade_platform.core.completion.runs import local_span
from ba2_trade_platform.vocabulary import Misfire, RunState, RunTrigger, ScheduleClock
from tests.flow.schedules.schedule_desk import QUARTERLY, ScheduleDesk, schedule_desk, watchlist
from tests.platforms import TRADER
from tests.sql import one


@pytest.fixture
def sched(tmp_path: Path) -> ScheduleDesk:
    """A desk on Monday, 2 March 2026, ten o'clock in Berlin."""
    return schedule_desk(tmp_path)


def test_a_schedule_runs_its_symbols_and_its_watchlists_at_its_time(sched: ScheduleDesk) -> None:
    listed = watchlist(sched.desk, "MSFT", "INTC")
    schedule = sched.schedule(watchlist_ids=(listed,), deadline_minutes=30, priority=40)
    assert schedule.words == "Mon-Fri at 11:00 and 15:45, Europe/Berlin"
    assert schedule.next_at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert sched.come_to_it() == []
    sched.at(11)
    (run,) = sched.come_to_it()
    assert (run.state, run.trigger, run.actor, run.items.queued) == (RunState.RUNNING, RunTrigger.PLANNED, "Morning", 3)
    row = sched.desk.row(1)
    assert (row.source, row.priority, row.batch_id) == ("schedule", 40, run.batch_id)
    assert row.run_before == datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    sched.finish()
    (run,) = sched.come_to_it()
    assert (run.state, run.reason, run.items.succeeded) == (RunState.DONE, None, 3)
    assert sched.scheduling.service.get(schedule.id).next_at == datetime(2026, 3, 2, 14, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("misfire", "became"),
    [
        (Misfire.RUN_ONCE, ["missed planned", "missed planned", "late catch_up"]),
        (Misfire.RUN_EACH, ["late catch_up", "late catch_up", "late catch_up"]),
        (Misfire.SKIP, ["missed planned", "missed planned", "missed planned"]),
    ],
)
def test_each_policy_settles_every_time_of_an_outage(
    sched: ScheduleDesk, tmp_path: Path, misfire: Misfire, became: list[str]
) -> None:
    sched.schedule(misfire=misfire)
    sched.live(timedelta(minutes=5))  # then it is killed: last seen at 10:05
    sched.at(12, day=3)
    again = schedule_desk_again(sched, tmp_path)
    again.come_to_it()
    again.finish()
    runs = again.come_to_it()
    assert [f"{run.state.value} {run.trigger.value}" for run in runs] == became
    assert [run.planned_at.hour for run in runs] == [10, 14, 10]
    for run in runs:
        assert run.reason is not None
        assert run.reason.startswith("The console was down from 2026-03-02 10:05 to 2026-03-03 12:00")
    if misfire is Misfire.RUN_ONCE:
        assert runs[0].reason is not None
        assert runs[0].reason.endswith("the run of 2026-03-03 11:00 makes up for it")
        assert runs[2].reason is not None
        assert runs[2].reason.endswith("it also makes up for 2 earlier times")
    assert again.come_to_it() == runs


def schedule_desk_again(sched: ScheduleDesk, folder: Path) -> ScheduleDesk:
    """Return the same desk in the next life of its console."""
    sched.desk.die()
    again = schedule_desk(folder)
    again.clock.advance((sched.clock.now() - again.clock.now()).total_seconds())
    again.scheduling.uptime.end()
    with again.desk.store.write() as transaction:  # the life that schedule_desk began before its clock was right
        transaction.session.connection().exec_driver_sql(
            "DELETE FROM presence WHERE id = (SELECT MAX(id) FROM presence)"
        )
    again.scheduling.uptime.begin()
    return again


def test_what_made_up_for_an_outage_is_the_run_that_is_just_due(sched: ScheduleDesk) -> None:
    sched.schedule()
    sched.at(15, 46)
    first, second = sched.come_to_it()
    assert (first.state, second.state, second.trigger) == (RunState.MISSED, RunState.RUNNING, RunTrigger.PLANNED)
    assert first.reason == (
        "The console came to it only at 2026-03-02 15:46; the run of 2026-03-02 15:45 makes up for it"
    )


def test_nothing_is_made_up_for_after_its_deadline(sched: ScheduleDesk) -> None:
    sched.schedule(deadline_minutes=30, misfire=Misfire.RUN_EACH)
    sched.at(13)
    (run,) = sched.come_to_it()
    assert run.state is RunState.MISSED
    assert run.reason is not None
    assert run.reason.endswith("its deadline, 2026-03-02 11:30, has passed")


def test_after_months_the_newest_thousand_times_have_a_row(sched: ScheduleDesk) -> None:
    sched.schedule(timing=QUARTERLY, misfire=Misfire.SKIP)
    sched.clock.advance(86_400 * 30)
    sched.fire(ScheduleClock.REAL)
    assert one(sched.desk.file, "SELECT COUNT(*) FROM schedule_run WHERE state = 'missed'") == 999
    assert one(sched.desk.file, "SELECT COUNT(*) FROM schedule_run") == 1_000
    oldest = one(sched.desk.file, "SELECT reason FROM schedule_run ORDER BY planned_at LIMIT 1")
    assert oldest.endswith("1,880 earlier planned times passed too and are not listed")
    assert sched.scheduling.runs.acknowledge(schedule_id=1, by=TRADER, reason="holiday") == 999
    assert sched.scheduling.runs.unacknowledged() == 0


def test_a_deadline_that_passes_while_the_queue_is_paused_names_who_paused_it(sched: ScheduleDesk) -> None:
    sched.schedule(deadline_minutes=30)
    sched.at(10, 50)
    sched.desk.queue.pause(by=TRADER, reason="maintenance")
    sched.at(11)
    sched.come_to_it()
    sched.at(11, 31)
    sched.worker.tick()
    (run,) = sched.listed()
    assert (run.state, run.reason) == (
        RunState.MISSED,
        "2 of 2 had not begun by the deadline: the queue was paused by trader since 2026-03-02 10:50 (maintenance)",
    )
    assert sched.scheduling.runs.unacknowledged() == 1


def test_a_run_that_waits_long_in_the_queue_is_late(sched: ScheduleDesk) -> None:
    sched.schedule()
    sched.at(11)
    sched.come_to_it()
    sched.at(11, 20)
    sched.finish()
    (run,) = sched.listed()
    assert (run.state, run.reason) == (RunState.LATE, "It began 20 min after its time")


@pytest.mark.parametrize(
    ("failing", "state", "reason"),
    [
        ({"AAPL": True}, RunState.PARTLY_FAILED, "1 of 2 failed: AUTH"),
        ({"AAPL": True, "MSFT": True}, RunState.FAILED, "2 of 2 failed: AUTH"),
    ],
)
def test_a_run_says_how_much_of_it_failed(
    sched: ScheduleDesk, failing: dict[str, bool], state: RunState, reason: str
) -> None:
    sched.schedule()
    sched.at(11)
    sched.come_to_it()
    sched.finish(**failing)
    (run,) = sched.listed()
    assert (run.state, run.reason, run.needs_ack) == (state, reason, True)


def test_a_disabled_expert_and_an_empty_watchlist_are_missed_runs_with_their_reason(sched: ScheduleDesk) -> None:
    empty = watchlist(sched.desk)
    sched.schedule("Nothing", symbols=(), watchlist_ids=(empty,))
    sched.schedule("Disabled")
    sched.desk.platform.experts.update(sched.expert, by=TRADER, enabled=False)
    sched.at(11)
    reasons = {run.schedule: (run.state.value, run.reason) for run in sched.come_to_it()}
    assert reasons == {
        "Nothing": ("missed", "It has no symbols: add some, or put some on its watchlists"),
        "Disabled": ("missed", "2 of 2 not possible: Scripted cannot work: it is disabled"),
    }


def test_a_clock_set_back_doubles_nothing(sched: ScheduleDesk) -> None:
    sched.schedule()
    sched.at(11)
    sched.come_to_it()
    sched.at(10)
    assert len(sched.come_to_it()) == 1
    sched.at(11)
    assert len(sched.come_to_it()) == 1
    sched.at(15, 45)
    assert len(sched.come_to_it()) == 2


def test_a_sleep_is_an_absence(sched: ScheduleDesk) -> None:
    sched.schedule(misfire=Misfire.SKIP)
    sched.at(12)
    sched.scheduling.uptime.beat()
    (run,) = sched.come_to_it()
    assert run.reason == ("The console was down from 2026-03-02 10:00 to 12:00; this schedule skips what it missed")


def test_a_change_first_settles_what_was_due_and_then_waits_anew(sched: ScheduleDesk) -> None:
    schedule = sched.schedule(misfire=Misfire.SKIP)
    sched.at(13)
    draft = schedule.draft()
    changed = sched.scheduling.service.update(schedule.id, draft, version=1, by=TRADER)
    assert changed.last_run is not None
    assert changed.last_run.state is RunState.MISSED
    assert changed.next_at == datetime(2026, 3, 2, 14, 45, tzinfo=UTC)
    assert changed.version == 2
    with pytest.raises(Refused, match="was changed meanwhile"):
        sched.scheduling.service.update(schedule.id, draft, version=1, by=TRADER)


def test_a_disabled_schedule_plans_nothing_and_an_enabled_one_starts_from_now(sched: ScheduleDesk) -> None:
    schedule = sched.schedule()
    assert sched.scheduling.service.disable(schedule.id, by=TRADER).next_at is None
    sched.at(13)
    assert sched.come_to_it() == []
    enabled = sched.scheduling.service.enable(schedule.id, by=TRADER)
    assert enabled.next_at == datetime(2026, 3, 2, 14, 45, tzinfo=UTC)
    assert sched.come_to_it() == []
    sched.scheduling.service.archive(schedule.id, by=TRADER)
    sched.at(16)
    assert (sched.come_to_it(), sched.scheduling.service.list()) == ([], [])
    with pytest.raises(Refused, match="Morning was archived"):
        sched.scheduling.service.enable(schedule.id, by=TRADER)


def test_run_now_runs_beside_the_plan_and_is_never_late(sched: ScheduleDesk) -> None:
    schedule = sched.scheduling.service.disable(sched.schedule().id, by=TRADER)
    assert sched.scheduling.service.run_now(schedule.id, by=TRADER).sentence == "Morning runs now (run 1)"
    with pytest.raises(Refused, match="at this very instant"):
        sched.scheduling.service.run_now(schedule.id, by=TRADER)
    sched.clock.advance(3_600)
    sched.finish()
    (run,) = sched.listed()
    assert (run.state, run.trigger, run.actor) == (RunState.DONE, RunTrigger.MANUAL, "trader")


def test_a_replay_runs_at_its_own_time_never_twice_and_misses_nothing(sched: ScheduleDesk) -> None:
    sched.schedule(clock=ScheduleClock.REPLAY, deadline_minutes=5, timing={"kind": "times", "times": ["16:00"]})
    sched.replay.advance(3 * 86_400)  # Friday noon to Monday noon: Friday's four o'clock was passed
    sched.fire(ScheduleClock.REPLAY)
    (run,) = sched.listed()
    assert (run.state, run.planned_at) == (RunState.RUNNING, datetime(2008, 9, 12, 14, tzinfo=UTC))
    assert (sched.desk.row(1).as_of, sched.desk.row(1).run_before) == (run.planned_at, None)
    sched.replay.set(datetime(2008, 9, 12, 12, tzinfo=UTC))
    sched.scheduling.run_starter.skip_ahead(ScheduleClock.REPLAY)
    sched.replay.advance(4 * 3_600)
    sched.fire(ScheduleClock.REPLAY)
    assert [each.id for each in sched.listed()] == [run.id]
    sched.replay.set(datetime(2008, 9, 20, 12, tzinfo=UTC))  # a week is jumped over
    sched.scheduling.run_starter.skip_ahead(ScheduleClock.REPLAY)
    sched.fire(ScheduleClock.REPLAY)
    assert [each.id for each in sched.listed()] == [run.id]


def test_everything_that_is_wrong_is_said_at_once(sched: ScheduleDesk) -> None:
    sched.schedule()
    with pytest.raises(Invalid) as refused:
        sched.schedule(timing={"kind": "cron", "expression": "0 0 30 2 *"}, symbols=(), jitter_seconds=-1)
    assert refused.value.details["problems"] == [
        "0 0 30 2 * is no cron line: Bad day-of-month",
        "There is already a schedule Morning",
        "Jitter is 0 to 3600 seconds",
        "Choose symbols or a watchlist",
    ]


def test_a_day_and_a_week_show_expected_against_done(sched: ScheduleDesk) -> None:
    sched.schedule(calendar="XNYS", misfire=Misfire.SKIP)
    sched.at(13)
    sched.come_to_it()
    day = sched.scheduling.runs.day_summary()
    assert (day.planned, day.missed, day.ahead) == (2, 1, 1)
    (row,) = sched.scheduling.runs.week(date(2026, 3, 2)).rows
    assert [day.closed for day in row.days] == [False] * 5 + [True] * 2
    assert [(len(day.runs), len(day.planned)) for day in row.days][:3] == [(1, 1), (0, 2), (0, 2)]


def test_many_at_one_instant_run_once_each_in_slices(tmp_path: Path) -> None:
    sched = schedule_desk(tmp_path)
    for number in range(120):
        sched.schedule(f"Schedule {number}", symbols=(f"SYM{number}",))
    sched.at(11)
    commits = sched.desk.store.commits
    sched.fire(ScheduleClock.REAL)
    assert sched.desk.store.commits - commits == 2  # a run and its one analysis, 200 of both in a slice
    assert one(sched.desk.file, "SELECT COUNT(*) FROM market_analysis") == 120
    assert one(sched.desk.file, "SELECT COUNT(DISTINCT schedule_id) FROM schedule_run") == 120


def test_two_consoles_that_fire_the_same_time_make_one_run(sched: ScheduleDesk, tmp_path: Path) -> None:
    sched.schedule()
    other = schedule_desk_again(sched, tmp_path)
    for each in (sched, other):
        each.at(11)
    sched.fire(ScheduleClock.REAL)
    other.fire(ScheduleClock.REAL)
    assert one(other.desk.file, "SELECT COUNT(*) FROM market_analysis") == 2


def test_an_absence_within_one_day_says_the_day_once() -> None:
    start, end = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert local_span(start, end, "Europe/Berlin") == "from 2026-03-02 10:00 to 12:00"
    assert local_span(start, end, "Pacific/Auckland") == "from 2026-03-02 22:00 to 2026-03-03 00:00"
