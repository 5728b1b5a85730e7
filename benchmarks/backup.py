"""Backup benchmark: how much a backup of 500 MB slows a person's writes beside it.

Each write is one transaction of a service, synchronous=FULL; the bare copy is sqlite3's in one piece, for the ratio.
Run alone: `python -m benchmarks.backup --megabytes 500`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.settings import Settings
from benchmarks.domain import BENCHMARK
from benchmarks.report import Line, Section, show, spread

PAUSE_SECONDS = 0.005


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--megabytes", type=int, default=500, help="size of the database that is backed up")


def measure(options: Namespace) -> Section:
    """Back up beside a writer, in our steps and in one piece."""
    with TemporaryDirectory(prefix="backup-") as name:
        folder = Path(name)
        platform = build(Settings(_env_file=None, data_dir=folder, demo=False))
        platform.own()
        _fill(folder / "ba2.db", options.megabytes)
        quiet, _ = _beside(platform, lambda: time.sleep(3))
        ours, seconds = _beside(platform, lambda: platform.operations.backups.make(by=BENCHMARK))
        whole, bare_seconds = _beside(platform, lambda: _bare(folder / "ba2.db", folder / "bare.db"))
        platform.stop()
    return Section(
        f"Backup of {options.megabytes} MB while somebody writes; synchronous=FULL",
        [
            Line("Backup, copied, verified and synced", f"{seconds:.1f} s", f"{seconds / bare_seconds:.1f}x one piece"),
            Line("A write without a backup, p50 / p95", spread(quiet)),
            Line("A write beside the backup, p50 / p95", spread(ours)),
            Line("the slowest of them", f"{1000 * max(ours):.0f} ms", goal="200 ms", met=max(ours) < 0.2),
            Line("A write beside a copy in one piece, p50 / p95", spread(whole)),
            Line("the slowest of these", f"{1000 * max(whole):.0f} ms"),
        ],
    )


def _fill(file: Path, megabytes: int) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE ballast (content BLOB)")
        connection.executemany("INSERT INTO ballast VALUES (randomblob(1000000))", [()] * megabytes)


def _beside(platform: Platform, work: Callable[[], object]) -> tuple[list[float], float]:
    """Return how long each write took while `work` was done, and how long that took."""
    with _writing(platform) as took:
        begun = time.perf_counter()
        work()
        seconds = time.perf_counter() - begun
    return took, seconds


@contextmanager
def _writing(platform: Platform) -> Iterator[list[float]]:
    took: list[float] = []
    done = threading.Event()

    def write() -> None:
        while not done.wait(PAUSE_SECONDS):
            begun = time.perf_counter()
            platform.queue.pause(by=BENCHMARK, reason="a write")
            took.append(time.perf_counter() - begun)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield took
    finally:
        done.set()
        writer.join()


def _bare(file: Path, target: Path) -> None:
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


if __name__ == "__main__":
    own = ArgumentParser(description=__doc__)
    add_options(own)
    show([measure(own.parse_args())])
