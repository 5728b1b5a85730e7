"""Bulk re-runs under SIGKILL: each item is queued exactly once, and the counts add up."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.consistency import the_file_is_sound
from tests.chaos.harness import LOOK_AGAIN, SYMBOLS, Acknowledged, Console, console_at
from tests.http import open_http
from tests.patience import CONSOLE_SECONDS, FACTOR
from tests.sql import ask, one

KILLS = int(os.environ.get("BA2_CHAOS_KILLS") or 20)
SEED = int(os.environ.get("BA2_CHAOS_SEED") or random.SystemRandom().randrange(1, 2**31))
DAYS = 28
COUNTS = ("queued", "succeeded", "failed", "skipped", "blocked")

pytestmark = [pytest.mark.chaos, pytest.mark.timeout((300 + 10 * KILLS) * FACTOR)]


@dataclass(frozen=True)
class Survived:
    """A database in which a bulk re-run outlived its consoles; what was accepted, and how it ended."""

    database: Path
    accepted: dict[str, Any]
    ended: dict[str, Any]
    seen: list[dict[str, int]]


def fail_many(console: Console) -> None:
    """Have several desks fail: one completes when it is done again, one fails for ever, one works before it fails."""
    desks = {
        "Fails once": {"seconds": 0.05, "steps": 3, "outputs": 6, "fail_with": "AUTH", "fail_times": 1},
        "Fails always": {"seconds": 0, "steps": 2, "outputs": 2, "fail_with": "AUTH", "fail_times": -1},
        "Slow": {"seconds": 0.3, "steps": 3, "outputs": 4, "fail_with": "AUTH", "fail_times": 1},
    }
    with open_http(f"{console.url}/api/v1") as http:
        experts = [
            http.post(
                "/expert-instances",
                json={"expert": "PracticeDesk", "alias": alias, "settings": settings, "max_concurrent": 6},
            )
            .raise_for_status()
            .json()["id"]
            for alias, settings in desks.items()
        ]
        for day in range(DAYS):
            wish = {"expert_instance_ids": experts[:2] if day % 4 else experts, "symbols": SYMBOLS}
            http.post("/batches", json={**wish, "as_of": f"2014-11-{day + 1:02}T21:00:00Z"}).raise_for_status()
        wait(lambda: idle(http), "everything to fail")


def idle(http: httpx.Client) -> bool:
    """Tell whether nothing is pending or running."""
    queue = http.get("/queue").raise_for_status().json()
    return not (queue["pending"] or queue["running"])


def wait(condition: Any, what: str) -> None:
    """Return once `condition` holds; the other side is another process, so it has to be asked."""
    deadline = time.monotonic() + CONSOLE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {CONSOLE_SECONDS:g} s for {what}"
        time.sleep(LOOK_AGAIN)


def accept(console: Console) -> dict[str, Any]:
    """Preview everything that failed, and accept it."""
    with open_http(f"{console.url}/api/v1") as http:
        chosen = {"filter": {"status": ["failed"]}}
        plan = http.post("/bulk-reruns/preview", json=chosen).raise_for_status().json()
        answer = http.post("/bulk-reruns", json={**chosen, "plan_hash": plan["plan_hash"], "reason": "chaos"})
        accepted: dict[str, Any] = answer.raise_for_status().json()
        return accepted


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survived]:
    """Kill a console KILLS times at random moments of one bulk re-run, then let it end."""
    rng = random.Random(SEED)
    print(f"BA2_CHAOS_SEED={SEED} BA2_CHAOS_KILLS={KILLS}")
    with console_at(tmp_path_factory.mktemp("bulk"), workers=6, max_rescues=100) as console:
        console.start()
        console.wait_until_ready()
        fail_many(console)
        accepted = accept(console)
        path, seen = f"/api/v1/bulk-reruns/{accepted['id']}", []
        for number in range(1, KILLS + 1):
            moment = rng.uniform(0.02, 0.5)
            time.sleep(moment)  # the moment of death is the input of this test, not a wait
            console.kill()
            print(f"Kill {number}: {moment:.3f} s after it was ready")
            console.start()
            console.wait_until_ready()
            seen.append(httpx.get(console.url + path, timeout=CONSOLE_SECONDS).raise_for_status().json()["counts"])
        with open_http(console.url) as http:
            wait(lambda: http.get(path).json()["finished_at"] is not None, "the bulk re-run to end")
        with open_http(f"{console.url}/api/v1") as http:
            wait(lambda: idle(http), "the queue to drain")
        with open_http(console.url) as http:
            ended = http.get(path).json()
        console.stop()
        yield Survived(console.database, accepted, ended, seen)


def test_the_counts_add_up_after_every_kill_and_never_go_back(survived: Survived) -> None:
    for counts in (*survived.seen, survived.ended["counts"]):
        assert sum(counts[name] for name in COUNTS) == counts["total"] == survived.accepted["counts"]["total"]
    queued = [counts["queued"] for counts in survived.seen]
    assert queued == sorted(queued, reverse=True)
    assert len(set(queued)) > 3, "the kills hit work under way"


def test_every_item_was_queued_exactly_once_and_ended(survived: Survived) -> None:
    file, bulk_id, will_run = survived.database, survived.ended["id"], survived.accepted["will_run"]
    assert survived.ended["state"] == "completed"
    counts = survived.ended["counts"]
    assert (counts["queued"], counts["succeeded"] + counts["failed"]) == (0, will_run)
    begun = ask(
        file,
        "SELECT COUNT(*), COUNT(DISTINCT analysis_id) FROM analysis_attempt WHERE trigger = 'bulk' AND batch_id = ?",
        bulk_id,
    )
    assert begun == [(will_run, will_run)]
    # What became of an item is what became of its analysis; no person has touched any since.
    differs = (
        "SELECT COUNT(*) FROM batch_item i JOIN market_analysis m ON m.id = i.analysis_id WHERE i.batch_id = ?"
        " AND i.outcome <> CASE m.status WHEN 'completed' THEN 'succeeded' ELSE m.status END"
    )
    assert one(file, differs, bulk_id) == 0
    assert one(file, "SELECT COUNT(*) FROM market_analysis WHERE reruns_used <> 1") == 0


def test_the_kills_hit_running_work_and_the_file_is_sound(survived: Survived) -> None:
    interrupted = one(survived.database, "SELECT COUNT(*) FROM analysis_attempt WHERE outcome = 'interrupted'")
    assert interrupted >= KILLS // 4
    with closing(sqlite3.connect(survived.database)) as connection:
        assert list(the_file_is_sound(connection, Acknowledged())) == []
