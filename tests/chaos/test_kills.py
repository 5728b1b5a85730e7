"""A console under SIGKILL: it loses nothing, does nothing twice, and brings everything to an end."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.chaos.consistency import faults
from tests.chaos.harness import Acknowledged, configure, console_at, drain, live_and_die
from tests.patience import FACTOR
from tests.sql import ask, one

KILLS = int(os.environ.get("BA2_CHAOS_KILLS") or 20)
SEED = int(os.environ.get("BA2_CHAOS_SEED") or random.SystemRandom().randrange(1, 2**31))
SUBMITS_A_LIFE = 5
# Here a probe fails for its analysis' own reason: with cool-downs that double freely, draining would take hours.
QUICK_BREAKER = {
    "breaker_failures": 6,
    "breaker_cooldown_seconds": 0.3,
    "breaker_longest_cooldown_seconds": 0.3,
    "breaker_drain_per_minute": 6000,
}

pytestmark = [pytest.mark.chaos, pytest.mark.timeout((300 + 10 * KILLS) * FACTOR)]


@dataclass(frozen=True)
class Survived:
    """A database that outlived its consoles, and what they had acknowledged."""

    database: Path
    said: Acknowledged


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    """Kill a console KILLS times at random moments, then let it drain and stop."""
    rng, said = random.Random(SEED), Acknowledged()
    print(f"BA2_CHAOS_SEED={SEED} BA2_CHAOS_KILLS={KILLS}")
    with console_at(tmp_path_factory.mktemp("kills"), workers=8, **QUICK_BREAKER) as console:
        console.start_cold()
        console.wait_until_ready()
        instances = configure(console.url)
        console.kill()
        for number in range(1, KILLS + 1):
            print(f"Kill {number}: {live_and_die(console, rng, instances, said, SUBMITS_A_LIFE)}")
        console.start()
        console.wait_until_ready()
        drain(console, said)
        console.stop()
        yield Survived(console.database, said)


def test_nothing_is_lost_nothing_is_done_twice_and_everything_ends(survived: Survived) -> None:
    assert faults(survived.database, survived.said) == []


def test_the_kills_hit_running_work(survived: Survived) -> None:
    interrupted = one(survived.database, "SELECT COUNT(*) FROM analysis_attempt WHERE outcome = 'interrupted'")
    assert interrupted >= KILLS // 4
    assert len(survived.said.submitted) >= KILLS
    assert survived.said.reruns
    assert one(survived.database, "SELECT COUNT(*) FROM analysis_attempt WHERE trigger = 'retry'")
    assert one(survived.database, "SELECT COUNT(*) FROM breaker")
    assert survived.said.completed


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("DELETE FROM market_analysis WHERE id = {completed}", "was acknowledged and is lost"),
        ("UPDATE market_analysis SET status = 'running' WHERE id = {completed}", "is not in an end state"),
        (
            "DELETE FROM analysis_output WHERE id ="
            " (SELECT MIN(id) FROM analysis_output WHERE market_analysis_id = {completed})",
            "exactly the outputs",
        ),
        (
            "INSERT INTO analysis_output (market_analysis_id, attempt, step_id, type, name, text, created_at)"
            " SELECT market_analysis_id, attempt, step_id, type, name, text, created_at FROM analysis_output"
            " WHERE market_analysis_id = {completed} LIMIT 1",
            "exactly the outputs",
        ),
        ("UPDATE analysis_output SET attempt = attempt + 1 WHERE market_analysis_id = {completed}", "the present one"),
        ("DELETE FROM analysis_step WHERE analysis_id = {completed} AND position = 1", "exactly the steps"),
        ("DELETE FROM expert_recommendation WHERE market_analysis_id = {completed}", "no recommendation that agrees"),
        ("UPDATE expert_recommendation SET is_current = 0", "exactly one current recommendation"),
        ("UPDATE analysis_attempt SET outcome = NULL WHERE analysis_id = {completed}", "is still open"),
        ("DELETE FROM analysis_attempt WHERE trigger = 'rerun' AND number = 2", "not numbered 1, 2, 3"),
        ("DELETE FROM attempt_archive", "without its archive"),
        ("UPDATE market_analysis SET rescues_used = rescues_used + 1 WHERE id = {completed}", "counts its rescues"),
        ("UPDATE market_analysis SET finished_at = created_at WHERE id = {completed}", "was seen completed"),
        ("DELETE FROM activity_log WHERE what = 're-run'", "in the activity log"),
        ("UPDATE analysis_attempt SET after_code = NULL WHERE trigger = 'retry'", "which failure it answers"),
        ("UPDATE market_analysis SET retries_used = 9 WHERE id = {completed}", "counts its retries wrongly"),
        ("UPDATE failure_group SET seen = seen + 1", "in the group of its failures"),
        ("UPDATE batch_item SET outcome = 'queued'", "in a batch that still waits"),
    ],
)
def test_the_checks_see_damage(survived: Survived, tmp_path: Path, damage: str, fault: str) -> None:
    copy = tmp_path / "damaged.db"
    shutil.copy(survived.database, copy)
    # One that outputs can be taken from, and that a client has seen completed.
    ((completed,),) = ask(
        copy, "SELECT MIN(market_analysis_id) FROM analysis_output WHERE market_analysis_id IN"
        f" ({','.join(map(str, survived.said.completed))})"
    )  # fmt: skip
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(damage.format(completed=completed))
    assert any(fault in found for found in faults(copy, replace(survived.said)))
