"""Bulk re-run benchmark: acceptance of ten thousand, and the wait of a person's writes beside it.

Run alone: `python -m benchmarks.bulk_rerun --bulk 10000`. The database is kept in BA2_BENCH_CACHE.
"""

from __future__ import annotations

import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Change, Topic
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import Status
from benchmarks.domain import BENCHMARK, One, Trivial
from benchmarks.million import FAILED_SHARE, copy_of
from benchmarks.report import Line, Section, milliseconds, percentile, show

ACCEPTED = 5.0
PERSON = 0.150
PATIENCE = 600


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--bulk", type=int, default=10_000, help="failed analyses that are re-run at once")


def measure(options: Namespace) -> Section:
    """Preview, accept and drain, while somebody writes."""
    with TemporaryDirectory(prefix="bulk-") as folder:
        data = copy_of(Path(folder), round(options.bulk / FAILED_SHARE))
        platform = build(Settings(_env_file=None, data_dir=data, demo=False, operator="benchmark"), One(Trivial()))
        platform.own()
        chosen = Selection(filter=Filter(status=(Status.FAILED,)))
        begun = time.perf_counter()
        preview = platform.bulk_reruns.preview(chosen)
        previewed = time.perf_counter() - begun
        with _person(platform) as beside_acceptance:
            begun = time.perf_counter()
            bulk = platform.bulk_reruns.create(
                chosen, reason="benchmark", plan_hash=preview.plan_hash, by=BENCHMARK, override=False
            )
            accepted = time.perf_counter() - begun
        with _person(platform) as beside_slices:
            begun = time.perf_counter()
            _drain(platform, bulk.id)
            drained = time.perf_counter() - begun
        counts = platform.batches.get(bulk.id).counts
        platform.stop()
    assert counts.succeeded == preview.will_run, counts
    assert counts.queued == 0, counts
    longest = max(beside_acceptance)
    beside = percentile(beside_slices, 95)
    return Section(
        f"Bulk re-run of {preview.will_run:,} of {preview.total:,} failed analyses; synchronous=FULL",
        [
            Line("Preview", f"{previewed:.2f} s"),
            Line("Accepted, every item written", f"{accepted:.2f} s", "", "< 5 s", accepted < ACCEPTED),
            Line("A person's write meanwhile, the longest", milliseconds(longest)),
            Line("Re-run to the last, 8 slots", f"{drained:.1f} s, {preview.will_run / drained:,.0f}/s"),
            Line("A person's write meanwhile, p95", milliseconds(beside), "", "< 150 ms", beside < PERSON),
            Line("The same, the longest", milliseconds(max(beside_slices))),
        ],
        f"The person re-writes the queue's slots, {len(beside_acceptance)} and {len(beside_slices):,} times.",
    )


@contextmanager
def _person(platform: Platform) -> Iterator[list[float]]:
    """Press a button again and again for the length of a block, a little after each answer; yield the seconds each."""
    seconds: list[float] = []
    done = threading.Event()

    def press() -> None:
        while not done.is_set():
            begun = time.perf_counter()
            platform.queue.set_slots(8, by=BENCHMARK)
            seconds.append(time.perf_counter() - begun)
            done.wait(0.02)

    person = threading.Thread(target=press)
    person.start()
    try:
        yield seconds
    finally:
        done.set()
        person.join()


def _drain(platform: Platform, bulk_id: int) -> None:
    ended = threading.Event()

    def listen(_: Change) -> None:
        if platform.batches.get(bulk_id).finished_at is not None:
            ended.set()

    subscription = platform.store.feed.subscribe(listen, Topic.BATCHES)
    platform.start()
    assert ended.wait(PATIENCE), "the bulk re-run did not end"
    subscription.close()


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
