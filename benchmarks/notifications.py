"""Notification benchmark: how much the outbox costs the queue when every analysis fails.

Run alone: `python -m benchmarks.notifications --failures 5000`.
"""

from __future__ import annotations

import threading
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.core.contracts.experts import AnalysisContext, ExpertError, Verdict
from ba2_trade_platform.core.events.outbox import EventType
from ba2_trade_platform.vocabulary import ErrorCode, Status
from benchmarks.domain import BENCHMARK, Trivial, desk, queue_up
from benchmarks.report import Line, Section, show

NOBODY = "json://127.0.0.1:1/"  # refuses at once; the message is tried again later
ROUNDS = 3
SLOTS = 50
DEADLINE = 600.0


class Failing(Trivial):
    """Fails at once, and for good."""

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Fail."""
        raise ExpertError(ErrorCode.AUTH, f"The key is wrong for {context.symbol}")


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--failures", type=int, default=5_000, help="analyses that fail while somebody is told")


def measure(options: Namespace) -> Section:
    """Drain failing analyses by turns with nobody and with somebody to tell."""
    quiet, told = [], []
    for _ in range(ROUNDS):
        quiet.append(_drain(options.failures, tell=False))
        told.append(_drain(options.failures, tell=True))
    without, with_rule = (options.failures / median(seconds for seconds, _ in runs) for runs in (quiet, told))
    plain, telling = (median(work for _, work in runs) / options.failures * 1e6 for runs in (quiet, told))
    return Section(
        f"Notifications: {options.failures:,} analyses fail at once",
        [
            Line("Failures a second, nobody to tell", f"{without:,.0f}/s"),
            Line("Failures a second, a rule names them", f"{with_rule:,.0f}/s", f"{with_rule / without:.2f}x"),
            Line("Processor time of one, nobody to tell", f"{plain:,.0f} us"),
            Line("Processor time of one, a rule names them", f"{telling:,.0f} us", f"{telling / plain:.2f}x"),
        ],
        f"medians of {ROUNDS} by turns; all of them become one message, which nobody takes",
    )


def _drain(jobs: int, *, tell: bool) -> tuple[float, float]:
    """Return the seconds, and those of the processor, from the worker's start until the last analysis has failed."""
    finished = threading.Event()
    unfinished = Filter(status=(Status.PENDING, Status.RUNNING))
    with TemporaryDirectory(prefix="notifications-") as folder:
        platform, instance_id = desk(Path(folder), SLOTS, Failing())
        queue_up(platform, instance_id, jobs)
        if tell:
            platform.notifications.channels.create("Nobody", NOBODY, by=BENCHMARK, occasions=[EventType.FAILED])
        ended = set[int]()

        def listen(change: Change) -> None:
            ended.update(change.ids or ())
            if len(ended) == jobs and platform.monitoring.jobs.count(unfinished) == 0:
                finished.set()

        platform.store.feed.subscribe(listen)
        begun, worked = time.perf_counter(), time.process_time()
        platform.start()
        assert finished.wait(DEADLINE), f"{jobs} failures took longer than {DEADLINE:g} s"
        seconds, work = time.perf_counter() - begun, time.process_time() - worked
        platform.notifications.dispatcher.group_events()
        counted = sum(message.events for message in platform.notifications.messages.list())
        platform.stop()
    assert counted == (jobs if tell else 0), f"{counted} of {jobs} failures were announced"
    return seconds, work


if __name__ == "__main__":
    alone = ArgumentParser(prog="python -m benchmarks.notifications", description=__doc__)
    add_options(alone)
    show([measure(alone.parse_args())])
