"""Debate benchmark: the desk's own time beside its model calls, and a hundred debates at once.

Run alone: `python -m benchmarks.debates --debates 100 --call-seconds 1`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import Status
from benchmarks.domain import BENCHMARK
from benchmarks.report import Line, Section, milliseconds, percentile, show

SYMBOLS = ("AAPL", "MSFT", "INTC", "COST", "AMD", "CERN", "GPS", "MMM")
LAST = datetime(2014, 12, 31, 21, tzinfo=UTC)
GOAL_PERCENT = 5.0
GOAL_LAG = 0.05
LAG_EVERY = 0.01
UNDER_WAY = Filter(status=(Status.PENDING, Status.RUNNING))


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--debates", type=int, default=100, help="debates at once")
    parser.add_argument("--call-seconds", type=float, default=1.0, help="how long each model call takes")


def measure(options: Namespace) -> Section:
    """Hold one debate, to see what it adds to its calls, then many at once."""
    with TemporaryDirectory(prefix="debates-") as name:
        alone = _alone(Path(name) / "alone", options.call_seconds)
        many = _many(Path(name) / "many", options.debates, options.call_seconds)
    return Section(
        f"Debates, every model call {options.call_seconds:g} s, by the scripted model; synchronous=FULL",
        [*alone, *many],
        "The calls of one debate are a chain in part: what they must take is the longest way through it.",
    )


def _alone(folder: Path, seconds: float) -> list[Line]:
    """Return what one debate takes beyond the calls on its longest way; another one went before, to import things."""
    platform, instance = _console(folder, seconds, 1)
    with _at_work(platform):
        for day in range(2):
            _hold(platform, instance, [("AAPL", LAST - timedelta(days=day))])
    with closing(sqlite3.connect(folder / "ba2.db")) as connection:
        begun, ended = connection.execute(
            "SELECT MIN(started_at), MAX(finished_at) FROM market_analysis WHERE id = 2"
        ).fetchone()
        calls = connection.execute(
            "SELECT started_at, duration_ms FROM model_call WHERE analysis_id = 2 ORDER BY started_at"
        ).fetchall()
    took = (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
    asked = _covered([(datetime.fromisoformat(at).timestamp(), ms / 1000) for at, ms in calls])
    # Whole calls only: what the gateway itself takes within a call is the desk's too.
    waited = int(asked / seconds) * seconds
    percent = 100 * (took - waited) / took
    return [
        Line(f"One debate of {len(calls)} calls, start to end", f"{took:.2f} s", f"{took / waited:.3f}x its calls"),
        Line(
            "What the desk adds to its calls", f"{took - waited:.2f} s", f"{percent:.1f} %",
            f"under {GOAL_PERCENT:g} %", percent < GOAL_PERCENT,
        ),
    ]  # fmt: skip


def _many(folder: Path, count: int, seconds: float) -> list[Line]:
    platform, instance = _console(folder, seconds, count)
    wishes = [(SYMBOLS[n % len(SYMBOLS)], LAST - timedelta(days=n // len(SYMBOLS))) for n in range(count)]
    with _at_work(platform):
        _hold(platform, instance, [("AAPL", LAST - timedelta(days=400))])
        before, peak = _memory("VmRSS"), _memory("VmHWM")
        begun = time.perf_counter()
        with _lag() as late:
            _hold(platform, instance, wishes)
        took = time.perf_counter() - begun
        completed = platform.monitoring.jobs.count(Filter(status=(Status.COMPLETED,)))
    assert completed == count + 1, f"{completed} of {count + 1} debates completed"
    p99 = percentile(late, 99)
    after = max(peak, _memory("VmHWM"))
    return [
        Line(f"{count} debates at once, start to end", f"{took:.1f} s", f"{count / took:.1f} debates/s"),
        Line("Memory at most, and before", f"{after:.0f} MB", f"{before:.0f} MB before"),
        Line(
            "Lag of another event loop of the process, p50 / p99",
            f"{milliseconds(percentile(late, 50))} / {milliseconds(p99)}", "",
            f"p99 <= {GOAL_LAG * 1000:g} ms", p99 <= GOAL_LAG,
        ),
    ]  # fmt: skip


def _console(folder: Path, seconds: float, slots: int) -> tuple[Platform, int]:
    settings = Settings(_env_file=None, data_dir=folder, demo=False, workers=max(2, slots + 1), operator="benchmark")
    platform = build(settings)
    platform.own()
    model = f"scripted:rules?seconds={seconds:g}"
    chosen = {"providers": ["scripted"], "quick_model": model, "deep_model": model, "memory": False}
    platform.models.providers.change("scripted", by=BENCHMARK, concurrency=1000)
    desk = platform.experts.create("DebateDesk", "Debates", chosen, by=BENCHMARK, max_concurrent=max(2, slots + 1))
    return platform, desk.id


def _hold(platform: Platform, instance: int, wishes: list[tuple[str, datetime]]) -> None:
    """Queue these debates and return when none is under way any more."""
    ended = threading.Event()

    def listen(_: Change) -> None:
        if platform.monitoring.jobs.count(UNDER_WAY) == 0:
            ended.set()

    for symbol, as_of in wishes:
        platform.queue.submit_analysis_task(instance, symbol, by=BENCHMARK, as_of=as_of)
    subscription = platform.store.feed.subscribe(listen)
    assert ended.wait(900), "the debates did not end"
    subscription.close()


@contextmanager
def _at_work(platform: Platform) -> Iterator[None]:
    platform.start()
    try:
        yield
    finally:
        platform.stop()


@contextmanager
def _lag() -> Iterator[list[float]]:
    """Measure, for the length of a block, how late an event loop as the pages' one wakes, in seconds."""
    late, over = [0.0], threading.Event()

    async def watch() -> None:
        while not over.is_set():
            due = time.perf_counter() + LAG_EVERY
            await asyncio.sleep(LAG_EVERY)
            late.append(max(0.0, time.perf_counter() - due))

    watcher = threading.Thread(target=lambda: asyncio.run(watch()), daemon=True)
    watcher.start()
    try:
        yield late
    finally:
        over.set()
        watcher.join()


def _covered(spans: list[tuple[float, float]]) -> float:
    """Return for how many seconds at least one call was under way."""
    total, end = 0.0, 0.0
    for begun, seconds in sorted(spans):
        total += max(0.0, begun + seconds - max(begun, end))
        end = max(end, begun + seconds)
    return total


def _memory(name: str) -> float:
    """Return a figure of this process' memory in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
