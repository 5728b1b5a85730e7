"""How fast a full queue drains and how soon an idle worker begins, beside Huey and DBOS on SQLite in one run.

Run alone: `python -m benchmarks.queue_drain --jobs 2000 --huey 500 --dbos 200`.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

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


def measure(options: Namespace) -> Section:
    """Drain with each engine, one after the other, and compare."""
    ours = run("drain_ours", options.jobs, SLOTS)
    lines = [Line(f"Ours, {options.jobs} analyses, {SLOTS} slots", f"{ours.rate:,.0f} jobs/s", "1")]
    for peer, jobs in (("huey", options.huey), ("dbos", options.dbos)):
        lines += [_beside(ours, peer, writes, run(f"drain_{peer}", jobs, SLOTS, writes)) for writes in WRITES]
    met = percentile(ours.pick_up, 50) <= PICK_UP_GOAL
    lines.append(Line("Pick-up when idle, commit to expert, p50 / p95", spread(ours.pick_up), "", "p50 <= 3 ms", met))
    return Section(
        "Queue: claim, one step, three outputs, recommendation, acknowledgement; SQLite, synchronous=FULL",
        lines,
        "Every engine leaves the same rows in the same tables, in processes of their own, 8 workers each.",
    )


def _beside(ours: Drained, peer: str, writes: str, theirs: Drained) -> Line:
    ratio = ours.rate / theirs.rate
    goal = GOALS[peer]
    what = f"{NAMES[peer]}, {theirs.jobs} analyses, {WRITES[writes]}"
    return Line(what, f"{theirs.rate:,.0f} jobs/s", f"we are {ratio:.1f}x", f">= {goal}x", ratio >= goal)


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
