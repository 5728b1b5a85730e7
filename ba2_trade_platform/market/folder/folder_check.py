"""Folder check: inspects every price file of a folder in parallel, and those that are known by a glance."""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.contracts.price_files import FileState, FolderCheck, PriceFileReport
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.folder.file_text import BadFile
from ba2_trade_platform.market.folder.inspection import behind, digest, from_json, inspect, to_json
from ba2_trade_platform.market.folder.inspection_worker import InspectionWorker
from ba2_trade_platform.market.folder.prices import FolderPrices

log = logging.getLogger(__name__)
READER = 3  # of the rules by which files are read: another number has all files read anew
FEW = 24  # are read here: a process of its own takes a second to begin
PROCESSES = max(1, min(4, os.cpu_count() or 1))
TELL_SECONDS = 0.5
Go = Callable[[], bool]
Told = Callable[[FolderCheck], None]


@dataclass(frozen=True)
class _Wanted:
    """A file to inspect, and all files of its symbol."""

    symbol: str
    path: Path
    paths: tuple[Path, ...]


@dataclass
class _Progress:
    """Reports as they come, from several threads; `told` hears of them twice a second at most."""

    check: FolderCheck
    told: Told
    found: dict[str, PriceFileReport] = field(default_factory=dict)
    read: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    at: float = 0.0

    def add(self, report: PriceFileReport) -> None:
        """Take one report."""
        with self.lock:
            self.found[report.file] = report
            self.read += 1
            due = time.monotonic() - self.at >= TELL_SECONDS
            if due:
                self.at = time.monotonic()
                state = self.state(under_way=True)
        if due:
            self.told(state)

    def state(self, *, under_way: bool, given_up: bool = False) -> FolderCheck:
        """Return how it stands."""
        files = tuple(self.found[name] for name in sorted(self.found))
        check = self.check
        return FolderCheck(check.folder, check.total, self.read, files, check.problems, under_way, given_up)


def check_folder(
    prices: FolderPrices, kept: Path | None, go_on: Go, told: Told, only: str | None = None
) -> FolderCheck:
    """Check the files of `prices`, `only` one of this name where given; `kept` is where reports are remembered.

    A file is known while size, time, inode, its calendar and what the side files say of its symbol are the same.
    """
    now = prices.clock.now()
    try:
        files = {
            path.name: _Wanted(symbol, path, tuple(paths))
            for symbol, paths in prices.files().items()
            for path in paths
            if only in {None, path.name}
        }
    except BadFile as error:
        return FolderCheck(str(prices.path), problems=(str(error),))
    memory = _Memory(kept / f"{digest(str(prices.path.resolve()))}.json" if kept is not None else None)
    stamps = {name: _stamp(prices, wanted) for name, wanted in files.items()}
    progress = _Progress(FolderCheck(str(prices.path), len(files), problems=_problems(prices, only)), told)
    progress.found.update(memory.known(stamps))
    waiting = iter([wanted for name, wanted in files.items() if name not in progress.found])
    unread = len(files) - len(progress.found)
    if unread <= FEW:
        _read_here(prices, waiting, go_on, progress)
    else:
        _read_in_processes(prices, waiting, go_on, progress, min(PROCESSES, unread))
    memory.keep({name: (stamps[name], report) for name, report in progress.found.items()}, only is None)
    progress.found = {name: _as_of(report, prices, now) for name, report in progress.found.items()}
    return progress.state(under_way=False, given_up=len(progress.found) < len(files))


class CheckedPrices(FolderPrices):
    """A folder of price files that can be checked; `kept` is the folder in which reports are remembered."""

    def __init__(self, path: Path, clock: Clock, kept: Path | None, calendars: DeskCalendars | None = None) -> None:
        super().__init__(path, clock, calendars)
        self._kept = kept

    def check(self, go_on: Go, told: Told) -> FolderCheck:
        """Check every file; see CheckedFolder."""
        return check_folder(self, self._kept, go_on, told)


def _as_of(report: PriceFileReport, prices: FolderPrices, now: datetime) -> PriceFileReport:
    try:
        return behind(report, prices.calendar_of(report.symbol), now)
    except BadFile:  # the report says so
        return report


def _problems(prices: FolderPrices, only: str | None) -> tuple[str, ...]:
    return tuple(prices.side_problems()) if only is None else ()


def _stamp(prices: FolderPrices, wanted: _Wanted) -> str:
    try:
        status = wanted.path.stat()
    except OSError:
        return ""
    names = [path.name for path in wanted.paths]
    told = prices.told_of(wanted.symbol)
    return digest(READER, wanted.symbol, names, status.st_size, status.st_mtime_ns, status.st_ino, told)


def _read_here(prices: FolderPrices, waiting: Iterator[_Wanted], go_on: Go, progress: _Progress) -> None:
    for wanted in waiting:
        if not go_on():
            return
        progress.add(inspect(prices, wanted.symbol, wanted.path, wanted.paths))


def _read_in_processes(
    prices: FolderPrices, waiting: Iterator[_Wanted], go_on: Go, progress: _Progress, count: int
) -> None:
    turn = threading.Lock()

    def work() -> None:
        worker = InspectionWorker(prices.path, prices.calendars)
        try:
            while go_on():
                with turn:
                    wanted = next(waiting, None)
                if wanted is None:
                    return
                progress.add(worker.inspect(wanted.symbol, wanted.path, wanted.paths))
        finally:
            worker.stop()

    threads = [threading.Thread(target=work, name=f"price check {place}", daemon=True) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class _Memory:
    """The reports of one folder as they were kept; what cannot be read of them is nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._kept: Mapping[str, Any] = {}
        try:
            self._kept = json.loads(path.read_text("utf-8")) if path is not None else {}
        except (OSError, ValueError):
            return

    def known(self, stamps: Mapping[str, str]) -> dict[str, PriceFileReport]:
        """Return the reports of files that are as they were."""
        found = {}
        for name, stamp in stamps.items():
            try:
                kept, report = self._kept[name]
                if stamp and kept == stamp:
                    found[name] = from_json(report)
            except (KeyError, TypeError, ValueError):
                continue
        return found

    def keep(self, reports: Mapping[str, tuple[str, PriceFileReport]], whole: bool) -> None:
        """Keep these, instead of all others where they are the `whole` folder; a failure costs the memory only."""
        if self._path is None:
            return
        fresh = {name: [stamp, to_json(report)] for name, (stamp, report) in reports.items() if _lasts(report)}
        draft = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(fresh if whole else {**self._kept, **fresh}), "utf-8")
            draft.replace(self._path)
        except OSError as error:
            log.warning("The reports on price files cannot be kept: %s", error)


def _lasts(report: PriceFileReport) -> bool:
    """Tell whether a report holds until its file changes; a reader that ended may have ended for another reason."""
    return report.state is not FileState.REFUSED or "its reader ended" not in (report.problem or "")
