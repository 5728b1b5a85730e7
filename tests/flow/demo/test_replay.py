"""The replay: a person moves the demo market's clock, analyses see that moment, and a restart goes on there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.errors import Invalid, Refused
from ba2_trade_platform.core.contracts.replay import ReplayMode
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.demo.market import STANDS_AT, DemoMarket
from ba2_trade_platform.demo.replay import BEGINS, FIRST, WEEK, WEEK_IN_A_MINUTE
from ba2_trade_platform.demo.replay_clock import ReplayClock
from ba2_trade_platform.vocabulary import ScheduleClock
from tests.fakes.clock import Watch
from tests.fakes.prices import OneSeries, series
from tests.platforms import TRADER, drain, make_platform, practice, running, submit, wait_until


def replayed(folder: Path, watch: Watch) -> Platform:
    return make_platform(folder, prices=DemoMarket(ReplayClock(STANDS_AT, seconds=watch)))


def seen_at(platform: Platform, analysis_id: int) -> datetime | None:
    return platform.monitoring.details.attempts(analysis_id)[-1].effective_as_of


def test_a_week_is_replayed_paused_resumed_and_stopped(tmp_path: Path) -> None:
    watch = Watch()
    platform = replayed(tmp_path, watch)
    replay = platform.demo.replay
    assert replay.state().sentence == "The market's clock stands at Wed 2014-12-31 21:00 UTC"
    assert replay.start(by=TRADER).mode is ReplayMode.WALKING
    watch.seconds += 5
    paused = replay.pause(by=TRADER)
    watch.seconds += 500
    assert replay.state().now == paused.now > BEGINS
    assert replay.state().sentence.startswith("The replay waits at Mon 2008-09-08")
    replay.resume(by=TRADER)
    watch.seconds += 500
    assert replay.state().mode is ReplayMode.ENDED
    assert replay.state().now == BEGINS + WEEK
    assert replay.stop(by=TRADER).now == STANDS_AT
    with platform.store.read() as session:
        log = t.activity_log.c
        done = session.scalars(select(log.what).where(log.subject_type == "replay").order_by(log.id)).all()
    assert done == ["start", "pause", "resume", "stop"]
    platform.stop()


def test_what_makes_no_sense_is_refused_with_a_sentence(tmp_path: Path) -> None:
    platform = replayed(tmp_path, Watch())
    replay = platform.demo.replay
    with pytest.raises(Refused, match="There is no replay under way; start one"):
        replay.pause(by=TRADER)
    with pytest.raises(Invalid, match="between 2007-01-01 and 2009-12-31"):
        replay.start(FIRST - timedelta(days=1), by=TRADER)
    with pytest.raises(Invalid, match="from 1 to 100,000 market seconds a second"):
        replay.start(speed=0, by=TRADER)
    replay.start(by=TRADER)
    with pytest.raises(Refused, match="only a paused replay can be resumed"):
        replay.resume(by=TRADER)
    assert replay.set_speed(60, by=TRADER).walk is not None
    platform.stop()


def test_another_market_cannot_be_replayed(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, prices=OneSeries(series()))
    with pytest.raises(Refused, match="Only the demo market can be replayed: set BA2_PRICES=demo"):
        platform.demo.replay.start(by=TRADER)
    assert platform.schedules.clocks[ScheduleClock.REPLAY].seconds_until(BEGINS) is None
    platform.stop()


def test_a_restart_goes_on_where_the_clock_was(tmp_path: Path) -> None:
    watch = Watch()
    first = replayed(tmp_path, watch)
    first.demo.replay.start(by=TRADER)
    watch.seconds += 10
    before = first.demo.replay.state()
    first.stop()
    watch.seconds += 10_000
    second = replayed(tmp_path, watch)
    assert second.demo.replay.state().now == before.now
    assert second.demo.replay.state().mode is ReplayMode.WALKING
    watch.seconds += 1
    assert second.demo.replay.state().now > before.now
    second.stop()


def test_after_a_kill_it_goes_on_where_it_was_last_kept(tmp_path: Path) -> None:
    watch = Watch()
    first = replayed(tmp_path, watch)
    first.demo.replay.start(by=TRADER)
    watch.seconds += 10
    first.demo.replay.save()
    kept = first.demo.replay.state().now
    watch.seconds += 3
    first.instance_lock.release()  # as the kernel does when a process dies
    second = replayed(tmp_path, watch)
    assert second.demo.replay.state().now == kept
    second.stop()


def test_an_analysis_sees_the_moment_at_which_it_began(tmp_path: Path) -> None:
    watch = Watch()
    with running(replayed(tmp_path, watch)) as platform:
        desk = practice(platform)
        platform.demo.replay.start(speed=WEEK_IN_A_MINUTE, by=TRADER)
        watch.seconds += 20
        moment = platform.demo.replay.state().now
        replayed_id = submit(platform, desk)
        drain(platform)
        assert seen_at(platform, replayed_id) == moment
        with pytest.raises(Invalid, match="as_of"):
            submit(platform, desk, "MSFT", as_of=moment + timedelta(days=1))
        platform.demo.replay.stop(by=TRADER)
        later_id = submit(platform, desk)
        drain(platform)
        assert seen_at(platform, later_id) == STANDS_AT
        assert platform.memory.learn().lessons == 0


def test_a_schedule_lives_through_a_replayed_week_run_by_run(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        draft = Draft(
            name="Desk", expert_instance_id=practice(platform), timing={"kind": "times", "times": ["09:45", "15:30"]},
            zone="America/New_York", calendar="XNYS", symbols=("AAPL",), clock=ScheduleClock.REPLAY,
        )  # fmt: skip
        platform.schedules.service.create(draft, by=TRADER)
        platform.demo.replay.start(speed=50_000, by=TRADER)
        wait_until(platform, lambda: platform.demo.replay.state().mode is ReplayMode.ENDED, "the end of the week")
        wait_until(platform, lambda: len(planned_times_of(platform)) == 10, "every run of the week")
        assert planned_times_of(platform)[0] == datetime(2008, 9, 8, 13, 45, tzinfo=UTC)
        drain(platform)


def planned_times_of(platform: Platform) -> list[datetime]:
    with platform.store.read() as session:
        planned = t.schedule_run.c.planned_at
        return list(session.scalars(select(planned).order_by(planned)))
