"""The Alerts page: with its banner, as a simulated user sees them."""

from __future__ import annotations

from nicegui import ui
from nicegui.testing import User

from ba2_trade_platform.core.events.alert_events import AlertEvent, raise_alert, resolve_alert
from ba2_trade_platform.ui.kit.desk import Desk
from tests.eventually import eventually


def alert_event(desk: Desk, number: int = 1) -> None:
    """Raise an alert as whatever goes wrong does."""
    with desk.platform.store.write() as transaction:
        told = AlertEvent("test", f"test:{number}", f"Desk {number} stood still", "/retries")
        raise_alert(transaction, told, desk.platform.store.clock.now())


async def test_an_alert_stands_on_an_open_page_until_it_is_acknowledged(user: User, desk: Desk) -> None:
    await user.open("/retries")
    await user.should_not_see("stood still", retries=1)
    alert_event(desk, 1)
    alert_event(desk, 2)
    await user.should_see("Desk 2 stood still")
    await user.should_see("and 1 more")
    user.find(marker="acknowledge-alert").click()
    await user.should_see("Desk 1 stood still")
    user.find(marker="acknowledge-alert").click()
    await eventually(lambda: not desk.platform.notifications.alerts.history(acknowledged=False).items)
    assert desk.platform.notifications.alerts.history().items[0].acknowledged_by == "trader"


async def test_the_list_is_acknowledged_at_once_with_a_reason(user: User, desk: Desk) -> None:
    for number in range(3):
        alert_event(desk, number)
    with desk.platform.store.write() as transaction:
        resolve_alert(transaction, "test:0", desk.platform.store.clock.now())
    await user.open("/alerts")
    await user.should_see("over, to acknowledge")
    user.find(marker="acknowledge-all").click()
    await user.should_see("3 alerts. It is taken off every page and kept here.")
    user.find(marker="reason").type("network was down")
    user.find(marker="confirm-reason").click()
    await user.should_see("No alert waits for you")
    await user.open("/alerts?all=1")
    await user.should_see("network was down")
    links = {link.props["href"] for link in user.find(ui.link).elements}
    assert "/retries" in links
