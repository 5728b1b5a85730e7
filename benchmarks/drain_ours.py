"""Console drain: the jobs through the console's own worker, and the pick-up time of an idle worker."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.core.contracts.experts import AnalysisContext, Verdict
from ba2_trade_platform.vocabulary import Status
from benchmarks.domain import BENCHMARK, Trivial, check, desk, queue_up
from benchmarks.engines import answer

DEADLINE = 600.0


class Stamped(Trivial):
    """Says when each analysis began."""

    def __init__(self) -> None:
        self.begun: dict[int, float] = {}

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Stamp, then do the step."""
        self.begun[context.analysis_id] = time.perf_counter()
        return await super().analyse(context)


def drain(folder: Path, jobs: int, slots: int) -> float:
    """Return the seconds from the worker's start until the last of `jobs` is completed."""
    platform, instance_id = desk(folder, slots)
    queue_up(platform, instance_id, jobs)
    ended, finished = set[int](), threading.Event()
    unfinished = Filter(status=(Status.PENDING, Status.RUNNING))

    def listen(change: Change) -> None:
        ended.update(change.ids or ())
        if len(ended) == jobs and platform.monitoring.jobs.count(unfinished) == 0:
            finished.set()

    platform.store.feed.subscribe(listen)
    begun = time.perf_counter()
    platform.start()
    assert finished.wait(DEADLINE), f"{jobs} jobs were not drained within {DEADLINE:g} s"
    seconds = time.perf_counter() - begun
    platform.stop()
    check(folder / "ba2.db", jobs)
    return seconds


def pick_up(folder: Path, times: int, slots: int) -> list[float]:
    """Return the seconds from a submit's commit to its expert's first statement, each with an idle worker."""
    expert = Stamped()
    platform, instance_id = desk(folder, slots, expert)
    committed: dict[int, float] = {}
    quiet = threading.Event()
    unfinished = Filter(status=(Status.PENDING, Status.RUNNING))

    def listen(change: Change) -> None:
        if change.added:
            committed.update(dict.fromkeys(change.added, time.perf_counter()))
        elif platform.monitoring.jobs.count(unfinished) == 0:
            quiet.set()

    platform.store.feed.subscribe(listen)
    platform.start()
    for number in range(times):
        quiet.clear()
        platform.queue.submit_analysis_task(instance_id, f"S{number:05d}", by=BENCHMARK)
        assert quiet.wait(DEADLINE), "the worker did not become idle"
        time.sleep(0.01)  # let it go to sleep: an idle worker is what is measured
    platform.stop()
    return [expert.begun[analysis_id] - at for analysis_id, at in committed.items()]


if __name__ == "__main__":
    where, wanted, width = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    answer(seconds=drain(where / "drain", wanted, width), pick_up=pick_up(where / "idle", 200, width))
