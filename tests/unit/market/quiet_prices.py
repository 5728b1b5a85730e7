"""Quiet prices: files of a share that moves by little, for tests that put something loud into them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.folder.prices import FolderPrices
from tests.fakes.clock import StandingClock

NOW = datetime(2014, 12, 31, 21, tzinfo=UTC)
HEAD = "Date,Open,High,Low,Close,Volume"


def folder(path: Path) -> FolderPrices:
    """Return the prices of a folder at the end of 2014."""
    return FolderPrices(path, StandingClock(NOW))


def refusal(path: Path, symbol: str = "ACME") -> str:
    """Return why a symbol's bars cannot be had."""
    with pytest.raises(ExpertError) as caught:
        folder(path).bars(symbol, NOW)
    return str(caught.value)


def sessions(count: int) -> list[date]:
    """Return the last sessions of 2014."""
    days = session_calendar("XNYS").days
    return [day.item() for day in days[days <= np.datetime64("2014-12-31")][-count:]]


def rows(count: int = 60, price: float = 100.0) -> list[str]:
    """Return quiet bars whose closes go up and down by a little."""
    return [
        f"{day},{price:.2f},{price * 1.02:.2f},{price * 0.98:.2f},{price * (1.01 if at % 2 else 0.99):.2f},{1000 + at}"
        for at, day in enumerate(sessions(count))
    ]


def text(*lines: str, head: str = HEAD) -> str:
    """Return a file of these rows."""
    return "\n".join([head, *lines]) + "\n"
