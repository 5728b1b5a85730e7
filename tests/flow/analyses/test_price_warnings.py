"""Doubts about prices: an analysis completes, and its attempt keeps the sentence once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.folder.prices import FolderPrices
from ba2_trade_platform.vocabulary import Status
from tests.fakes.clock import StandingClock
from tests.platforms import TRADER, drain, make_platform, row, running, submit

NOW = datetime(2014, 12, 31, 21, tzinfo=UTC)


def test_a_gap_without_a_split_is_a_warning_on_the_analysis(tmp_path: Path) -> None:
    days = session_calendar("XNYS").days
    days = days[days <= np.datetime64("2014-12-31")][-320:]
    folder = tmp_path / "files"
    folder.mkdir()
    rows = [
        f"{day},{p},{p + 2},{p - 2},{p + at % 2},9" for at, day in enumerate(days) for p in [400 if at < 300 else 100]
    ]
    (folder / "ACME.csv").write_text("date,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    platform = make_platform(tmp_path, prices=FolderPrices(folder, StandingClock(NOW)))
    with running(platform):
        expert = platform.experts.create("TechnicalRules", "Rules", {}, by=TRADER).id
        analysis_id = submit(platform, expert, "ACME")
        drain(platform)
        assert row(platform, analysis_id).status is Status.COMPLETED
        (attempt,) = platform.monitoring.details.attempts(analysis_id)
    (warning,) = attempt.warnings
    assert warning == (
        f"ACME: The close changes by -75 % on {days[300]}, from 401 to 100, and no split, dividend or rename is known "
        "that explains it: look whether one is missing"
    )
