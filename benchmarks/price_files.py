"""Price file benchmark: one file against pandas and the bare csv module, and a check of a whole folder, twice.

Run alone: `python -m benchmarks.price_files --price-files 2000`.
"""

from __future__ import annotations

import csv
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it brings no types

from ba2_trade_platform.core.base.clocks import SystemClock
from ba2_trade_platform.core.contracts.price_files import FolderCheck
from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.folder.folder_check import PROCESSES, CheckedPrices
from ba2_trade_platform.market.folder.price_file import read_price_file
from benchmarks.report import Line, Section, milliseconds, show

BARS = 2_500  # ten years
HEAD = "Date,Open,High,Low,Close,Volume\n"


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--price-files", type=int, default=2_000, help="price files in the folder that is checked")


def measure(options: Namespace) -> Section:
    """Time one file in several forms, then the folder: all read, and known by a glance."""
    with TemporaryDirectory(prefix="prices-") as folder:
        path = Path(folder)
        return Section("Price files", [*_one_file(path), *_folder(path / "many", options.price_files)])


def _text(day_form: str = "%Y-%m-%d", separator: str = ",", decimal: str = ".") -> str:
    days = session_calendar("XNYS").days
    days = days[days <= np.datetime64("2026-11-27")][-BARS:]
    prices = [(100 + at % 7, 103 + at % 7, 98 + at % 7, 101 + at % 7) for at in range(BARS)]
    rows = [
        separator.join(
            [f"{day:{day_form}}", *(f"{price}.25".replace(".", decimal) for price in row), str(1_000_000 + at)]
        )
        for at, (day, row) in enumerate(zip(days.tolist(), prices, strict=True))
    ]
    return HEAD.replace(",", separator) + "\n".join(rows) + "\n"


def _one_file(folder: Path) -> list[Line]:
    forms = {
        "plain": _text(),
        "days as 11/27/2026": _text("%m/%d/%Y"),
        "semicolons and decimal commas": _text("%d.%m.%Y", ";", ","),
    }
    bare = by_pandas = 0.0
    lines: list[Line] = []
    for title, text in forms.items():
        path = folder / "ACME.csv"
        path.write_text(text)
        if not lines:
            bare, by_pandas = _seconds(partial(_bare, path)), _seconds(partial(_by_pandas, path))
            lines.append(Line("bare csv module and float, plain", milliseconds(bare)))
            lines.append(Line("pandas.read_csv with dates, plain", milliseconds(by_pandas)))
        took = _seconds(partial(read_price_file, path, session_calendar("XNYS"), "ACME"))
        ratio = f"{took / bare:.1f} x csv, {took / by_pandas:.1f} x pandas"
        lines.append(Line(f"a file of {BARS:,} bars, {title}", milliseconds(took), ratio))
    return lines


def _folder(folder: Path, files: int) -> list[Line]:
    folder.mkdir()
    text = _text()
    for number in range(files):
        (folder / f"S{number:04}.csv").write_text(text)
    first = _check(folder, files)
    again = _check(folder, 0)
    one = _seconds(partial(read_price_file, folder / "S0000.csv", session_calendar("XNYS"), "S0000"))
    return [
        Line(f"a check of {files:,} files, all read", f"{first:.1f} s", f"{first / (one * files):.1f} x reading them"),
        Line(
            f"the same again, by {PROCESSES} processes at most, all known", f"{again:.2f} s", f"{again / first:.3f} x"
        ),
    ]


def _check(folder: Path, read: int) -> float:
    prices = CheckedPrices(folder, SystemClock(), folder.parent / "kept")
    begin = time.perf_counter()
    done = prices.check(lambda: True, _unheard)
    took = time.perf_counter() - begin
    if done.refused or done.read != read:
        raise RuntimeError(done.sentence)
    return took


def _unheard(_: FolderCheck) -> None:
    """Hear nothing."""


def _bare(path: Path) -> list[list[float]]:
    with path.open(newline="") as file:
        return [[float(cell) for cell in row[1:]] for row in csv.reader(file) if row[0] != "Date"]


def _by_pandas(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, parse_dates=["Date"])


def _seconds(work: Callable[[], object], times: int = 9) -> float:
    """Return the processor's time, in which other programs are not counted."""
    took = []
    for _ in range(times):
        begin = time.process_time()
        work()
        took.append(time.process_time() - begin)
    return median(took)


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
