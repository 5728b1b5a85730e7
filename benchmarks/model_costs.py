"""Model cost benchmark: budget checks and sums at a million calls, against bare SQL.

Run alone: `python -m benchmarks.model_costs --calls 1000000`.
"""

from __future__ import annotations

import sqlite3
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.app_settings import BUDGET_PER_DAY
from ba2_trade_platform.core.contracts.language_models import Budgets, CallEnd, CallStart
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import CallOutcome
from benchmarks.domain import BENCHMARK
from benchmarks.report import Line, Section, milliseconds, show, spread

REPEAT = 200
PRICES = "provider,model,valid_from,input,cached,output,source\nlab,dear,2020-01-01,0.1,,0.1,the benchmark\n"
_FILL = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :calls)
INSERT INTO model_call (analysis_id, attempt, expert_instance_id, symbol, step, provider, model, started_at,
    duration_ms, outcome, tokens_in, tokens_out, tokens_cached, reserved, cost, currency)
SELECT 1 + i / 20, 1 + i % 3, 1 + i % 8, 'S' || (i % 500), 'step ' || (i % 12), 'lab', 'model ' || (i % 10),
    STRFTIME('%Y-%m-%d %H:%M:%f000', :first, '+' || CAST(i * :seconds / :calls AS INTEGER) || ' seconds'), 900,
    'answered', 900, 500, 0, 2000, 1000, 'USD' FROM n
"""
_BARE_BEGIN = """
INSERT INTO model_call (analysis_id, attempt, expert_instance_id, symbol, step, provider, model, started_at, reserved,
    currency) VALUES (1, 1, 1, 'AAPL', 'Bull', 'lab', 'dear', ?, 1000, 'USD')
"""
_BARE_END = "UPDATE model_call SET outcome = 'answered', tokens_in = 9, tokens_out = 9, cost = 9 WHERE id = ?"
_BARE_DAYS = """
SELECT DATE(started_at), expert_instance_id, provider, model, COUNT(*), SUM(tokens_in), SUM(tokens_out), SUM(cost)
FROM model_call WHERE started_at >= ? GROUP BY 1, 2, 3, 4
"""


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--calls", type=int, default=1_000_000, help="model calls in the book")


def measure(options: Namespace) -> Section:
    """Time calls under budgets and the sums of the page, with the calls spread over 90 days and all on one day."""
    lines: list[Line] = []
    for days in (90, 1):
        with TemporaryDirectory(prefix="costs-") as folder:
            platform = _console(Path(folder))
            _fill(platform, options.calls, days)
            of = f"{options.calls:,} calls in {days} day{'s' * (days > 1)}"
            lines += _calls(platform, of)
            if days > 1:
                lines += _sums(platform, of)
            platform.stop()
    note = "begin + end are two transactions; ratios are to the same two statements, committed by sqlite3 alone"
    return Section("Model calls and their cost", lines, note)


def _console(folder: Path) -> Platform:
    (folder / "prices.csv").write_text(PRICES)
    platform = build(Settings(_env_file=None, data_dir=folder, demo=False, operator="benchmark"))
    platform.own()
    return platform


def _fill(platform: Platform, calls: int, days: int) -> None:
    now = datetime.now(UTC)
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
    values = {"calls": calls, "first": f"{first:%Y-%m-%d %H:%M:%S}", "seconds": int((now - first).total_seconds())}
    with closing(sqlite3.connect(platform.settings.data_dir / "ba2.db")) as connection, connection:
        connection.execute(_FILL, values)


def _calls(platform: Platform, of: str) -> list[Line]:
    """Time the three by turns, so that the disk's moods meet all of them."""
    platform.models.costs.set_budget(Decimal(10**6), by=BENCHMARK)
    free = CallStart(10**9, 1, 1, "AAPL", "Bull", "lab", "dear", 1000, 1000)
    held = replace(free, budgets=Budgets(Decimal(10**6), Decimal(10**6)))
    times: dict[str, list[float]] = {"bare": [], "no budget": [], "three budgets": []}
    with closing(sqlite3.connect(platform.settings.data_dir / "ba2.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        for _ in range(REPEAT):
            times["bare"] += _timed(1, lambda: _bare_call(connection))
            platform.app_settings.change(BUDGET_PER_DAY, None, by=BENCHMARK)
            times["no budget"] += _timed(1, lambda: _one_call(platform, free))
            platform.app_settings.change(BUDGET_PER_DAY, "1000000", by=BENCHMARK)
            times["three budgets"] += _timed(1, lambda: _one_call(platform, held))
    bare = median(times.pop("bare"))
    return [
        Line(f"{of}: a call with {name}, begin + end, p50 / p95", spread(found), f"{median(found) / bare:.1f}x")
        for name, found in times.items()
    ]


def _one_call(platform: Platform, start: CallStart) -> None:
    platform.models.calls.end(platform.models.calls.begin(start), CallEnd(CallOutcome.ANSWERED, 900, 500))


def _bare_call(connection: sqlite3.Connection) -> None:
    call_id = connection.execute(_BARE_BEGIN, (f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}",)).lastrowid
    connection.execute(_BARE_END, (call_id,))


def _sums(platform: Platform, of: str) -> list[Line]:
    since = f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%d %H:%M:%S}"
    with closing(sqlite3.connect(platform.settings.data_dir / "ba2.db")) as connection:
        bare = median(_timed(3, lambda: connection.execute(_BARE_DAYS, (since,)).fetchall()))
    lines = []
    for name, read in (
        ("the page, 30 days", lambda: platform.models.costs.read("30d")),
        ("by model, 30 days", lambda: platform.models.costs.by("model", datetime.now(UTC) - timedelta(days=30))),
        ("the budget of the day", platform.models.costs.budget),
    ):
        times = _timed(3, read)
        ratio = "" if read == platform.models.costs.budget else f"{median(times) / bare:.1f}x"
        lines.append(Line(f"{of}: {name}", milliseconds(median(times)), ratio))
    return lines


def _timed(count: int, work: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(count):
        before = perf_counter()
        work()
        times.append(perf_counter() - before)
    return times


if __name__ == "__main__":
    chosen = ArgumentParser(description=__doc__)
    add_options(chosen)
    show([measure(chosen.parse_args())])
