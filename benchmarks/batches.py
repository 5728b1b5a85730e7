"""Batch benchmark: acceptance of thousands beside bare inserts, and the wait of one Analyse now.

Run alone: `python -m benchmarks.batches --batch-symbols 2000`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.batches.requests import BatchRequest
from ba2_trade_platform.settings import Settings
from benchmarks.domain import BENCHMARK, One, Trivial
from benchmarks.report import Line, Section, milliseconds, show

EXPERTS = 3
ACCEPTED = 2.0
PERSON = 0.5


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--batch-symbols", type=int, default=2_000, help="symbols of one batch for three experts")


def measure(options: Namespace) -> Section:
    """Preview, submit, pause and cancel, while somebody submits single ones."""
    symbols = tuple(f"S{number}" for number in range(options.batch_symbols))
    with TemporaryDirectory(prefix="batches-") as folder:
        platform = build(Settings(_env_file=None, data_dir=folder, demo=False, operator="benchmark"), One(Trivial()))
        platform.own()
        experts = [platform.experts.create("Trivial", f"Desk {number}", by=BENCHMARK).id for number in range(EXPERTS)]
        request = BatchRequest(tuple(experts), symbols)
        previewed = _timed(lambda: platform.batches.preview(request))
        platform.queue.pause(by=BENCHMARK)
        with _person(platform, experts[0]) as beside:
            begun = time.perf_counter()
            batch = platform.batches.submit(request, by=BENCHMARK)
            accepted = time.perf_counter() - begun
        paused = _timed(lambda: platform.batches.pause(batch.id, by=BENCHMARK))
        read = _timed(lambda: (platform.batches.get(batch.id), platform.batches.items(batch.id)))
        bare = _bare(Path(folder), batch.queued)
        platform.stop()
    longest = max(beside)
    assert batch.queued == len(symbols) * EXPERTS, batch
    return Section(
        f"A batch of {len(symbols):,} symbols for {EXPERTS} experts; synchronous=FULL",
        [
            Line("Preview", milliseconds(previewed)),
            Line(
                "Accepted, every item written",
                milliseconds(accepted),
                f"{accepted / bare:.1f} x bare inserts",
                "< 2 s",
                accepted < ACCEPTED,
            ),
            Line("A person's Analyse now meanwhile, longest", milliseconds(longest), "", "< 500 ms", longest < PERSON),
            Line("Paused", milliseconds(paused)),
            Line("One look at it: state, counts, a page of items", milliseconds(read)),
        ],
        f"Bare: the same rows by sqlite3's executemany into the same tables and indexes, {milliseconds(bare)}. "
        f"The person submitted {len(beside)} analyses meanwhile.",
    )


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


@contextmanager
def _person(platform: Platform, expert: int) -> Iterator[list[float]]:
    """Submit single analyses for the length of a block, a little after each answer; yield the seconds each."""
    seconds: list[float] = []
    done = threading.Event()

    def press() -> None:
        for number in count():
            begun = time.perf_counter()
            platform.queue.submit_analysis_task(expert, f"NOW{number}", by=BENCHMARK)
            seconds.append(time.perf_counter() - begun)
            if done.wait(0.005):
                return

    person = threading.Thread(target=press)
    person.start()
    try:
        yield seconds
    finally:
        done.set()
        person.join()


def _bare(folder: Path, rows: int) -> float:
    """Return how long plain sqlite3 takes to copy these rows with their attempts and items into new ones."""
    with sqlite3.connect(folder / "ba2.db", isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        tables = ("market_analysis", "analysis_attempt", "batch_item")
        content = {}
        for table in tables:
            found = connection.execute(f"SELECT * FROM {table} ORDER BY id LIMIT {rows}")
            names = [column[0] for column in found.description]
            content[table] = (names, [_changed(names, row, place) for place, row in enumerate(found, start=1)])
        begun = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        for table, (names, changed) in content.items():
            marks = ",".join("?" * len(names))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", changed)
        connection.execute("COMMIT")
        return time.perf_counter() - begun


def _changed(names: list[str], row: tuple[object, ...], place: int) -> list[object]:
    """Return a copy of a row that no unique index refuses."""
    fresh = {"id": 10_000_000 + place, "dedupe_key": f"bare {place}", "position": 10_000_000 + place, "number": 1_000}
    return [fresh.get(name, value) for name, value in zip(names, row, strict=True)]


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
