"""Console processes for kills: started, asked over HTTP, killed with SIGKILL; each acknowledgement is remembered."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.http import open_http
from tests.patience import CONSOLE_SECONDS
from tests.places import ROOT

SYMBOLS = ("AAPL", "MSFT", "DELL", "AMD", "COST", "INTC")
LOOK_AGAIN = 0.02


class Console:
    """One console on one data folder, that can be started and killed as often as wanted."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.database = folder / "ba2.db"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "process.log"
        folder.mkdir(parents=True, exist_ok=True)
        given = {"data_dir": folder, "port": self.url.rpartition(":")[2], "demo": 0, "operator": "trader", **settings}
        self.environment = {f"BA2_{name.upper()}": str(value) for name, value in given.items()}
        self._starter: subprocess.Popen[str] | None = None
        self._cold: subprocess.Popen[bytes] | None = None
        self._process: int | None = None

    def start(self) -> None:
        """Start the console from its own interpreter's warm copy; it may not be ready for some time."""
        if self._starter is None:
            self._starter = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.starter"],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._clean_environment(),
            )  # fmt: skip
        assert self._starter.stdin is not None
        assert self._starter.stdout is not None
        print(json.dumps({"environment": self.environment, "log": str(self.log)}), file=self._starter.stdin, flush=True)
        self._process = os.pidfd_open(int(self._starter.stdout.readline()))

    def start_cold(self) -> None:
        """Start the console as a user does: `python main.py`."""
        with self.log.open("a") as log:
            self._cold = subprocess.Popen(
                [sys.executable, "main.py"],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._clean_environment() | self.environment,
            )  # fmt: skip
        self._process = os.pidfd_open(self._cold.pid)

    def wait_until_ready(self) -> None:
        """Return once /readyz says so; raises AssertionError with the console's last words when it does not."""
        deadline = time.monotonic() + CONSOLE_SECONDS
        with open_http(self.url) as client:
            while time.monotonic() < deadline and not self._gone():
                with suppress(httpx.HTTPError):
                    if client.get("/readyz").status_code == 200:
                        return
                time.sleep(LOOK_AGAIN)
        raise AssertionError(f"The console did not become ready:\n{self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        """Kill the console and return once the kernel has let go of everything it held."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Stop the console as Ctrl-C does."""
        self._signal(signal.SIGTERM)

    def close(self) -> None:
        """Leave no process behind."""
        if self._process is not None:
            self.kill()
        if self._starter is not None:
            self._starter.communicate(timeout=CONSOLE_SECONDS)

    def _signal(self, number: int) -> None:
        assert self._process is not None, "the console was not started"
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, number)
        left, _, _ = select.select([self._process], [], [], CONSOLE_SECONDS)
        assert left, f"the console outlived signal {number}"
        os.close(self._process)
        self._process = None
        if self._cold is not None:
            self._cold.wait(CONSOLE_SECONDS)
            self._cold = None

    def _gone(self) -> bool:
        return self._process is None or bool(select.select([self._process], [], [], 0)[0])

    @staticmethod
    def _clean_environment() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith(("BA2_", "PYTEST", "NICEGUI"))}


@contextmanager
def console_at(folder: Path, **settings: object) -> Iterator[Console]:
    """A console that is gone when the block ends."""
    console = Console(folder, **settings)
    try:
        yield console
    finally:
        console.close()


@dataclass
class Acknowledged:
    """What the console has said yes to, and must therefore never lose."""

    submitted: set[int] = field(default_factory=set)
    reruns: set[tuple[int, int]] = field(default_factory=set)
    cancelled: set[int] = field(default_factory=set)
    completed: dict[int, tuple[int, str]] = field(default_factory=dict)


