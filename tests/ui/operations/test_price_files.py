"""Price files on the page Health: checked by a button, the worst first; not there without a folder."""

from __future__ import annotations

from pathlib import Path

from nicegui.testing import User

from ba2_trade_platform.core.base.clocks import SystemClock
from ba2_trade_platform.market.folder.folder_check import CheckedPrices
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.routes import register_pages
from tests.platforms import make_platform, running


async def test_a_button_checks_the_files_and_shows_those_that_are_refused(user: User, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "ACME.csv").write_text("date,open,high,low,close,volume\n2014-06-05,10,12,9,11,7\n")
    (folder / "BAD.csv").write_text("date,open,high,low,close,volume\n2014-06-05,10,12,9,15,7\n")
    platform = make_platform(tmp_path, prices=CheckedPrices(folder, SystemClock(), None))
    register_pages(platform)
    with running(platform):
        await user.open("/health")
        await user.should_see("Not checked in this life of the console")
        user.find(marker="check-price-files").click()
        await user.should_see("2 files: 1 used, 1 refused; 2 read anew")
        await user.should_see("BAD.csv, line 2: close lies outside low to high")


async def test_prices_from_elsewhere_have_no_files_to_check(user: User, desk: Desk) -> None:
    await user.open("/health")
    await user.should_see("Backups")
    await user.should_not_see("Not checked in this life of the console")
    assert not desk.platform.operations.price_checks.possible
