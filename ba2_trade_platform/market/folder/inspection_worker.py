"""Inspection worker: a process that inspects the files named on its input, so that no page waits for their reading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from ba2_trade_platform.core.base.clocks import SystemClock
from ba2_trade_platform.core.contracts.price_files import FileState, PriceFileReport
from ba2_trade_platform.market.calendars.desk_calendars import DeskCalendars
from ba2_trade_platform.market.folder.inspection import from_json, inspect, to_json
from ba2_trade_platform.market.folder.prices import FolderPrices

MODULE = "ba2_trade_platform.market.folder.inspection_worker"
ROOT = Path(__file__).parents[3]


class InspectionWorker:
    """One such process, started at first use. It ends when its input does, so also when this process is killed."""

    def __init__(self, folder: Path, calendars: DeskCalendars) -> None:
        self._read = [folder, *calendars.files]
        self._process: subprocess.Popen[str] | None = None

    def inspect(self, symbol: str, path: Path, paths: Sequence[Path]) -> PriceFileReport:
        """Have one file inspected; a file that ends its reader is refused with that reason. Blocking."""
        if self._process is None:
            self._process = _start(self._read)
        process = self._process
        try:
            _pipe(process.stdin).write(json.dumps([symbol, str(path), [str(each) for each in paths]]) + "\n")
            _pipe(process.stdin).flush()
            return from_json(json.loads(_pipe(process.stdout).readline()))
        except (OSError, ValueError):
            self.stop()
            ended = f"{path.name}: its reader ended with {process.returncode} while it read it"
            return PriceFileReport(path.name, symbol, FileState.REFUSED, problem=ended)

    def stop(self) -> None:
        """End the process; it writes nothing, so nothing is lost."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _close(pipe)


def _start(read: Sequence[Path]) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", MODULE, *map(str, read)]
    return subprocess.Popen(  # noqa: S603 - this interpreter and this module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="ascii",
        env=environment,
        start_new_session=True,  # a Ctrl-C is for the command, which ends it
    )


def _pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise OSError("the worker has no pipes")
    return pipe


def _close(pipe: IO[str] | None) -> None:
    try:
        _pipe(pipe).close()
    except OSError:  # what was not written yet is wanted by nobody
        return


def main(asked: IO[str], answered: IO[str], folder: str, calendar_days: str | None = None) -> None:
    """Answer each line, a symbol and its file, with a report, until there is no more."""
    calendars = DeskCalendars(Path(calendar_days) if calendar_days else None)
    prices = FolderPrices(Path(folder), SystemClock(), calendars)
    for line in asked:
        symbol, path, paths = json.loads(line)
        report = inspect(prices, symbol, Path(path), [Path(each) for each in paths])
        answered.write(json.dumps(to_json(report)) + "\n")
        answered.flush()


if __name__ == "__main__":
    main(sys.stdin, sys.stdout, *sys.argv[1:])
