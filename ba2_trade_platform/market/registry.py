"""Opens the price provider that the settings name."""

from __future__ import annotations

from pathlib import Path

from ba2_trade_platform.core.contracts import Prices
from ba2_trade_platform.market.clock import SystemClock
from ba2_trade_platform.market.demo_market import DemoMarket
from ba2_trade_platform.market.folder import FolderPrices


def open_prices(kind: str, folder: Path | None) -> Prices:
    """Return the provider `demo` or `folder`, its clock included; ValueError with a sentence for anything else."""
    if kind == "demo":
        return DemoMarket()
    if kind != "folder":
        raise ValueError(f"BA2_PRICES must be demo or folder, not {kind!r}")
    if folder is None:
        raise ValueError("BA2_PRICES=folder needs BA2_PRICES_DIR, the folder of your price files")
    if not folder.is_dir():
        raise ValueError(f"BA2_PRICES_DIR is {folder}, which is not a folder")
    return FolderPrices(folder, SystemClock())