class Trader:
    """A client that asks for things at random until the console no longer answers."""

    def __init__(
        self, url: str, instances: list[int], rng: random.Random, said: Acknowledged, heard: threading.Semaphore
    ) -> None:
        hooks: dict[str, list[Any]] = {"response": [lambda _: heard.release()]}
        self._http = open_http(f"{url}/api/v1", event_hooks=hooks)
        self._instances = instances
        self._rng = rng
        self._said = said

    def work(self, budget: int) -> None:
        """Make up to `budget` submits and as many other wishes as come between; returns when the console is killed."""
        with suppress(httpx.HTTPError), self._http:
            while budget > 0:
                wish = self._rng.random()
                if wish < 0.12:
                    self._submit_batch()
                    budget -= len(SYMBOLS) // 2
                elif wish < 0.6:
                    self._submit()
                    budget -= 1
                elif wish < 0.85:
                    self._rerun_one()
                elif wish < 0.9:
                    self._cancel_one()
                else:
                    self._look()
            while True:
                self._rerun_one()
                self._look()
                time.sleep(LOOK_AGAIN)

    def _as_of(self) -> str:
        return f"2014-{self._rng.randint(1, 12):02}-{self._rng.randint(1, 28):02}T21:00:00Z"

    def _submit(self) -> None:
        wish = {
            "expert_instance_id": self._rng.choice(self._instances),
            "symbol": self._rng.choice(SYMBOLS),
            "as_of": self._as_of(),
            "priority": self._rng.choice((0, 0, 60)),
        }
        answer = self._http.post("/analyses", json=wish)
        assert answer.status_code in (200, 202), answer.text
        self._said.submitted.add(answer.json()["analysis_id"])

    def _submit_batch(self) -> None:
        chosen = self._rng.sample(SYMBOLS, len(SYMBOLS) // 2)
        wish = {"expert_instance_ids": [self._rng.choice(self._instances)], "symbols": chosen, "as_of": self._as_of()}
        answer = self._http.post("/batches", json=wish)
        assert answer.status_code == 202, answer.text
        items = self._http.get(f"/batches/{answer.json()['id']}/items", params={"limit": 500})
        self._said.submitted.update(item["analysis_id"] for item in items.json()["items"])

    def _rerun_one(self) -> None:
        for row in self._listed("failed")[:1]:
            answer = self._http.post(f"/analyses/{row['id']}/rerun", json={"reason": "chaos"})
            assert answer.status_code in (202, 409), answer.text
            if answer.status_code == 202:
                self._said.reruns.add((row["id"], answer.json()["attempt"]))

    def _cancel_one(self) -> None:
        for row in self._listed("pending", "running")[:1]:
            answer = self._http.post(f"/analyses/{row['id']}/cancel", json={})
            assert answer.status_code in (202, 409), answer.text
            if answer.status_code == 202:
                self._said.cancelled.add(row["id"])

    def _look(self) -> None:
        self._said.completed.update((row["id"], seal(row)) for row in self._listed("completed"))

    def _listed(self, *status: str) -> list[dict[str, Any]]:
        answer = self._http.get("/analyses", params={"status": list(status), "limit": 500})
        items: list[dict[str, Any]] = answer.json()["items"]
        self._rng.shuffle(items)
        return items


def seal(row: dict[str, Any]) -> tuple[int, str]:
    """Return what may never change of an analysis that was seen completed."""
    return row["attempt"], row["finished_at"]


def configure(url: str) -> list[int]:
    """Configure practice desks: quick, slow, writing before a step's end, failing once, recovering by themselves."""
    desks: dict[str, dict[str, Any]] = {
        "Quick": {"seconds": 0.02, "steps": 2, "outputs": 3},
        "Thorough": {"seconds": 0.2, "steps": 5, "outputs": 15},
        "Slow": {"seconds": 0.4, "steps": 3, "outputs": 4},
        "Writes early": {"seconds": 0.3, "steps": 2, "outputs": 8, "hang": "blocking", "fail_times": -1},
        "Fails once": {"seconds": 0.05, "steps": 3, "outputs": 6, "fail_with": "RATE_LIMIT", "fail_times": 1},
        "Recovers by itself": {"seconds": 0.05, "steps": 3, "outputs": 6, "fail_with": "CONNECTION", "fail_times": 2},
        "Recommends and fails": {
            "seconds": 0.02, "steps": 2, "outputs": 15, "fail_with": "AUTH", "fail_times": 1,
            "recommend_before_failing": True,
        },
    }  # fmt: skip
    with open_http(f"{url}/api/v1") as http:
        return [
            http.post(
                "/expert-instances",
                json={
                    "expert": "PracticeDesk",
                    "alias": alias,
                    "settings": settings,
                    "max_concurrent": 6,
                    "max_retries": 4 if alias == "Recovers by itself" else 0,
                    "retry_base_seconds": 0.5,
                },
            )
            .raise_for_status()
            .json()["id"]
            for alias, settings in desks.items()
        ]


def live_and_die(console: Console, rng: random.Random, instances: list[int], said: Acknowledged, budget: int) -> str:
    """Start the console, let two traders at it, kill it at a random moment, and return what moment that was."""
    console.start()
    if rng.random() < 0.2:
        moment = rng.uniform(0.0, 0.5)
        time.sleep(moment)
        console.kill()
        return f"{moment:.3f} s after its start"
    console.wait_until_ready()
    heard, answers = threading.Semaphore(0), rng.randint(10, 120)  # so that a slow machine has as full a life
    traders = [Trader(console.url, instances, random.Random(rng.random()), said, heard) for _ in range(2)]
    with ThreadPoolExecutor(len(traders)) as pool:
        at_work = [pool.submit(trader.work, budget) for trader in traders]
        try:
            for _ in range(answers):
                assert heard.acquire(timeout=CONSOLE_SECONDS), "the console does not answer"
            moment = rng.uniform(0.0, 0.2)
            time.sleep(moment)  # the moment of death is the input of this test, not a wait
        finally:
            console.kill()
    for trader in at_work:
        trader.result()
    return f"{moment:.3f} s after {answers} answers"


def drain(console: Console, said: Acknowledged) -> None:
    """Return once nothing is pending or running and everything that failed was re-run until it completed."""
    deadline = time.monotonic() + CONSOLE_SECONDS
    with open_http(f"{console.url}/api/v1") as http:
        while time.monotonic() < deadline:
            queue = http.get("/queue").raise_for_status().json()
            if not (queue["pending"] or queue["running"] or queue["failed"]):
                return
            failed = http.get("/analyses", params={"status": "failed", "limit": 500}).raise_for_status().json()
            for row in failed["items"]:
                answer = http.post(f"/analyses/{row['id']}/rerun", json={})
                assert answer.status_code == 202, answer.text
                said.reruns.add((row["id"], answer.json()["attempt"]))
            time.sleep(LOOK_AGAIN)
    raise AssertionError(f"The queue was not drained within {CONSOLE_SECONDS:g} s: {queue}")


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ended(http: httpx.Client, analysis_id: int) -> dict[str, Any]:
    """Return the analysis once it is neither waiting nor at work."""
    deadline = time.monotonic() + CONSOLE_SECONDS
    while time.monotonic() < deadline:
        found: dict[str, Any] = http.get(f"/analyses/{analysis_id}").json()
        if found["status"] not in ("pending", "running"):
            return found
        time.sleep(LOOK_AGAIN)
    raise AssertionError(f"analysis {analysis_id} did not end")
