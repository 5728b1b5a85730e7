"""Failure query benchmark: outlook and inbox at a million attempts, against bare SQL.

Run alone: `python -m benchmarks.failure_queries --analyses 1000000`. The database is kept in BA2_BENCH_CACHE.
"""

from __future__ import annotations

import sqlite3
from argparse import ArgumentParser, Namespace
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.analyses.filters import Filter
from ba2_trade_platform.core.failures.group_states import GroupState
from ba2_trade_platform.core.failures.groups import Seen, note_failures
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import Status
from benchmarks.domain import BENCHMARK, One, Trivial
from benchmarks.million import copy_of
from benchmarks.monitor_queries import Query, time_bare, time_query
from benchmarks.report import Line, Section, milliseconds, percentile, show

GOAL = 0.050
RECOVERED = 20_000
HOT = "RATE_LIMIT-1"
ALL = tuple(GroupState)

# Every analysis that did not fail answers one of 360 errors, a tenth of them the same one; every 500th has not ended.
_ANSWERS = """
INSERT INTO analysis_attempt (analysis_id, number, trigger, mode, base_attempt, actor_id, queued_at, started_at,
    finished_at, outcome, currency, after_code, after_fingerprint, after_failed_at)
SELECT id, attempt + 10, CASE WHEN id % 3 THEN 'retry' ELSE 'rerun' END, 'fresh', 1, 1, created_at, started_at,
    CASE WHEN id % 500 THEN finished_at END,
    CASE WHEN id % 500 = 0 THEN NULL WHEN id % 10 < 7 THEN 'completed' ELSE 'failed' END, 'USD',
    code, code || '-' || CASE WHEN id % 10 = 0 THEN 1 ELSE 1 + id % 40 END, created_at
FROM (SELECT *, CASE id % 9 WHEN 0 THEN 'RATE_LIMIT' WHEN 1 THEN 'PROVIDER_DOWN' WHEN 2 THEN 'CONNECTION'
        WHEN 3 THEN 'TIMEOUT' WHEN 4 THEN 'AUTH' WHEN 5 THEN 'DATA_MISSING' WHEN 6 THEN 'STALE_DATA'
        WHEN 7 THEN 'OUTPUT_INVALID' ELSE 'BUG' END AS code FROM market_analysis WHERE status <> 'failed')
"""
_FAILED = """
UPDATE analysis_attempt SET fingerprint = a.fingerprint FROM market_analysis AS a
WHERE a.id = analysis_attempt.analysis_id AND analysis_attempt.outcome = 'failed' AND a.status = 'failed'
"""
_GROUPS = """
INSERT INTO failure_group (fingerprint, code, message, first_seen, last_seen, seen)
SELECT fingerprint, MAX(error_code), MAX(error_message), MIN(finished_at), MAX(finished_at), COUNT(*)
FROM market_analysis WHERE status = 'failed' GROUP BY fingerprint
"""
_GONE = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO failure_group (fingerprint, code, message, first_seen, last_seen, seen)
SELECT 'gone-' || i, 'BUG', 'A fault that has gone: ' || i, ?,
       STRFTIME('%Y-%m-%d %H:%M:%f000', ?, '-' || i || ' minutes'), 1 FROM n
