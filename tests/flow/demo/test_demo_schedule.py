"""The demo's schedule: there from the first start, by the replay's clock, and gone with the demo."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, select

from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import ScheduleClock
from tests.platforms import TRADER, make_platform, wait_until


def test_a_newcomer_finds_an_opening_bell_and_removes_it_with_the_demo(tmp_path: Path) -> None:
    platform = make_platform(tmp_path, demo=True)
    try:
        assert platform.schedules.service.list() == []  # it comes with the start, which waits for no calendar
        platform.start()
        wait_until(platform, lambda: bool(platform.schedules.service.list()), "the demo's schedule")
        (schedule,) = platform.schedules.service.list()
        assert (schedule.name, schedule.clock, schedule.is_demo) == ("Opening bell", ScheduleClock.REPLAY, True)
        assert schedule.words == "15 min after open of each XNYS session on Mon-Fri"
        assert schedule.watchlists == ("Opening bell",)
        run = platform.schedules.service.run_now(schedule.id, by=TRADER)
        assert run.sentence == "Opening bell runs now (run 1)"
        platform.demo.desk.remove(by=TRADER)
        assert platform.schedules.service.list() == []
        with platform.store.read() as session:
            assert session.scalar(select(func.count()).select_from(t.schedule_run)) == 0
    finally:
        platform.stop()
