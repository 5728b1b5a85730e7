"""A console that is killed around planned times again and again runs or misses each of them, exactly once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.planned_times import planned_times
from ba2_trade_platform.core.schedules import Draft, Misfire
from ba2_trade_platform.core.timings import Plan, read_timing
from ba2_trade_platform.market.sessions import ExchangeCalendars
from tests.chaos.harness import ROOT
from tests.chaos.schedule_consoles import BEGIN
from tests.platforms import TRADER, make_platform, practice
from tests.sql import ask, one

KILLS = int(os.environ.get("BA2_CHAOS_KILLS") or 20)
SEED = int(os.environ.get("BA2_CHAOS_SEED") or random.SystemRandom().randrange(1, 2**31))
SPEED = 1_800.0  # a quarter of an hour in half a second
QUARTERLY = {"kind": "cron", "expression": "*/15 * * * *"}
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(60 + 15 * KILLS)]


def prepare(folder: Path) -> None:
    """Make a desk with one schedule of each policy, none of which has begun to wait yet."""
    platform = make_platform(folder)
    expert = practice(platform, max_concurrent=8)
    for misfire, symbol in zip(Misfire, ("AAPL", "MSFT", "INTC"), strict=True):
        draft = Draft(
            misfire.value, expert, QUARTERLY, "Europe/Berlin", symbols=(symbol,), misfire=misfire, grace_seconds=600
        )
        platform.schedules.create(draft, by=TRADER)
    with platform.store.write() as transaction:
        stamp = (BEGIN + timedelta(minutes=15)).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        transaction.session.connection().exec_driver_sql(
            f"UPDATE schedule SET next_at = '{stamp}', wake_at = '{stamp}'"
        )
    platform.stop()


def live_and_die(folder: Path, rng: random.Random) -> None:
    """Start a console and kill it while it catches up, or when it has and times come one by one."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BA2_")}
    console = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.schedule_consoles", str(folder), str(SPEED)],
        cwd=ROOT, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert console.stdout is not None
    try:
        assert console.stdout.readline() == b"ready\n"
        if rng.random() < 0.6:
            assert console.stdout.readline() == b"fired\n"
        time.sleep(rng.uniform(0.0, 0.8))  # the moment of death is the input of this test, not a wait
    finally:
        console.kill()
        console.wait()
        console.stdout.close()


def test_each_planned_time_is_settled_exactly_once_however_often_the_console_is_killed(tmp_path: Path) -> None:
    print(f"BA2_CHAOS_SEED={SEED} BA2_CHAOS_KILLS={KILLS}")
    rng, database = random.Random(SEED), tmp_path / "ba2.db"
    prepare(tmp_path)
    for _ in range(KILLS):
        live_and_die(tmp_path, rng)
    plan = Plan(read_timing(QUARTERLY), "Europe/Berlin")
    for schedule_id, next_at in ask(database, "SELECT id, next_at FROM schedule"):
        until = datetime.fromisoformat(next_at).replace(tzinfo=UTC) - timedelta(seconds=1)
        expected = list(planned_times(plan, BEGIN, ExchangeCalendars(), until=until))
        rows = ask(
            database, f"SELECT planned_at FROM schedule_run WHERE schedule_id = {schedule_id} ORDER BY planned_at"
        )
        assert [datetime.fromisoformat(planned).replace(tzinfo=UTC) for (planned,) in rows] == expected
    # A run has one batch of one analysis or of one that was under way already; a missed time has none.
    assert one(database, "SELECT COUNT(*) FROM schedule_run WHERE (batch_id IS NULL) != (state = 'missed')") == 0
    runs = one(database, "SELECT COUNT(*) FROM schedule_run WHERE batch_id IS NOT NULL")
    assert one(database, "SELECT COUNT(DISTINCT batch_id) FROM schedule_run") == runs
    assert one(database, "SELECT COUNT(*) FROM batch") == runs
    assert one(database, "SELECT COUNT(*) FROM batch_item WHERE outcome != 'duplicate' AND analysis_id IS NULL") == 0
    orphans = "SELECT COUNT(*) FROM market_analysis WHERE id NOT IN (SELECT analysis_id FROM batch_item)"
    assert one(database, orphans) == 0
    kinds = {kind for (kind,) in ask(database, "SELECT DISTINCT trigger FROM schedule_run WHERE batch_id IS NOT NULL")}
    assert "catch_up" in kinds
    assert one(database, "SELECT COUNT(*) FROM schedule_run") >= 2 * KILLS
