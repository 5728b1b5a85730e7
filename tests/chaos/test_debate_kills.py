"""Debates under SIGKILL: call after call, no answer is paid for twice, and the debate comes to its end."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.chaos.harness import LOOK_AGAIN, Console, console_at, ended
from tests.http import open_http
from tests.patience import CONSOLE_SECONDS
from tests.sql import ask

pytestmark = pytest.mark.chaos

SLOW = "scripted:rules?seconds=0.4"
KILLED_IN = ("Technical analyst", "Bull researcher", "Bear researcher", "Trader", "Portfolio manager")
ONCE = (
    "Bull researcher", "Bear researcher", "Research manager", "Trader", "Aggressive risk analyst",
    "Conservative risk analyst", "Neutral risk analyst", "Portfolio manager",
)  # fmt: skip


def calls(console: Console) -> list[tuple[str, str | None]]:
    """Return step and outcome of every model call that was ever made."""
    return [(row[0], row[1]) for row in ask(console.database, "SELECT step, outcome FROM model_call ORDER BY id")]


def wait_until_asked(console: Console, step: str) -> None:
    """Return while a call of this step is under way; of the technical analyst its second, after its tool."""
    wanted = 2 if step == "Technical analyst" else 1
    deadline = time.monotonic() + CONSOLE_SECONDS
    while time.monotonic() < deadline:
        made = [outcome for name, outcome in calls(console) if name == step]
        if len(made) >= wanted and made[-1] is None:
            return
        time.sleep(LOOK_AGAIN)
    raise AssertionError(f"{step} was not asked; there are {calls(console)}")


def test_no_answer_is_paid_for_twice_however_often_the_console_is_killed(tmp_path: Path) -> None:
    with console_at(tmp_path / "data", workers=2) as console:
        console.start_cold()
        console.wait_until_ready()
        with open_http(f"{console.url}/api/v1") as http:
            analysis_id = begin(http)
        for step in KILLED_IN:
            wait_until_asked(console, step)
            console.kill()
            console.start()
            console.wait_until_ready()
        with open_http(f"{console.url}/api/v1") as http:
            assert ended(http, analysis_id)["status"] == "completed"
        made = calls(console)
        answered = Counter(step for step, outcome in made if outcome == "answered")
        assert answered == dict.fromkeys(ONCE, 1) | {"Technical analyst": 2}
        assert Counter(step for step, outcome in made if outcome == "interrupted") == dict.fromkeys(KILLED_IN, 1)
        console.stop()


def begin(http: httpx.Client) -> int:
    """Configure a slow scripted desk, submit one analysis and return its id."""
    # One analyst: a kill would cut the calls of those beside it too.
    settings = {"quick_model": SLOW, "deep_model": SLOW, "fundamentals_analyst": False}
    desk = http.post("/expert-instances", json={"expert": "DebateDesk", "alias": "Debaters", "settings": settings})
    assert desk.status_code == 201, desk.text
    answer = http.post("/analyses", json={"expert_instance_id": desk.json()["id"], "symbol": "MSFT"})
    assert answer.status_code == 202, answer.text
    return int(answer.json()["analysis_id"])