"""
_HOURS = """
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 71)
INSERT INTO failure_hour (fingerprint, hour, seen)
SELECT fingerprint, STRFTIME('%Y-%m-%d %H:00:00.000000', ?, '-' || i || ' hours'), 1 + i FROM failure_group, n
WHERE fingerprint NOT LIKE 'gone-%'
"""


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    known = {action.dest for action in parser._actions}  # noqa: SLF001 - argparse has no public way to ask
    if "analyses" not in known:
        parser.add_argument("--analyses", type=int, default=1_000_000, help="analyses in the database, a tenth failed")
        parser.add_argument("--repeat", type=int, default=20, help="how often each query is timed")


def measure(options: Namespace) -> Section:
    """Time every query."""
    with TemporaryDirectory(prefix="failures-") as folder:
        data = copy_of(Path(folder), options.analyses)
        attempts = _fill(data / "ba2.db")
        platform = build(Settings(_env_file=None, data_dir=data, demo=False, operator="benchmark"), One(Trivial()))
        platform.own()
        lines = []
        for name, query in _queries(platform).items():
            quiet = time_query(query, options.repeat)
            alone = time_bare(platform, data / "ba2.db", query, options.repeat)
            lines.append(_line(name, quiet, f"{median(quiet) / alone:.1f}x"))
        lines += [_line(name, time_query(query, options.repeat), "") for name, query in _writes(platform).items()]
        platform.stop()
    return Section(
        f"Verdicts and failure inbox at {attempts:,} attempts, {options.analyses // 10:,} analyses failed: "
        "median, ratio to the bare SQL",
        lines,
        f"360 groups stand failed, one of them was answered {options.analyses // 90:,} times; "
        f"{RECOVERED:,} have recovered.",
    )


def _line(name: str, seconds: list[float], ratio: str) -> Line:
    p95 = percentile(seconds, 95)
    value = f"{milliseconds(median(seconds))}; p95 {milliseconds(p95)}"
    return Line(name, value, ratio, "p95 < 50 ms", p95 < GOAL)


def _fill(database: Path) -> int:
    """Give the database its answers and its groups, and return how many attempts it has."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name = 'analysis_attempt'"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        for statement, values in (
            (_ANSWERS, ()), (_FAILED, ()), (_GROUPS, ()), (_GONE, (RECOVERED, now, now)), (_HOURS, (now,)),
        ):  # fmt: skip
            connection.execute(statement, values)
        for _, sql in indexes:
            connection.execute(sql)
        connection.commit()
        return int(connection.execute("SELECT COUNT(*) FROM analysis_attempt").fetchone()[0])


def _queries(platform: Platform) -> dict[str, Query]:
    inbox, assessments, job_list = platform.monitoring.failures, platform.monitoring.outlook, platform.monitoring.jobs
    failed = Filter(status=(Status.FAILED,))
    page, large = job_list.page(failed, limit=50).items, job_list.page(failed, limit=200).items
    recovered = (GroupState.RECOVERED,)
    deep = None
    for _ in range(20):
        deep = inbox.groups(recovered, limit=100, cursor=deep).next_cursor
    today = datetime.now(UTC) - timedelta(hours=12)
    return {
        "Verdicts of a page of 50 failed rows": lambda: assessments.of(page),
        "Verdicts of a page of 200 failed rows": lambda: assessments.of(large),
        "Verdict of the error answered most": lambda: assessments.of_fingerprint(HOT),
        "Its evidence": lambda: assessments.evidence(HOT),
        "Kind overrides": assessments.overrides,
        "Inbox, first page of 50": inbox.groups,
        "Inbox, all states, first page of 50": lambda: inbox.groups(ALL),
        "Inbox, recovered, 2,000 deep": lambda: inbox.groups(recovered, cursor=deep),
        "One group": lambda: inbox.group(HOT),
        "How many need a person (the rail)": inbox.needs_person,
        "The day's summary": lambda: inbox.summary(today),
        "Job Monitoring by fingerprint": lambda: job_list.page(Filter(status=(Status.FAILED,), fingerprint=HOT)),
        "Count by fingerprint": lambda: job_list.count(Filter(status=(Status.FAILED,), fingerprint=HOT)),
    }


def _writes(platform: Platform) -> dict[str, Query]:
    now = datetime.now(UTC)
    seen = [Seen(f"RATE_LIMIT-{1 + number % 40}", "RATE_LIMIT", "429", "acme", now) for number in range(100)]

    def note() -> None:
        with platform.store.write(internal=True) as transaction:
            note_failures(transaction.session, seen, now)

    def resolve() -> None:
        platform.monitoring.triage.resolve(HOT, by=BENCHMARK)
        platform.monitoring.triage.reopen(HOT, by=BENCHMARK)

    return {"A tick's 100 failures counted in 40 groups": note, "Resolve and reopen a group": resolve}


if __name__ == "__main__":
    arguments = ArgumentParser(description=__doc__)
    add_options(arguments)
    show([measure(arguments.parse_args())])
