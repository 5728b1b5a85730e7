"""DBOS drain: the same jobs through DBOS on SQLite, one workflow a job, as a peer to compare with."""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path

from dbos import DBOS, DBOSConfig
from sqlalchemy import create_engine, event

from benchmarks.domain import check, desk, queue_up
from benchmarks.engines import answer
from benchmarks.peer_writes import writer

POLLING_SECONDS = 0.001


def drain(folder: Path, jobs: int, workers: int, kind: str) -> float:
    """Return the seconds from the first job's start until the last of `jobs` is completed."""
    platform, instance_id = desk(folder, workers)
    ids = queue_up(platform, instance_id, jobs)
    platform.stop()
    engine = create_engine(f"sqlite:///{folder / 'dbos.db'}", connect_args={"timeout": 60})

    @event.listens_for(engine, "connect")
    def configure(connection: object, record: object) -> None:  # noqa: ARG001 - the signature is SQLAlchemy's
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]

    config: DBOSConfig = {"name": "benchmark", "system_database_engine": engine, "log_level": "ERROR"}
    begun: list[float] = []
    rows, lock, finished = writer(kind, folder / "ba2.db"), threading.Lock(), threading.Event()
    left = [jobs]

    @DBOS.step()
    def write(analysis_id: int) -> None:
        rows.begin(analysis_id)
        rows.finish(analysis_id)

    @DBOS.workflow()
    def analyse(analysis_id: int) -> None:
        begun.append(time.perf_counter())
        write(analysis_id)
        with lock:
            left[0] -= 1
        if not left[0]:
            finished.set()

    # All are enqueued by a process that does not listen to the queue, then one that does is launched.
    DBOS(config=config)
    DBOS.listen_queues([])
    DBOS.launch()
    queue = DBOS.register_queue("drain", worker_concurrency=workers, polling_interval_sec=POLLING_SECONDS)
    for analysis_id in ids:
        queue.enqueue(analyse, analysis_id)
    DBOS.destroy()
    DBOS(config=config)
    DBOS.launch()
    assert finished.wait(600), f"DBOS did not drain {jobs} jobs"
    seconds = time.perf_counter() - min(begun)
    DBOS.destroy()
    check(folder / "ba2.db", jobs)
    return seconds


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    where, wanted, width = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    answer(seconds=drain(where, wanted, width, sys.argv[4]))
