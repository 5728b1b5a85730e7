"""Price file check: checks a file or a folder for the command line, given up by Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from ba2_trade_platform.core.base.clocks import SystemClock
from ba2_trade_platform.core.base.errors import Invalid, NotFound
from ba2_trade_platform.core.contracts.price_files import FolderCheck
from ba2_trade_platform.market.calendars.desk_calendars import FILE as CALENDAR_DAYS
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.folder.folder_check import check_folder
from ba2_trade_platform.market.folder.prices import FolderPrices
from ba2_trade_platform.settings import Settings


def check_path(settings: Settings, path: Path | None, told: Callable[[FolderCheck], None]) -> FolderCheck:
    """Check a file, with the side files beside it, or all files of a folder; `path` None is BA2_PRICES_DIR.

    Raises NotFound where nothing is, Invalid where there is no folder to check.
    """
    chosen = path or settings.prices_dir
    if chosen is None:
        raise Invalid("Say which file or folder to check, or set BA2_PRICES_DIR")
    if not chosen.exists():
        raise NotFound(f"There is no file or folder {chosen}")
    folder, only = (chosen, None) if chosen.is_dir() else (chosen.absolute().parent, chosen.name)
    found: list[FolderCheck] = []
    stopping = threading.Event()
    calendars = DeskCalendars(settings.data_dir / CALENDAR_DAYS)
    prices, kept = FolderPrices(folder, SystemClock(), calendars), settings.data_dir / "prices" / "folder"

    def check() -> None:
        found.append(check_folder(prices, kept, lambda: not stopping.is_set(), told, only))

    thread = threading.Thread(target=check, name="price files")
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        stopping.set()
        thread.join()
    if not found or not (found[0].files or found[0].problems or only is None):
        raise Invalid(f"{chosen.name} is no price file: its name has to be a symbol, and end with .csv or .parquet")
    return found[0]
