"""Watchlists and instruments as a simulated user sees them."""

from __future__ import annotations

from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.ui.desk import Desk
from tests.ui.eventually import eventually


async def test_without_watchlists_it_says_what_to_do(user: User, desk: Desk) -> None:
    await user.open("/watchlists")
    await user.should_see("No watchlists yet")
    (link,) = user.find(kind=ui.link, content="Manual Analysis").elements
    assert link.props["href"] == "/marketanalysis?tab=manual"


async def test_symbols_link_to_their_analyses_and_new_lists_appear_by_themselves(user: User, desk: Desk) -> None:
    await user.open("/watchlists")
    desk.platform.watchlists.add("Mine", desk.platform.prices.instruments())
    desk.platform.queue.set_slots(3, by=desk.trader)  # any change of the desk makes the page look again
    await eventually(lambda: user.should_see("Mine"))
    await user.should_see("Apple Inc.")
    links = {link.props["href"] for link in user.find("DELL").elements}
    assert links == {"/symbols/DELL"}
