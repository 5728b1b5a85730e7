"""Queue benchmark: throughput and pick-up time beside Huey and DBOS on SQLite in one run.

Run alone: `python -m benchmarks.queue_drain --jobs 2000 --huey 500 --dbos 200`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from statistics import median

from benchmarks.engines import Drained, run
from benchmarks.report import Line, Section, percentile, show, spread

SLOTS = 8
GOALS = {"huey": 4, "dbos": 25}
PICK_UP_GOAL = 0.003
WRITES = {"core": "writing as we do, by SQLAlchemy Core", "plain": "writing by hand in sqlite3"}
NAMES = {"huey": "Huey", "dbos": "DBOS"}


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--jobs", type=int, default=2_000, help="analyses that we drain")
    parser.add_argument("--huey", type=int, default=500, help="analyses that Huey drains")
    parser.add_argument("--dbos", type=int, default=200, help="analyses that DBOS drains")
    parser.add_argument("--rounds", type=int, default=3, help="how often each engine runs; medians are shown")


def measure(options: Namespace) -> Section:
    """Drain with each engine in turn, round after round, so that a busy moment of the machine hits them all."""
    peers = [(peer, writes) for peer in NAMES for writes in WRITES]
    ours: list[Drained] = []
    theirs: dict[tuple[str, str], list[Drained]] = {peer: [] for peer in peers}
    for _ in range(options.rounds):
        ours.append(run("drain_ours", options.jobs, SLOTS))
        for peer, writes in peers:
            theirs[peer, writes].append(run(f"drain_{peer}", getattr(options, peer), SLOTS, writes))
    rate, pick_up = _rate(ours), [seconds for one in ours for seconds in one.pick_up]
    met = percentile(pick_up, 50) <= PICK_UP_GOAL
    return Section(
        "Queue: claim, one step, three outputs, recommendation, acknowledgement; SQLite, synchronous=FULL",
        [
            Line(f"Ours, {options.jobs:,} analyses, {SLOTS} slots", f"{rate:,.0f} jobs/s", "1"),
            *(_beside(rate, peer, writes, theirs[peer, writes]) for peer, writes in peers),
            Line("Pick-up when idle, commit to expert, p50 / p95", spread(pick_up), "", "p50 <= 3 ms", met),
        ],
        f"Medians of {options.rounds}. Every engine leaves the same rows in the same tables, in a process of its own,"
        f" with {SLOTS} workers.",
    )


def _beside(ours: float, peer: str, writes: str, theirs: list[Drained]) -> Line:
    ratio, goal = ours / _rate(theirs), GOALS[peer]
    what = f"{NAMES[peer]}, {theirs[0].jobs:,} analyses, {WRITES[writes]}"
    return Line(what, f"{_rate(theirs):,.0f} jobs/s", f"we are {ratio:.1f}x", f">= {goal}x", ratio >= goal)


def _rate(runs: list[Drained]) -> float:
    return median(one.rate for one in runs)


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
