"""Early closes: told from ordinary sessions of an exchange."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.recurrence.occurrences import EarlyCloses
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars

AFTER_OPEN = datetime(2026, 11, 27, 14, 45, tzinfo=UTC)


def test_the_day_after_thanksgiving_is_short_and_its_neighbours_are_not() -> None:
    days = [AFTER_OPEN.replace(day=day) for day in (25, 27, 30)]
    found = EarlyCloses(ExchangeCalendars()).among("XNYS", days)
    assert list(found) == [AFTER_OPEN]
    assert found[AFTER_OPEN].closes_at == datetime(2026, 11, 27, 18, tzinfo=UTC)


def test_without_a_calendar_there_are_none_and_an_unknown_one_is_refused() -> None:
    early_closes = EarlyCloses(ExchangeCalendars())
    assert early_closes.among(None, [AFTER_OPEN]) == {}
    with pytest.raises(Invalid):
        early_closes.among("NOWHERE", [AFTER_OPEN])
