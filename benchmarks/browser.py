"""Browser harness: real consoles as processes and pages in one Chromium, to measure from outside."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
DEADLINE = 120.0
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass(frozen=True)
class Console:
    """A console that runs as a process of its own; `seconds_to_health` from its start to /healthz."""

    url: str
    pid: int
    seconds_to_health: float

    def api(self) -> httpx.Client:
        """Return a client of its API."""
        return httpx.Client(base_url=f"{self.url}/api/v1", timeout=60)


@contextmanager
def console(folder: Path, **settings: object) -> Iterator[Console]:
    """A console for the length of a block, started as a user does."""
    port = _free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BA2_")}
    given = {"data_dir": folder, "port": port, "demo": 0, "operator": "benchmark", "log_level": "WARNING", **settings}
    environment |= {f"BA2_{name.upper()}": str(value) for name, value in given.items()}
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "main.py"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _until_healthy(url, process)
        yield Console(url, process.pid, time.perf_counter() - begun)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium for the length of a block; raises SystemExit with a sentence when there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("This benchmark needs Chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def _until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE
    with httpx.Client(base_url=url, timeout=5) as client:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.HTTPError):
                if client.get("/healthz").status_code == 200:
                    return
            time.sleep(0.005)
    raise SystemExit(f"The console at {url} did not become healthy")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
