"""Re-run benchmark: one re-run as bare transaction, by the service, over HTTP and by a browser's click.

Each analysis has 15 outputs, a recommendation, steps and a state to archive and purge; synchronous=FULL.
Run alone: `python -m benchmarks.rerun --reruns 100`.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import event

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.base.change_feed import Change
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import Status
from benchmarks.browser import chromium, console
from benchmarks.domain import BENCHMARK
from benchmarks.report import Line, Section, percentile, show, spread

SYMBOLS = ("AAPL", "MSFT", "INTC", "COST")
CLICKS = 40
DESK = {
    "steps": 3, "outputs": 15, "fail_with": "BUG", "fail_times": 1, "recommend_before_failing": True, "seconds": 0.5,
}  # fmt: skip
Statement = tuple[str, Any]

# Clicks a re-run and resolves with the milliseconds until its toast, and until its row no longer says failed.
_CLICK = """analysis => new Promise(resolve => {
  const row = () => document.querySelector(`tr:has(a[href="/market_analysis/${analysis}"])`);
  let toast = null, shown = null;
  const begun = performance.now();
  const look = () => {
    const now = performance.now() - begun;
    const toasts = [...document.querySelectorAll('.q-notification')];
    if (toast === null && toasts.some(one => one.textContent.includes(`Analysis ${analysis} queued`))) toast = now;
    if (shown === null && /pending|running/.test(row()?.textContent ?? '')) shown = now;
    if (toast !== null && shown !== null) { watcher.disconnect(); resolve([toast, shown]); }
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document.body, {childList: true, subtree: true, characterData: true});
  document.querySelector(`[data-rerun="${analysis}"]`).click();
})"""


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--reruns", type=int, default=100, help="re-runs by each way that is not a click")


def measure(options: Namespace) -> Section:
    """Re-run failed analyses in each way."""
    with TemporaryDirectory(prefix="rerun-") as name:
        folder = Path(name)
        platform, ids = _failed(folder / "service", options.reruns)
        for way in ("bare", "http", "click"):
            shutil.copytree(folder / "service", folder / way, ignore=shutil.ignore_patterns("*.lock", "*.owner.json"))
        by_service, statements = _by_service(platform, ids)
        platform.stop()
        bare = _bare(folder / "bare" / "ba2.db", statements)
        by_http = _by_http(folder / "http", ids)
        to_toast, to_row = _by_click(folder / "click", ids[-CLICKS:])
    once = percentile(bare, 50)

    def line(what: str, seconds: list[float]) -> Line:
        return Line(f"{what}, p50 / p95", spread(seconds), f"{percentile(seconds, 50) / once:.1f}x")

    return Section(
        "Re-run: archive and purge 15 outputs, 1 recommendation and 3 steps, reset and queue the row; synchronous=FULL",
        [
            line("The transaction's own SQL, by sqlite3", bare),
            line("By the service", by_service),
            line("Over HTTP", by_http),
            line("By a click in Chromium, until the toast", to_toast),
            line("By a click in Chromium, until the row is pending or running", to_row),
        ],
        f"{len(ids)} re-runs each, {len(to_toast)} clicks.",
    )


def _failed(folder: Path, count: int) -> tuple[Platform, list[int]]:
    """Return a console with this many failed analyses, its worker stopped again, and their ids."""
    settings = Settings(_env_file=None, data_dir=folder, demo=False, operator="benchmark")
    maker = build(settings)
    maker.own()
    quick = {**DESK, "seconds": 0}
    instance = maker.experts.create("PracticeDesk", "Practice desk", quick, by=BENCHMARK, max_concurrent=8).id
    ended = threading.Event()

    def listen(_: Change) -> None:
        if maker.monitoring.jobs.count(Filter(status=(Status.FAILED,))) == count:
            ended.set()

    maker.store.feed.subscribe(listen)
    first = datetime(2014, 12, 31, 21, tzinfo=UTC)
    ids = [
        maker.queue.submit_analysis_task(
            instance, SYMBOLS[number % 4], by=BENCHMARK, as_of=first - timedelta(days=number // 4)
        ).analysis_id
        for number in range(count)
    ]
    maker.start()
    assert ended.wait(120), "the analyses did not fail"
    maker.experts.update(instance, by=BENCHMARK, settings=DESK)
    maker.stop()
    platform = build(settings)
    platform.own()
    return platform, ids


def _by_service(platform: Platform, ids: list[int]) -> tuple[list[float], list[list[Statement]]]:
    """Return each re-run's seconds, and the statements it made."""
    made: list[list[Statement]] = []

    def note(connection: object, cursor: object, sql: str, values: Any, context: object, many: bool) -> None:  # noqa: ARG001
        if not sql.startswith("BEGIN"):
            made[-1].append((sql, values))

    event.listen(platform.store.engine, "before_cursor_execute", note)
    seconds = []
    for analysis_id in ids:
        made.append([])
        begun = time.perf_counter()
        platform.analyses.rerun(analysis_id, by=BENCHMARK)
        seconds.append(time.perf_counter() - begun)
    return seconds, made


def _bare(database: Path, reruns: list[list[Statement]]) -> list[float]:
    """Return the seconds of the same statements on a copy of the same database, by sqlite3 alone."""
    seconds = []
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -32000"):
            connection.execute(f"PRAGMA {pragma}")
        for statements in reruns:
            begun = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            for sql, values in statements:
                connection.execute(sql, values).fetchall()
            connection.execute("COMMIT")
            seconds.append(time.perf_counter() - begun)
    return seconds


def _by_http(folder: Path, ids: list[int]) -> list[float]:
    with console(folder) as running, running.api() as http:
        http.post("/queue/pause", json={}).raise_for_status()
        seconds = []
        for analysis_id in ids:
            begun = time.perf_counter()
            http.post(f"/analyses/{analysis_id}/rerun", json={}).raise_for_status()
            seconds.append(time.perf_counter() - begun)
    return seconds


def _by_click(folder: Path, ids: list[int]) -> tuple[list[float], list[float]]:
    """Return the seconds from each click to its toast, and to its row's new status; the worker works meanwhile."""
    toasts, rows = [], []
    with console(folder) as running, chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{running.url}/marketanalysis")
        for analysis_id in reversed(ids):
            page.wait_for_selector(f'[data-rerun="{analysis_id}"]')
            toast, shown = page.evaluate(_CLICK, analysis_id)
            toasts.append(toast / 1000)
            rows.append(shown / 1000)
    return toasts, rows


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
