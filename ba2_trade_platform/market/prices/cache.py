"""Price cache: one file a symbol in the data folder, replaced as a whole so that a kill spoils none."""

from __future__ import annotations

import json
import logging
import os
import secrets
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ba2_trade_platform.core.base.symbols import file_stem, symbol_of_stem
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.prices.history import Fetched, History
from ba2_trade_platform.market.prices.series import RawBars, Split

log = logging.getLogger(__name__)
SUFFIX = ".npz"
VERSION = 1
_BARS = tuple(RawBars.__dataclass_fields__)
_LISTED = ("name", "exchange", "currency", "calendar")


class PriceCache:
    """The files of one provider. Many may read and write at once: a file is only ever replaced as a whole."""

    def __init__(self, folder: Path, calendars: DeskCalendars | None = None) -> None:
        self._folder = folder
        self.calendars = calendars or DeskCalendars()

    def read(self, symbol: str) -> History | None:
        """Return what is kept of a symbol, None when nothing is, or when it cannot be read."""
        path = self._path(symbol)
        try:
            with np.load(path, allow_pickle=False) as kept:
                about = json.loads(str(kept["about"]))
                raw = RawBars(*(kept[column] for column in _BARS))
            return _history(about, raw, self.calendars) if about["version"] == VERSION else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            log.warning("%s cannot be read and is fetched anew: %s", path, error)
            return None

    def write(self, history: History) -> None:
        """Keep this instead of what was kept; a disk that cannot take it costs the cache only, with a warning."""
        path = self._path(history.symbol)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        arrays = {column: getattr(history.found.raw, column) for column in _BARS}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as out:
                np.savez_compressed(out, about=np.array(json.dumps(_about(history))), **arrays)
                out.flush()
                os.fsync(out.fileno())
            draft.replace(path)
        except OSError as error:
            log.warning("The prices of %s cannot be kept: %s", history.symbol, error)
            draft.unlink(missing_ok=True)

    def symbols(self) -> list[str]:
        """Return every symbol of which something is kept, in order."""
        stems = (path.name.removesuffix(SUFFIX) for path in self._files())
        return sorted(filter(None, map(symbol_of_stem, stems)))

    def ages(self) -> tuple[int, datetime | None, datetime | None]:
        """Return how many files there are, and when the oldest and the newest were written."""
        times = sorted(datetime.fromtimestamp(path.stat().st_mtime).astimezone() for path in self._files())
        return len(times), times[0] if times else None, times[-1] if times else None

    def _files(self) -> Iterator[Path]:
        return (path for path in self._folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))

    def _path(self, symbol: str) -> Path:
        return self._folder / f"{file_stem(symbol)}{SUFFIX}"


def _about(history: History) -> dict[str, object]:
    found = history.found
    return {
        "version": VERSION,
        "symbol": history.symbol,
        "provider_symbol": history.provider_symbol,
        "fetched_at": history.fetched_at.isoformat(),
        "splits": [[split.day.isoformat(), split.ratio] for split in found.splits],
        **{name: getattr(found, name) for name in _LISTED},
    }


def _history(about: dict[str, Any], raw: RawBars, calendars: DeskCalendars) -> History:
    splits = tuple(Split(date.fromisoformat(day), float(ratio)) for day, ratio in about["splits"])
    found = Fetched(raw, splits, **{name: about[name] for name in _LISTED})
    fetched_at = datetime.fromisoformat(about["fetched_at"])
    return History(about["symbol"], about["provider_symbol"], fetched_at, found, calendars)
