"""The registry of price providers: a missing package or key is one sentence, and nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ba2_trade_platform.app.build import build
from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.market.prices.registry import open_prices
from ba2_trade_platform.settings import Settings


def test_alpaca_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(StartRefused, match="BA2_PRICES=alpaca needs BA2_ALPACA_KEY and BA2_ALPACA_SECRET"):
        build(Settings(_env_file=None, data_dir=tmp_path, prices="alpaca"))


def test_a_console_opens_yahoo_without_asking_it(tmp_path: Path) -> None:
    prices = open_prices("yahoo", None, tmp_path)
    assert (prices.name, list(prices.instruments())) == ("yahoo", [])
    assert prices.clock.now().year > 2014


def test_without_its_package_a_provider_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\n"
        "from ba2_trade_platform.market.prices.registry import open_prices\n"
        "class NotInstalled:\n"
        "    def find_spec(self, name, *_):\n"
        "        return None\n"
        "sys.path, sys.meta_path = [], [NotInstalled()]\n"
        f"open_prices('yahoo', None, pathlib.Path({str(tmp_path)!r}))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "BA2_PRICES=yahoo needs a package: .venv/bin/pip install -e '.[yahoo]'" in found.stderr


def test_nothing_heavy_is_imported_before_somebody_asks(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from ba2_trade_platform.market.prices.registry import open_prices\n"
        f"open_prices('yahoo', None, pathlib.Path({str(tmp_path)!r})).instruments()\n"
        f"open_prices('alpaca', None, pathlib.Path({str(tmp_path)!r}), ('key', 'secret')).instruments()\n"
        "print(*sorted({'pandas', 'yfinance', 'alpaca', 'curl_cffi', 'requests', 'limits', 'tenacity',"
        " 'exchange_calendars'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
