"""Benchmark runner: runs every benchmark in turn and prints one table, `python -m benchmarks [--quick]`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from benchmarks import (
    backup,
    batches,
    bulk_rerun,
    busy_pages,
    console,
    debates,
    failure_queries,
    many_browsers,
    model_costs,
    monitor_queries,
    notifications,
    price_files,
    queue_drain,
    rerun,
    retry_storm,
    schedules,
)
from benchmarks.report import show

BENCHMARKS = (
    queue_drain,
    monitor_queries,
    failure_queries,
    rerun,
    batches,
    bulk_rerun,
    console,
    retry_storm,
    notifications,
    model_costs,
    debates,
    backup,
    schedules,
    price_files,
    busy_pages,
    many_browsers,
)
QUICK = {
    "jobs": 200,
    "huey": 100,
    "dbos": 40,
    "analyses": 20_000,
    "repeat": 3,
    "bulk": 500,
    "batch_symbols": 100,
    "price_files": 100,
    "reruns": 20,
    "browsers": 3,
    "storm": 200,
    "failures": 200,
    "debates": 8,
    "call_seconds": 0.2,
    "seconds": 3,
    "calls": 20_000,
    "megabytes": 50,
    "schedules": 200,
    "spread": 5,
    "waiting": 500,
    "watchers": 20,
    "queued": 500,
    "crowd_seconds": 6,
}


def options() -> Namespace:
    """Return the sizes asked for on the command line."""
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    for benchmark in BENCHMARKS:
        benchmark.add_options(parser)
    if parser.parse_known_args()[0].quick:
        parser.set_defaults(**QUICK)
    return parser.parse_args()


if __name__ == "__main__":
    chosen = options()
    show([benchmark.measure(chosen) for benchmark in BENCHMARKS])
