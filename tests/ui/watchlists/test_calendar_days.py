"""Calendar days panel: a trader adds an extra session, sees how far calendars reach, and takes the day away."""

from __future__ import annotations

from datetime import date

from nicegui.testing import User

from ba2_trade_platform.core.contracts.exchanges import OwnDays
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.vocabulary import OwnDaysKind
from tests.platforms import TRADER
from tests.ui.elements import put

SUNDAY = OwnDays("XBOM", OwnDaysKind.EXTRA_SESSION, date(2026, 2, 1), date(2026, 2, 1), reason="Budget Sunday")


async def test_an_extra_session_is_added_and_removed_with_a_reason(user: User, desk: Desk) -> None:
    await user.open("/watchlists?tab=instruments")
    await user.should_see("Every calendar is as it is recorded")
    user.find(marker="add-days").click()
    await user.should_see(marker="days-calendar")
    put(user, "days-calendar", "XBOM")
    await user.should_see("XBOM is known from 1997-01-01 to 2026-12-31")
    put(user, "days-first", "2026-02-01")
    put(user, "days-reason", "Budget Sunday")
    user.find(marker="act-add").click()
    await user.should_see("XBOM: extra session 2026-02-01 added; it is known until 2026-12-31")
    await user.should_see("Budget Sunday")
    assert list(desk.platform.instruments.calendar_days.list()) == [SUNDAY]
    user.find(marker="remove-days-XBOM-2026-02-01").click()
    await user.should_see("Remove the extra session 2026-02-01 of XBOM?")
    user.find(marker="confirm-reason").click()
    await user.should_see("XBOM: extra session 2026-02-01 removed")
    assert list(desk.platform.instruments.calendar_days.list()) == []


async def test_a_refusal_stays_in_the_dialog(user: User, desk: Desk) -> None:
    await user.open("/watchlists?tab=instruments")
    await user.should_see(marker="add-days")
    user.find(marker="add-days").click()
    await user.should_see(marker="days-calendar")
    user.find(marker="act-add").click()
    await user.should_see("Choose a calendar and a day")
    put(user, "days-calendar", "XBOM")
    put(user, "days-first", "2026-02-02")
    user.find(marker="act-add").click()
    await user.should_see("XBOM has it so already: extra session 2026-02-02")


async def test_what_is_wrong_in_the_file_stands_on_the_page(user: User, desk: Desk) -> None:
    desk.platform.instruments.calendar_days.add(SUNDAY, by=TRADER)
    file = desk.platform.settings.data_dir / "calendar_days.csv"
    file.write_text(file.read_text() + "XNYS,holiday,2026-12-24,,,,\n")
    await user.open("/watchlists?tab=instruments")
    await user.should_see("calendar_days.csv, line 3: kind holiday is neither extra_session nor closed_day")
    await user.should_see(marker="reach-XBOM")
