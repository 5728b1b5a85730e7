"""Calendars that end: beyond their last recorded day nothing is fresh, and nothing after as_of changes an answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import exchange_calendars
import pytest

from ba2_trade_platform.core.contracts.experts import Bars, ExpertError
from ba2_trade_platform.market.calendars.exchanges import DOUBTFUL, ExchangeCalendars
from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.folder.prices import FolderPrices
from ba2_trade_platform.vocabulary import ErrorCode
from tests.fakes.clock import StandingClock
from tests.price_folders import BUDGET_SUNDAY, lay_prices, sessions_of

ENDING = ["XBOM", "XSES", "XSHG"]
SUMMER = datetime(2027, 6, 1, tzinfo=UTC)


def folder(path: Path, mic: str, *, more: dict[date, int] | None = None) -> FolderPrices:
    """Return a folder with one symbol that has a bar for each session of its exchange until the end of 2026."""
    days = sessions_of(mic, until=date(2026, 12, 31))[-400:]
    lay_prices(path, "ACME", mic, {**dict.fromkeys(days, 1000), **(more or {})})
    return FolderPrices(path, StandingClock(SUMMER))


def refusal(bars: Bars) -> ExpertError:
    with pytest.raises(ExpertError) as caught:
        bars.require()
    return caught.value


@pytest.mark.parametrize("mic", ENDING)
def test_prices_of_the_last_known_session_are_not_fresh_after_it(tmp_path: Path, mic: str) -> None:
    prices = folder(tmp_path, mic)
    error = refusal(prices.bars("ACME", SUMMER, 300))
    assert error.code is ErrorCode.CALENDAR_ENDS
    assert str(error).startswith(f"The {mic} calendar ends on 2026-12-31")
    assert "Update exchange-calendars" in str(error)
    assert prices.bars("ACME", SUMMER).staleness == f"of unknown age, for the {mic} calendar has ended"


@pytest.mark.parametrize(
    ("as_of", "known"),
    [
        (datetime(2026, 12, 31, 18, 30, tzinfo=UTC), True),  # midnight in Mumbai
        (datetime(2026, 12, 31, 18, 30, 0, 1, tzinfo=UTC), False),
        (datetime(2026, 12, 31, 10, 0, tzinfo=UTC), True),
        (datetime(2027, 1, 1, tzinfo=UTC), False),
    ],
)
def test_knowledge_ends_with_the_exchanges_own_day(tmp_path: Path, as_of: datetime, known: bool) -> None:
    bars = folder(tmp_path, "XBOM").bars("ACME", as_of, 300)
    if known:
        assert bars.require().sessions[-1] == date(2026, 12, 31)
    else:
        assert refusal(bars).code is ErrorCode.CALENDAR_ENDS


@pytest.mark.parametrize("mic", ENDING)
def test_a_bar_after_the_end_is_kept_for_later_and_spoils_no_earlier_answer(tmp_path: Path, mic: str) -> None:
    plain = folder(tmp_path / "plain", mic)
    more = folder(tmp_path / "more", mic, more={date(2027, 1, 4): 1000, date(2027, 1, 5): 1000})
    autumn = datetime(2026, 11, 20, tzinfo=UTC)
    for as_of in (autumn, datetime(2026, 12, 31, 12, tzinfo=UTC)):
        one, other = (prices.bars("ACME", as_of, 300).require() for prices in (plain, more))
        assert (one.sessions, one.warnings) == (other.sessions, other.warnings)
    assert refusal(more.bars("ACME", SUMMER)).code is ErrorCode.CALENDAR_ENDS


def test_a_calendar_that_is_recorded_for_longer_says_what_is_missing(tmp_path: Path) -> None:
    assert refusal(folder(tmp_path, "XHKG").bars("ACME", SUMMER, 300)).code is ErrorCode.STALE_DATA


def test_a_day_after_the_end_is_no_as_of(tmp_path: Path) -> None:
    prices = folder(tmp_path, "XBOM")
    assert prices.instant_of(date(2026, 12, 31), "ACME") == datetime(2026, 12, 31, 10, tzinfo=UTC)
    with pytest.raises(ExpertError, match="The XBOM calendar ends on 2026-12-31") as caught:
        prices.instant_of(date(2027, 1, 1), "ACME")
    assert caught.value.code is ErrorCode.CALENDAR_ENDS


def test_a_traded_bar_without_a_session_is_left_out_with_a_warning(tmp_path: Path) -> None:
    prices = folder(tmp_path, "XBOM", more={BUDGET_SUNDAY: 500})
    bars = prices.bars("ACME", datetime(2026, 2, 20, tzinfo=UTC), 300)
    assert BUDGET_SUNDAY not in bars.sessions
    (warning,) = bars.warnings
    assert warning.startswith("ACME has a traded bar on 2026-02-01, where the XBOM calendar has no session; left out.")
    assert "on the page Instruments" in warning


def test_a_bar_without_a_session_is_seen_once_its_day_is_over_at_the_exchange(tmp_path: Path) -> None:
    prices = folder(tmp_path, "XBOM", more={BUDGET_SUNDAY: 500})
    midnight = datetime(2026, 2, 1, 18, 30, tzinfo=UTC)
    assert prices.bars("ACME", midnight - timedelta(microseconds=1)).left_out == ()
    assert prices.bars("ACME", midnight).left_out == (BUDGET_SUNDAY,)


def test_a_day_that_nobody_traded_on_is_dropped_without_a_word(tmp_path: Path) -> None:
    bars = folder(tmp_path, "XBOM", more={BUDGET_SUNDAY: 0}).bars("ACME", datetime(2026, 2, 20, tzinfo=UTC))
    assert (bars.warnings, BUDGET_SUNDAY in bars.sessions) == ((), False)


def test_prices_of_another_exchange_are_refused_with_both_ways_out(tmp_path: Path) -> None:
    days = sessions_of("XETR", until=date(2026, 11, 20))[-400:]
    lay_prices(tmp_path, "SAP", "XNYS", dict.fromkeys(days, 1000))
    error = refusal(FolderPrices(tmp_path, StandingClock(SUMMER)).bars("SAP", datetime(2026, 11, 21, tzinfo=UTC), 300))
    assert error.code is ErrorCode.DATA_MISSING
    assert "instruments.csv" in str(error)
    assert "calendar days of XNYS" in str(error)


def test_every_calendar_that_is_offered_can_be_computed() -> None:
    offered = ExchangeCalendars().names()
    for name in offered:
        calendar = session_calendar(name)
        assert calendar.first_day < calendar.days[-1].item() <= calendar.last_day
    failing = set(exchange_calendars.get_calendar_names(include_aliases=False)) - set(offered)
    assert failing <= set(DOUBTFUL)


def test_a_calendar_reaches_as_far_as_it_is_recorded_and_not_a_year_from_today() -> None:
    reaches = {name: session_calendar(name).reach for name in ("XHKG", "XSAU", "XSHG", "XTKS")}
    assert {name: (reach.first, reach.last) for name, reach in reaches.items()} == {
        "XHKG": (date(1970, 1, 1), date(2049, 12, 31)),
        "XSAU": (date(2021, 1, 1), date(2029, 12, 31)),
        "XSHG": (date(1990, 12, 3), date(2026, 12, 31)),
        "XTKS": (date(1997, 1, 1), date(2050, 12, 31)),
    }
