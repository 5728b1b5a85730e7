"""Quotes: the price of then beside the price of now, with the splits between them, on the bundled market."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ba2_trade_platform.core.instruments.quotes import Quotes
from ba2_trade_platform.demo.market import DemoMarket


def test_a_price_of_before_a_split_is_put_into_the_shares_of_today() -> None:
    quotes = Quotes(DemoMarket())
    assert quotes.split_since("AAPL", datetime(2008, 9, 16, 20, tzinfo=UTC)) == pytest.approx(1 / 7)  # of June 2014
    assert quotes.split_since("AAPL", datetime(2014, 9, 16, 20, tzinfo=UTC)) == 1


def test_what_is_not_known_is_not_guessed() -> None:
    quotes = Quotes(DemoMarket())
    assert quotes.split_since("AAPL", datetime(2015, 3, 2, tzinfo=UTC)) is None  # after the market's present
    assert quotes.split_since("AAPL", datetime(1999, 3, 2, tzinfo=UTC)) is None  # before its first bar
    assert quotes.split_since("ZZZZ", datetime(2008, 9, 16, tzinfo=UTC)) is None
