"""Simultaneous re-runs over HTTP: of a hundred clients one is accepted, and every other is told why."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.harness import LOOK_AGAIN, Console, console_at
from tests.http import open_http
from tests.patience import CONSOLE_SECONDS
from tests.sql import ask, one

CLIENTS = 100

pytestmark = pytest.mark.chaos


def a_failed_analysis(http: httpx.Client) -> int:
    """Have an analysis that leaves 15 outputs and a recommendation fail, and return its id."""
    settings = {"steps": 3, "outputs": 15, "fail_with": "AUTH", "fail_times": 1, "recommend_before_failing": True}
    instance = http.post("/expert-instances", json={"expert": "PracticeDesk", "alias": "Desk", "settings": settings})
    wish = {"expert_instance_id": instance.raise_for_status().json()["id"], "symbol": "AAPL"}
    analysis_id: int = http.post("/analyses", json=wish).raise_for_status().json()["analysis_id"]
    until(http, analysis_id, "failed")
    return analysis_id


def until(http: httpx.Client, analysis_id: int, status: str) -> dict[str, Any]:
    """Return the analysis once it has this status."""
    deadline = time.monotonic() + CONSOLE_SECONDS
    while time.monotonic() < deadline:
        row: dict[str, Any] = http.get(f"/analyses/{analysis_id}").raise_for_status().json()
        if row["status"] == status:
            return row
        time.sleep(LOOK_AGAIN)
    raise AssertionError(f"analysis {analysis_id} did not become {status} within {CONSOLE_SECONDS:g} s: {row}")


def click_together(console: Console, analysis_id: int) -> list[httpx.Response]:
    """Send the re-run from as many clients at one moment, each on a connection that is already open."""
    together = threading.Barrier(CLIENTS)

    def click(_: int) -> httpx.Response:
        with open_http(f"{console.url}/api/v1") as http:
            http.get(f"/analyses/{analysis_id}").raise_for_status()
            together.wait(CONSOLE_SECONDS)
            return http.post(f"/analyses/{analysis_id}/rerun", json={"reason": "all at once"})

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(click, range(CLIENTS)))


def test_one_of_a_hundred_clients_is_accepted_and_the_others_are_told_why(tmp_path: Path) -> None:
    with console_at(tmp_path, workers=2) as console:
        console.start_cold()
        console.wait_until_ready()
        with open_http(f"{console.url}/api/v1") as http:
            analysis_id = a_failed_analysis(http)
            http.post("/queue/pause", json={"reason": "to see it pending"}).raise_for_status()
            answers = click_together(console, analysis_id)
            pending = http.get(f"/analyses/{analysis_id}").json()
            http.post("/queue/resume", json={}).raise_for_status()
            completed = until(http, analysis_id, "completed")
        console.stop()
    assert Counter(answer.status_code for answer in answers) == {202: 1, 409: CLIENTS - 1}
    (accepted,) = (answer.json() for answer in answers if answer.status_code == 202)
    assert accepted["sentence"] == f"Analysis {analysis_id} queued for re-run (attempt 2, re-run 1/3)"
    refusals = [answer.json() for answer in answers if answer.status_code == 409]
    assert {refusal["code"] for refusal in refusals} == {"ALREADY_QUEUED"}
    assert all(re.fullmatch(r"Already queued \d+ s ago by trader", refusal["detail"]) for refusal in refusals)
    assert (pending["status"], pending["attempt"], pending["reruns_used"]) == ("pending", 2, 1)
    assert (completed["attempt"], completed["reruns_used"]) == (2, 1)
    attempts = "SELECT number, trigger, outcome FROM analysis_attempt WHERE analysis_id = ? ORDER BY number"
    assert ask(console.database, attempts, analysis_id) == [(1, "first", "failed"), (2, "rerun", "completed")]
    assert one(console.database, "SELECT COUNT(*) FROM activity_log WHERE what = 're-run'") == 1


def test_clients_that_click_while_it_runs_again_make_no_second_attempt(tmp_path: Path) -> None:
    with console_at(tmp_path, workers=2) as console:
        console.start()
        console.wait_until_ready()
        with open_http(f"{console.url}/api/v1") as http:
            analysis_id = a_failed_analysis(http)
            answers = click_together(console, analysis_id)
            until(http, analysis_id, "completed")
        console.stop()
    assert Counter(answer.status_code for answer in answers) == {202: 1, 409: CLIENTS - 1}
    sentences = {re.sub(r"\d+", "N", answer.json()["detail"]) for answer in answers if answer.status_code == 409}
    assert sentences <= {
        "Already queued N s ago by trader",
        *(f"Can only re-run failed analyses: analysis N is {status}" for status in ("running", "completed")),
    }
    assert one(console.database, "SELECT COUNT(*) FROM analysis_attempt WHERE analysis_id = ?", analysis_id) == 2
