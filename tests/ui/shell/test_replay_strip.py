"""The replay strip: the demo market's clock above every page, as a simulated user moves it."""

from __future__ import annotations

from nicegui.testing import User

from ba2_trade_platform.core.contracts.replay import ReplayMode
from ba2_trade_platform.demo.replay import BEGINS, WEEK
from ba2_trade_platform.ui.kit.desk import Desk
from tests.platforms import TRADER


async def test_one_click_replays_a_week_and_another_ends_it(user: User, desk: Desk) -> None:
    replay = desk.platform.demo.replay
    await user.open("/marketanalysis")
    await user.should_see("Market clock: 2014-12-31 21:00 UTC")
    user.find(marker="replay-history").click()
    await user.should_see("The replay is at Mon 2008-09-08")
    await user.should_see("Market clock: 2008-09-08")
    user.find(marker="replay-pause").click()
    await user.should_see("The replay waits at")
    assert replay.state().mode is ReplayMode.PAUSED
    user.find(marker="replay-play_arrow").click()
    await user.should_see("The replay is at")
    user.find(marker="replay-stop").click()
    await user.should_see("The market's clock stands at Wed 2014-12-31 21:00 UTC")


async def test_the_strip_shows_what_another_page_started(user: User, desk: Desk) -> None:
    await user.open("/marketanalysis")
    desk.platform.demo.replay.start(BEGINS + WEEK, speed=1, by=TRADER)
    await user.should_see("Mon 2008-09-15 12:00")
