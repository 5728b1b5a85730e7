"""The replay clock: it stands, or walks at a speed through days and, faster, through nights."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from ba2_trade_platform.core.contracts.replay import ReplayMode, Walk
from ba2_trade_platform.demo.replay import BEGINS, DAY_IN_A_MINUTE, WEEK, WEEK_IN_A_MINUTE
from ba2_trade_platform.demo.replay_clock import ReplayClock
from tests.fakes.clock import Watch

END = datetime(2014, 12, 31, 21, tzinfo=UTC)
OPEN = datetime(2008, 9, 8, 13, 30, tzinfo=UTC)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def clock(watch: Watch) -> ReplayClock:
    return ReplayClock(END, seconds=watch)


def walk(start: datetime = BEGINS, end: datetime | None = None, speed: float = 1.0) -> Walk:
    return Walk(start, end or start + WEEK, start, speed)


def test_it_stands_at_the_end_of_the_prices_until_it_is_told_to_walk(clock: ReplayClock, watch: Watch) -> None:
    watch.seconds += 3_600
    assert clock.now() == END
    assert clock.state().mode is ReplayMode.STANDING
    assert clock.seconds_until(END + timedelta(days=1)) is None
    assert clock.seconds_until(BEGINS) is None


def test_while_an_exchange_is_open_it_walks_at_its_speed(clock: ReplayClock, watch: Watch) -> None:
    clock.set(walk(OPEN, speed=60))
    watch.seconds += 10
    assert clock.now() == OPEN + timedelta(minutes=10)
    assert clock.seconds_until(OPEN + timedelta(minutes=20)) == pytest.approx(10)
    assert clock.seconds_until(OPEN) == 0


def test_nights_pass_quickly_but_no_moment_of_them_is_jumped_over(clock: ReplayClock, watch: Watch) -> None:
    evening = datetime(2008, 9, 8, 22, tzinfo=UTC)  # two hours after the close
    clock.set(walk(evening))
    watch.seconds += 60
    assert clock.now() == evening + timedelta(minutes=20)
    midnight = datetime(2008, 9, 9, tzinfo=UTC)
    watch.seconds += clock.seconds_until(midnight) or 0
    assert clock.now() == midnight


@pytest.mark.parametrize(("length", "speed"), [(WEEK, WEEK_IN_A_MINUTE), (timedelta(days=1), DAY_IN_A_MINUTE)])
def test_the_presets_take_about_a_minute(clock: ReplayClock, length: timedelta, speed: float) -> None:
    clock.set(walk(BEGINS, BEGINS + length, speed))
    assert 50 < (clock.state().seconds_left or 0) < 65


def test_it_never_goes_back_and_waits_for_ever_at_its_end(clock: ReplayClock, watch: Watch) -> None:
    clock.set(walk(speed=WEEK_IN_A_MINUTE))
    shown = []
    for _ in range(900):
        watch.seconds += 0.1
        shown.append(clock.now())
    assert all(before <= after for before, after in pairwise(shown))
    assert clock.state().mode is ReplayMode.ENDED
    assert clock.now() == BEGINS + WEEK
    assert clock.seconds_until(BEGINS + WEEK + timedelta(seconds=1)) is None


def test_it_comes_to_an_instant_exactly_when_it_said(clock: ReplayClock, watch: Watch) -> None:
    clock.set(walk(speed=WEEK_IN_A_MINUTE))
    for hours in range(1, 168):
        planned = BEGINS + timedelta(hours=hours)
        watch.seconds += clock.seconds_until(planned) or 0
        assert abs(clock.now() - planned) < timedelta(milliseconds=20)


def test_whoever_waits_is_told_when_it_is_set_and_not_when_it_waits(clock: ReplayClock) -> None:
    told: list[ReplayMode] = []
    clock.on_change(lambda: told.append(clock.state().mode))
    clock.set(walk())
    clock.set(Walk(BEGINS, BEGINS + WEEK, BEGINS, 1.0, going=False))
    clock.set(None)
    assert told == [ReplayMode.WALKING, ReplayMode.STANDING]


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        ReplayClock(datetime(2014, 1, 1))  # noqa: DTZ001 - the mistake under test
