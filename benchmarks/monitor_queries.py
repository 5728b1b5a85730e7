"""Monitoring query benchmark: Job Monitoring at a million analyses, alone and beside a busy worker.

Run alone: `python -m benchmarks.monitor_queries --analyses 1000000`. The database is kept in BA2_BENCH_CACHE.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.core.monitoring.job_list import SORTS
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import Signal, Source, Status, Subtype
from benchmarks.domain import One, Trivial, queue_up
from benchmarks.million import copy_of
from benchmarks.report import Line, Section, milliseconds, percentile, show

GOAL = 0.050
DEEP_PAGES = 200
Query = Callable[[], object]


@dataclass(frozen=True)
class Timed:
    """One query: its times when nothing else runs, the bare SQL's, and its times beside a busy worker."""

    name: str
    quiet: list[float]
    bare: float
    busy: list[float]


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--analyses", type=int, default=1_000_000, help="analyses in the database, a tenth failed")
    parser.add_argument("--repeat", type=int, default=20, help="how often each query is timed")


def measure(options: Namespace) -> Section:
    """Time every query, alone and beside the worker."""
    with TemporaryDirectory(prefix="monitor-") as folder:
        data = copy_of(Path(folder), options.analyses)
        settings = Settings(_env_file=None, data_dir=data, demo=False, operator="benchmark")
        platform = build(settings, One(Trivial()))
        platform.own()
        queries = _queries(platform)
        quiet = {name: time_query(query, options.repeat) for name, query in queries.items()}
        bare = {name: time_bare(platform, data / "ba2.db", query, options.repeat) for name, query in queries.items()}
        busy, drained = _beside_the_worker(platform, queries, options.repeat)
        platform.stop()
    timed = [Timed(name, quiet[name], bare[name], busy[name]) for name in queries]
    return Section(
        f"Job Monitoring at {options.analyses:,} analyses: median alone and its ratio to the bare SQL; p95 beside work",
        [*map(_line, timed), *_summary(timed)],
        f"The worker completed {drained:,.0f} analyses a second meanwhile, in the same process.",
    )


def _line(timed: Timed) -> Line:
    alone, beside = median(timed.quiet), percentile(timed.busy, 95)
    value = f"{milliseconds(alone)}; p95 busy {milliseconds(beside)}"
    return Line(timed.name, value, f"{alone / timed.bare:.1f}x", "p95 busy < 50 ms", beside < GOAL)


def _summary(timed: Sequence[Timed]) -> list[Line]:
    together = [seconds for one in timed for seconds in one.busy]
    beside = percentile(together, 95)
    return [Line("All queries together, p95 busy", milliseconds(beside), "", "< 50 ms", beside < GOAL)]


def _queries(platform: Platform) -> dict[str, Query]:
    """Return every query that Job Monitoring makes, by a name for the table."""
    job_list, now = platform.monitoring.jobs, datetime.now(UTC)
    ids = [row.id for row in job_list.page().items]
    filters = {
        "status failed": Filter(status=(Status.FAILED,)),
        "status pending or running": Filter(status=(Status.PENDING, Status.RUNNING)),
        "expert": Filter(expert=3),
        "symbol": Filter(symbol="S250"),
        "subtype": Filter(subtype=Subtype.OPEN_POSITIONS),
        "recommendation": Filter(action=Signal.REVIEW),
        "source": Filter(source=Source.WATCHLIST),
        "error code": Filter(code="AUTH"),
        "batch": Filter(batch=100),
        "more than one attempt": Filter(rerun_only=True),
        "slower than 60 s": Filter(slower_than_seconds=60),
        "slower than 240 s, rare": Filter(slower_than_seconds=240),
        "finished today": Filter(finished_since=now - timedelta(hours=12)),
        "failed today": Filter(status=(Status.FAILED,), finished_since=now - timedelta(hours=12)),
        "text found often": Filter(text="too many requests"),
        "text found never": Filter(text="no such text anywhere"),
        "failed, one symbol": Filter(status=(Status.FAILED,), symbol="S250"),
        "failed, one expert": Filter(status=(Status.FAILED,), expert=3),
        "failed, code, expert, slow": Filter(status=(Status.FAILED,), code="AUTH", expert=3, slower_than_seconds=60),
    }
    queries: dict[str, Query] = {
        "First page": job_list.page,
        f"Page {DEEP_PAGES * 10:,} deep by keyset": _deep(platform, "id", descending=True),
        "Rows of one page by ids": lambda: job_list.rows(ids),
        "Top strip's counts": lambda: job_list.counts(now - timedelta(hours=12)),
        "Which of 50 new rows match": lambda: job_list.matching(ids, filters["status failed"]),
    }
    for name, chosen in filters.items():
        queries[f"Filter: {name}"] = partial(job_list.page, chosen)
        queries[f"Count: {name}"] = partial(job_list.count, chosen)
    for sort in SORTS:
        for descending, arrow in ((False, "up"), (True, "down")):
            queries[f"Sort {sort} {arrow}"] = partial(job_list.page, sort=sort, descending=descending)
    queries["Sort duration down, deep"] = _deep(platform, "duration", descending=True)
    queries["Failed, sorted by duration (bounded)"] = lambda: job_list.page(
        filters["status failed"], sort="duration", descending=True
    )
    return queries


