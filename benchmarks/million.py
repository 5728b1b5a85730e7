"""Million-row fixture: a database of a million analyses, made once and copied for each benchmark."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.domain import BENCHMARK, desk

CACHE_VARIABLE = "BA2_BENCH_CACHE"
INSTANCES = 12
SYMBOLS = 500
BATCHES = 200
FAILED_SHARE = 0.1
ERRORS = {
    "RATE_LIMIT": ("transient", "The provider answered 429 for {symbol}: too many requests, retry after {n} s"),
    "PROVIDER_DOWN": ("transient", "The provider answered 503 for {symbol}: it is down for maintenance"),
    "CONNECTION": ("transient", "The connection to the provider was refused after {n} attempts"),
    "TIMEOUT": ("transient", "The attempt did not end within its limit of {n} s"),
    "AUTH": ("permanent", "The provider answered 401: the API key is wrong or has expired"),
    "DATA_MISSING": ("permanent", "{symbol} has {n} bars up to 2014-12-31; 300 are needed"),
    "STALE_DATA": ("permanent", "{symbol} has no bar since 2013-10-29: {n} sessions are missing"),
    "OUTPUT_INVALID": ("unknown", "The model's answer for {symbol} could not be read, twice"),
    "BUG": ("unknown", "ZeroDivisionError: division by zero ({symbol}, {n})"),
}
_COLUMNS = (
    "symbol", "expert_instance_id", "subtype", "status", "source", "batch_id", "priority", "created_at", "updated_at",
    "available_at", "started_at", "finished_at", "duration_ms", "attempt", "reruns_used", "retries_used",
    "rescues_used", "progress", "config_id", "error_code", "error_message", "failure_kind", "fingerprint",
    "result_action", "result_confidence", "result_expected_profit", "dedupe_key", "version",
)  # fmt: skip


def copy_of(folder: Path, analyses: int) -> Path:
    """Return a data folder inside `folder` whose database has this many analyses, a tenth of them failed."""
    data = folder / "data"
    data.mkdir()
    shutil.copy(_kept(analyses), data / "ba2.db")
    return data


def _kept(analyses: int) -> Path:
    """Return the kept database of this size and of today's schema, made now if there is none."""
    cache = Path(os.environ.get(CACHE_VARIABLE) or Path(tempfile.gettempdir()) / "ba2-benchmarks")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as draft:
        folder = Path(draft)
        platform, _ = desk(folder, slots=8)
        for number in range(1, INSTANCES):
            platform.experts.create("Trivial", f"Expert {number}", {}, by=BENCHMARK)
        platform.stop()
        database = folder / "ba2.db"
        with closing(sqlite3.connect(database)) as connection:
            schema = connection.execute("SELECT group_concat(sql) FROM sqlite_master").fetchone()[0]
        kept = cache / f"{analyses}-{hashlib.sha256(schema.encode()).hexdigest()[:12]}.db"
        if not kept.exists():
            _fill(database, analyses)
            database.replace(kept)
    return kept


def _fill(database: Path, analyses: int) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            " AND tbl_name IN ('market_analysis', 'analysis_attempt')"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        now = _text(datetime.now(UTC))
        (actor_id,) = connection.execute("SELECT MIN(id) FROM actor").fetchone()
        connection.executemany(
            "INSERT INTO batch (kind, name, actor_id, state, created_at) VALUES ('submit', ?, ?, 'completed', ?)",
            [(f"Batch {number}", actor_id, now) for number in range(1, BATCHES + 1)],
        )
        marks = ",".join("?" * len(_COLUMNS))
        connection.executemany(
            f"INSERT INTO market_analysis ({','.join(_COLUMNS)}) VALUES ({marks})", _analyses(analyses)
        )
        connection.execute(
            "INSERT INTO analysis_attempt (analysis_id, number, trigger, mode, base_attempt, actor_id, queued_at,"
            " started_at, finished_at, outcome, error_code, error_message, failure_kind, currency)"
            " SELECT id, attempt, 'first', 'fresh', attempt, ?, created_at, started_at, finished_at, 'failed',"
            " error_code, error_message, failure_kind, 'USD' FROM market_analysis WHERE status = 'failed'",
            (actor_id,),
        )
        for _, sql in indexes:
            connection.execute(sql)
        connection.commit()


def _analyses(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows as a desk would have left them, one a minute up to now, always the same for one count."""
    rng = random.Random(count)
    codes = list(ERRORS)
    begin = datetime.now(UTC) - timedelta(minutes=count)
    for number in range(count):
        created = begin + timedelta(minutes=number, microseconds=rng.randrange(10**6))
        seconds = rng.expovariate(1 / 20)
        started, finished = _text(created + timedelta(seconds=1)), _text(created + timedelta(seconds=1 + seconds))
        symbol = f"S{int(SYMBOLS * rng.random() ** 2):03}"
        instance = rng.randint(1, INSTANCES)
        failed = rng.random() < FAILED_SHARE
        ended = "failed" if failed else rng.choices(("completed", "skipped", "cancelled"), (98, 1, 1))[0]
        code = rng.choice(codes) if failed else None
        kind, message = ERRORS[code] if code else (None, None)
        answered = ended == "completed"
        attempt = rng.choices((1, 2, 3), (90, 8, 2))[0]
        yield (
            symbol, instance, "enter_market" if rng.random() < 0.9 else "open_positions", ended,
            rng.choices(("manual", "schedule", "watchlist", "api"), (1, 7, 1, 1))[0],
            rng.randint(1, BATCHES) if rng.random() < 0.5 else None, 50, _text(created), finished, _text(created),
            started, finished, int(seconds * 1000), attempt, attempt - 1, 0, 0, 100 if answered else 40, instance,
            code, message and message.format(symbol=symbol, n=rng.randint(1, 90)), kind,
            f"{code}-{rng.randint(1, 40)}" if code else None,
            rng.choices(("BUY", "SELL", "HOLD", "REVIEW"), (3, 2, 4, 1))[0] if answered else None,
            round(rng.uniform(1, 100), 1) if answered else None, round(rng.gauss(2, 5), 2) if answered else None,
            f"{instance}|{symbol}|enter_market|{number}", 4,
        )  # fmt: skip


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S.%f")
