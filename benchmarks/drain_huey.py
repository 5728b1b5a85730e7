"""Huey drain: the same jobs through Huey on SQLite with as many threads, as a peer to compare with."""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path

from huey import SqliteHuey

from benchmarks.domain import check, desk, queue_up
from benchmarks.engines import answer
from benchmarks.peer_writes import writer


def drain(folder: Path, jobs: int, workers: int, kind: str) -> float:
    """Return the seconds from the consumer's start until the last of `jobs` is completed."""
    platform, instance_id = desk(folder, workers)
    ids = queue_up(platform, instance_id, jobs)
    platform.stop()
    queue = SqliteHuey("benchmark", filename=str(folder / "huey.db"), fsync=True, results=False, timeout=60)
    rows, lock, finished = writer(kind, folder / "ba2.db"), threading.Lock(), threading.Event()
    left = [jobs]

    @queue.task()  # type: ignore[untyped-decorator]  # Huey ships no types
    def analyse(analysis_id: int) -> None:
        rows.begin(analysis_id)
        rows.finish(analysis_id)
        with lock:
            left[0] -= 1
        if not left[0]:
            finished.set()

    for analysis_id in ids:
        analyse(analysis_id)
    consumer = queue.create_consumer(
        workers=workers, worker_type="thread", initial_delay=0.001, backoff=1.15, max_delay=0.01, periodic=False,
        check_worker_health=False,
    )  # fmt: skip
    begun = time.perf_counter()
    consumer.start()
    assert finished.wait(600), f"Huey did not drain {jobs} jobs"
    seconds = time.perf_counter() - begun
    consumer.stop(graceful=True)
    check(folder / "ba2.db", jobs)
    return seconds


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    where, wanted, width = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    answer(seconds=drain(where, wanted, width, sys.argv[4]))
