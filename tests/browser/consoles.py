"""Browser consoles: processes with pages for a real browser, and their API to prepare the data of a page."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.databases import lay_database
from tests.http import open_http
from tests.patience import CONSOLE_SECONDS
from tests.places import ROOT
from tests.platforms import LIMITS


@dataclass
class ConsoleProcess:
    """A console that runs as its own process, and its API."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    api: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.api = open_http(f"{self.url}/api/v1")

    def expert(self, alias: str = "Practice desk", **settings: Any) -> int:
        """Configure a PracticeDesk that takes no time unless told otherwise; return its id."""
        limits = {name: settings.pop(name) for name in LIMITS if name in settings}
        limits.setdefault("max_retries", 0)
        chosen = {"seconds": 0, "steps": 2, "outputs": 3, **settings}
        body = {"expert": "PracticeDesk", "alias": alias, "settings": chosen, **limits}
        return int(self._post("/expert-instances", body)["id"])

    def submit(self, expert: int, symbol: str = "AAPL") -> int:
        """Submit an analysis; return its id."""
        body = {"expert_instance_id": expert, "symbol": symbol, "subtype": "enter_market"}
        return int(self._post("/analyses", body)["analysis_id"])

    def status(self, analysis_id: int) -> str:
        """Return where an analysis stands."""
        return str(self.api.get(f"/analyses/{analysis_id}").raise_for_status().json()["status"])

    def wait_for(self, analysis_id: int, status: str) -> None:
        """Return once the analysis has this status."""
        until(lambda: self.status(analysis_id) == status, f"analysis {analysis_id} to be {status}")

    def stop(self) -> int:
        """Stop it as Ctrl-C does; return its exit code."""
        self.api.close()
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(CONSOLE_SECONDS)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.api.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()


def until(condition: Callable[[], bool], what: str) -> None:
    """Return once `condition` holds; the other side is another process, so it has to be asked."""
    deadline = time.monotonic() + CONSOLE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {CONSOLE_SECONDS:g} s for {what}"
        time.sleep(0.02)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_console(folder: Path, port: int | None = None, **settings: str) -> ConsoleProcess:
    """Start `python main.py` on its own folder and port, or again on those of another; return once it is ready."""
    is_again, port = port is not None, port or free_port()
    given = {"BA2_DATA_DIR": str(folder), "BA2_PORT": str(port), "BA2_DEMO": "0", "BA2_OPERATOR": "trader", **settings}
    log = folder / "console.log"
    if not is_again:
        lay_database(folder)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("BA2_", "NICEGUI_", "PYTEST_"))}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "main.py"], cwd=ROOT, env=clean | given, stdout=out, stderr=subprocess.STDOUT
        )
    console = ConsoleProcess(process, f"http://127.0.0.1:{port}", log)

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(f"{console.url}/readyz", timeout=CONSOLE_SECONDS).is_success
        except httpx.TransportError:
            return False

    until(ready, "the console to be ready")
    return console
