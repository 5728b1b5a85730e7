"""Problem page: a page that cannot be built says why in a sentence, and where to go on."""

from __future__ import annotations

import pytest
from nicegui.testing import User

from ba2_trade_platform.ui.kit.desk import Desk


async def test_a_page_that_cannot_be_built_says_why(user: User, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    database = desk.platform.settings.data_dir / "ba2.db"
    database.rename(database.with_suffix(".away"))
    answer = await user.http_client.get("/providers")
    database.with_suffix(".away").rename(database)
    assert answer.status_code == 500
    for words in ("This page cannot be shown just now", "backup restore", "Try again", "To Job Monitoring"):
        assert words in answer.text
    caplog.clear()  # which says it for those who run the console
