"""Schedule benchmark: start with five thousand schedules, and their lateness beside a busy queue.

Run alone: `python -m benchmarks.schedules --schedules 5000`.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import bindparam, delete, func, select, text, update

from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.attempts.submissions import Submission, insert_pending
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.settings import Settings
from benchmarks.domain import BENCHMARK, One, Trivial
from benchmarks.report import Line, Section, milliseconds, percentile, show

START = 3.0
DRIFT = 1.0
# Once a day, so that none comes a second time within the measurement.
DAILY = {"kind": "cron", "expression": "0 0 * * *"}
FIRST = timedelta(seconds=6)


def add_options(parser: ArgumentParser) -> None:
    """Say how large the run is to be."""
    parser.add_argument("--schedules", type=int, default=5_000, help="schedules of one console")
    parser.add_argument("--spread", type=float, default=120, help="seconds over which all of them come")


def measure(options: Namespace) -> Section:
    """Start with all of them waiting, then let each come once while the queue drains."""
    with TemporaryDirectory(prefix="schedules-") as folder:
        platform = _console(Path(folder))
        platform.own()
        _prepare(platform, options.schedules)
        platform.stop()
        begun = time.perf_counter()
        platform = _console(Path(folder))
        platform.own()
        platform.start()
        platform.schedules.scheduler.arm()
        started = time.perf_counter() - begun
        wakes = _spread(platform, options.spread)
        platform.schedules.scheduler.arm()
        drifts = _wait(platform, wakes, options.spread)
        platform.stop()
        together = _together(Path(folder), options.schedules)
    late = percentile(drifts, 99)
    return Section(
        f"Schedules: {options.schedules:,} of one console, each once within {options.spread:g} s",
        [
            Line("Start-up with all of them waiting", f"{started:.2f} s", "", f"<= {START:g} s", started <= START),
            Line("A run behind its time, median", milliseconds(percentile(drifts, 50))),
            Line("A run behind its time, p99", milliseconds(late), "", f"<= {DRIFT:g} s", late <= DRIFT),
            Line(
                "A run behind its time, the latest",
                milliseconds(max(drifts)),
                "",
                f"<= {DRIFT:g} s",
                max(drifts) <= DRIFT,
            ),
            Line(
                f"All {options.schedules:,} at one moment, no worker beside: all runs made",
                f"{together:.2f} s",
                f"{together / options.schedules * 1000:.2f} ms each",
            ),
        ],
        "Each run is a batch of one analysis, which the same console claims, works and writes; twice as many others"
        " drain beside the first of them, and are done long before the last.",
    )


def _console(folder: Path) -> Platform:
    return build(Settings(_env_file=None, data_dir=folder, demo=False, operator="benchmark"), One(Trivial()))


def _prepare(platform: Platform, count: int) -> None:
    expert = platform.experts.create("Trivial", "Trivial", by=BENCHMARK, max_concurrent=8)
    draft = Draft("Schedule", expert.id, DAILY, "UTC", symbols=("AAPL",), grace_seconds=86_400)
    first = platform.schedules.service.create(draft, by=BENCHMARK)
    columns = [column.name for column in t.schedule.columns if column.name not in ("id", "name", "symbols")]
    listed = ", ".join(columns)
    with platform.store.write() as transaction:
        session = transaction.session
        session.execute(
            text(
                f"WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
                f" INSERT INTO schedule (name, symbols, {listed})"
                f" SELECT 'Schedule ' || n, json_array('S' || n), {listed} FROM numbers, schedule WHERE id = {first.id}"
            )
        )
        config = session.scalar(select(t.expert_instance.c.config_id))
        for number in range(2 * count):
            insert_pending(session, Submission(expert.id, f"Q{number}", priority=60), config, 1, datetime.now(UTC))


def _spread(platform: Platform, seconds: float) -> dict[int, datetime]:
    """Have every schedule wait for the last midnight, and wake at a moment of its own."""
    now, s = datetime.now(UTC), t.schedule.c
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    with platform.store.write() as transaction:
        ids = transaction.session.scalars(select(s.id)).all()
        wakes = {each: now + FIRST + timedelta(seconds=seconds * number / len(ids)) for number, each in enumerate(ids)}
        transaction.session.connection().execute(
            update(t.schedule).where(s.id == bindparam("b_id")).values(next_at=midnight, wake_at=bindparam("b_wake")),
            [{"b_id": each, "b_wake": wake} for each, wake in wakes.items()],
        )
    return wakes


def _together(folder: Path, count: int) -> float:
    """Return the seconds until all of them have their runs when all of them are due at once."""
    platform = _console(folder)
    platform.own()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    r = t.schedule_run.c
    with platform.store.write() as transaction:
        transaction.session.execute(delete(t.schedule_run))
        transaction.session.execute(update(t.schedule).values(next_at=midnight, wake_at=midnight))
    begun = time.perf_counter()
    platform.schedules.scheduler.start()
    platform.schedules.scheduler.look()
    seconds = time.perf_counter() - begun
    with platform.store.read() as session:
        made = session.scalar(select(func.count(r.id)))
    assert made == count, f"{made} runs were made of {count}"
    platform.stop()
    return seconds


def _wait(platform: Platform, wakes: dict[int, datetime], seconds: float) -> list[float]:
    r = t.schedule_run.c
    deadline = time.monotonic() + 3 * seconds + 60
    runs: dict[int, datetime] = {}
    while len(runs) < len(wakes) and time.monotonic() < deadline:
        time.sleep(1)
        with platform.store.read() as session:
            runs = {row.schedule_id: row.created_at for row in session.execute(select(r.schedule_id, r.created_at))}
    assert len(runs) == len(wakes), f"{len(wakes) - len(runs)} schedules were not run"
    return [(runs[each] - wake).total_seconds() for each, wake in wakes.items()]


if __name__ == "__main__":
    chosen = ArgumentParser(description=__doc__)
    add_options(chosen)
    show([measure(chosen.parse_args())])