def _deep(platform: Platform, sort: str, *, descending: bool) -> Query:
    cursor = None
    for _ in range(DEEP_PAGES):
        cursor = platform.monitoring.jobs.page(sort=sort, descending=descending, cursor=cursor, limit=500).next_cursor
        if cursor is None:
            break
    return lambda: platform.monitoring.jobs.page(sort=sort, descending=descending, cursor=cursor)


def time_query(query: Query, repeat: int) -> list[float]:
    """Return how many seconds the query takes, each time it is repeated."""
    query()
    return [_time(query) for _ in range(repeat)]


def _time(query: Query) -> float:
    begun = time.perf_counter()
    query()
    return time.perf_counter() - begun


def time_bare(platform: Platform, database: Path, query: Query, repeat: int) -> float:
    """Return the median seconds of the query's own statements, by sqlite3 alone."""
    statements: list[tuple[str, Any]] = []

    def note(connection: object, cursor: object, sql: str, values: Any, context: object, many: bool) -> None:  # noqa: ARG001
        if sql.lstrip().startswith(("SELECT", "WITH")):
            statements.append((sql, values))

    event.listen(platform.store.engine, "before_cursor_execute", note)
    query()
    event.remove(platform.store.engine, "before_cursor_execute", note)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA cache_size = -32000")

        def run() -> None:
            for sql, values in statements:
                connection.execute(sql, values).fetchall()

        return median(time_query(run, repeat))


def _beside_the_worker(
    platform: Platform, queries: dict[str, Query], repeat: int
) -> tuple[dict[str, list[float]], float]:
    """Return each query's times while the worker drains, and how many analyses a second it completed meanwhile."""
    touched, low = [0], threading.Event()

    def listen(change: Change) -> None:
        touched[0] += len(change.ids or ())
        low.set()

    def feed() -> None:
        while not done.is_set():
            waiting = platform.monitoring.jobs.count(Filter(status=(Status.PENDING,)))
            if waiting < 1_000 and not done.is_set():
                names[0] += 1
                queue_up(platform, 1, 250, prefix=f"Q{names[0]}-")
            low.wait(1)
            low.clear()

    names, done = [0], threading.Event()
    subscription = platform.store.feed.subscribe(listen)
    feeder = threading.Thread(target=feed)
    queue_up(platform, 1, 2_000, prefix="Q0-")
    platform.start()
    feeder.start()
    before, begun = _completed(platform), time.perf_counter()
    times: dict[str, list[float]] = {name: [] for name in queries}
    for _ in range(repeat):
        for name, query in queries.items():
            times[name].append(_time(query))
    rate = (_completed(platform) - before) / (time.perf_counter() - begun)
    done.set()
    low.set()
    feeder.join()
    subscription.close()
    return times, rate


def _completed(platform: Platform) -> int:
    with closing(sqlite3.connect(platform.settings.data_dir / "ba2.db")) as connection:
        return int(
            connection.execute("SELECT COUNT(*) FROM analysis_attempt WHERE outcome = 'completed'").fetchone()[0]
        )


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
