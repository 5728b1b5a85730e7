"""Schedules under SIGKILL: each planned time around a kill is run or missed, exactly once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ba2_trade_platform.core.recurrence.occurrences import occurrences
from ba2_trade_platform.core.recurrence.timings import Plan, read_timing
from ba2_trade_platform.core.schedules.drafts import Draft
from ba2_trade_platform.market.calendars.exchanges import ExchangeCalendars
from ba2_trade_platform.vocabulary import Misfire
from tests.chaos.consistency import faults
from tests.chaos.harness import ROOT, Acknowledged
from tests.chaos.schedule_consoles import BEGIN
from tests.patience import CONSOLE_SECONDS, FACTOR
from tests.platforms import TRADER, make_platform, practice
from tests.sql import ask, one

KILLS = int(os.environ.get("BA2_CHAOS_KILLS") or 20)
SEED = int(os.environ.get("BA2_CHAOS_SEED") or random.SystemRandom().randrange(1, 2**31))
SPEED = 7_200.0  # a quarter of an hour in an eighth of a second
QUARTERLY = {"kind": "cron", "expression": "*/15 * * * *"}
pytestmark = [pytest.mark.chaos, pytest.mark.timeout((300 + 15 * KILLS) * FACTOR)]


def prepare(folder: Path) -> None:
    """Make a desk with one schedule of each policy, none of which has begun to wait yet."""
    platform = make_platform(folder)
    expert = practice(platform, max_concurrent=8)
    for misfire, symbol in zip(Misfire, ("AAPL", "MSFT", "INTC"), strict=True):
        draft = Draft(
            misfire.value, expert, QUARTERLY, "Europe/Berlin", symbols=(symbol,), misfire=misfire, grace_seconds=600
        )
        platform.schedules.service.create(draft, by=TRADER)
    with platform.store.write() as transaction:
        stamp = (BEGIN + timedelta(minutes=15)).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
        transaction.session.connection().exec_driver_sql(
            f"UPDATE schedule SET next_at = '{stamp}', wake_at = '{stamp}'"
        )
    platform.stop()


class Consoles:
    """Consoles on one data folder, one after the other, each a fork of one warm process."""

    def __init__(self, folder: Path) -> None:
        self._alive: int | None = None
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BA2_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.schedule_consoles", str(folder), str(SPEED)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def live_and_die(self, rng: random.Random) -> None:
        """Start a console and kill it while it starts, catches up or works, or when times come one by one."""
        pid = self._begin("live")
        stage = rng.choice((None, "ready", "fired", "fired", "worked", "worked"))
        while stage is not None and self._said() != stage:
            pass
        time.sleep(rng.uniform(0.0, 0.5))  # the moment of death is the input of this test, not a wait
        os.kill(pid, signal.SIGKILL)
        while self._said() != "gone":
            pass

    def drain(self) -> None:
        """Let a console that fires nothing bring everything to an end."""
        self._begin("drain")
        assert self._said() == "drained"

    def close(self) -> None:
        """Leave no process behind; a console that a failed test left is killed by its pid."""
        if self._alive is not None:
            with suppress(ProcessLookupError):
                os.kill(self._alive, signal.SIGKILL)
        self._process.communicate(timeout=CONSOLE_SECONDS)

    def _begin(self, kind: str) -> int:
        assert self._process.stdin is not None
        print(kind, file=self._process.stdin, flush=True)
        self._alive = int(self._said())
        return self._alive

    def _said(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the consoles' process has ended"
        said = line.strip()
        if said == "gone":
            self._alive = None
        return said


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a desk whose console was killed KILLS times, and then left to finish what it had begun."""
    print(f"BA2_CHAOS_SEED={SEED} BA2_CHAOS_KILLS={KILLS}")
    folder, rng = tmp_path_factory.mktemp("schedules"), random.Random(SEED)
    prepare(folder)
    consoles = Consoles(folder)
    try:
        for _ in range(KILLS):
            consoles.live_and_die(rng)
        consoles.drain()
    finally:
        consoles.close()
    runs, analyses, rescues = (
        one(folder / "ba2.db", f"SELECT COUNT(*) FROM {what}")
        for what in ("schedule_run", "market_analysis", "analysis_attempt WHERE trigger = 'rescue'")
    )
    print(f"{KILLS} kills, {runs} planned times accounted for, {analyses} analyses, {rescues} rescued")
    return folder / "ba2.db"


def test_every_planned_time_from_the_first_to_the_last_is_there_exactly_once(survived: Path) -> None:
    plan = Plan(read_timing(QUARTERLY), "Europe/Berlin")
    for schedule_id, next_at in ask(survived, "SELECT id, next_at FROM schedule"):
        until = datetime.fromisoformat(next_at).replace(tzinfo=UTC) - timedelta(seconds=1)
        expected = list(occurrences(plan, BEGIN, ExchangeCalendars(), until=until))
        rows = ask(
            survived, f"SELECT planned_at FROM schedule_run WHERE schedule_id = {schedule_id} ORDER BY planned_at"
        )
        assert [datetime.fromisoformat(planned).replace(tzinfo=UTC) for (planned,) in rows] == expected
        assert len(expected) >= KILLS  # or the clock hardly ran, and nothing was proved


def test_each_run_has_one_batch_and_each_batch_one_analysis_or_one_that_was_under_way(survived: Path) -> None:
    # A missed time has none; one that ran has a batch of its own, with an analysis of its own or somebody's.
    assert one(survived, "SELECT COUNT(*) FROM schedule_run WHERE (batch_id IS NULL) != (state = 'missed')") == 0
    runs = one(survived, "SELECT COUNT(*) FROM schedule_run WHERE batch_id IS NOT NULL")
    assert one(survived, "SELECT COUNT(DISTINCT batch_id) FROM schedule_run") == runs
    assert one(survived, "SELECT COUNT(*) FROM batch") == runs
    assert one(survived, "SELECT COUNT(*) FROM batch_item") == runs
    own = "SELECT analysis_id FROM batch_item WHERE outcome != 'duplicate'"
    assert one(survived, f"SELECT COUNT(*) FROM ({own})") == one(
        survived, f"SELECT COUNT(DISTINCT x.analysis_id) FROM ({own}) x"
    )
    assert one(survived, f"SELECT COUNT(*) FROM market_analysis WHERE id NOT IN ({own})") == 0
    assert one(survived, "SELECT COUNT(*) FROM batch_item WHERE analysis_id IS NULL") == 0


def test_every_run_ended_and_every_analysis_was_completed_once(survived: Path) -> None:
    assert one(survived, "SELECT COUNT(*) FROM schedule_run WHERE state NOT IN ('done', 'late', 'missed')") == 0
    assert faults(survived, Acknowledged()) == []
    completed = "SELECT COUNT(*) FROM analysis_attempt WHERE outcome = 'completed' GROUP BY analysis_id"
    assert {count for (count,) in ask(survived, completed)} == {1}


def test_what_was_missed_or_late_says_why(survived: Path) -> None:
    kinds = {kind for (kind,) in ask(survived, "SELECT DISTINCT trigger FROM schedule_run WHERE batch_id IS NOT NULL")}
    assert kinds == {"planned", "catch_up"}
    assert one(survived, "SELECT COUNT(*) FROM schedule_run WHERE state IN ('missed', 'late') AND reason IS NULL") == 0
