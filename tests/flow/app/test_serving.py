"""Serving: a console process starts, says plainly why it cannot, stops cleanly, and goes on where it stopped."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ba2_trade_platform.app.build import build
from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.serve import require_port
from ba2_trade_platform.settings import read_settings
from tests.patience import CONSOLE_SECONDS
from tests.places import ROOT

HEAVY = ("chromadb", "exchange_calendars", "langchain", "langchain_core", "pandas", "polars", "talib")


class Desk:
    """A folder, a port and the console that a trader starts with them."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.port = settings.pop("PORT", None) or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        foreign = ("BA2_", "NICEGUI_", "PYTEST_")
        ours = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        chosen = {"DATA_DIR": folder / "data", "PORT": self.port, "DEMO": 0, "STOP_SECONDS": 2, **settings}
        self.environment = ours | {f"BA2_{name}": str(value) for name, value in chosen.items()}
        folder.mkdir(parents=True, exist_ok=True)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run main.py to its end."""
        return subprocess.run(
            [sys.executable, ROOT / "main.py", *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=CONSOLE_SECONDS, check=False,
        )  # fmt: skip

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[str]]:
        """Run main.py for the length of a block; it can work when the block begins."""
        process = subprocess.Popen(
            [sys.executable, ROOT / "main.py"],
            cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            until(lambda: process.poll() is not None or self.is_ready(), "the start")
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            yield process
        finally:
            process.kill()
            process.communicate()

    def is_ready(self) -> bool:
        """Tell whether the console says that it can work."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=CONSOLE_SECONDS).is_success
        except httpx.TransportError:
            return False

    def api(self, method: str, path: str, **wish: Any) -> Any:
        """Ask the console's API."""
        return httpx.request(
            method, f"{self.url}/api/v1{path}", timeout=CONSOLE_SECONDS, **({"json": wish} if wish else {})
        ).json()

    def database(self, sql: str) -> list[Any]:
        """Ask the database itself."""
        with closing(sqlite3.connect(self.folder / "data" / "ba2.db")) as connection:
            found = connection.execute(sql).fetchall()
            connection.commit()
            return found


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], what: str) -> None:
    """Return once another process has brought `condition` about; it cannot wake us, so we look again."""
    deadline, pause = threading.Event(), threading.Event()
    timer = threading.Timer(CONSOLE_SECONDS, deadline.set)
    timer.start()
    try:
        while not condition():
            assert not deadline.is_set(), f"{what} took more than {CONSOLE_SECONDS:g} s"
            pause.wait(0.05)
    finally:
        timer.cancel()


def refused(answer: subprocess.CompletedProcess[str], exit_code: int) -> str:
    """Return the one sentence that a command was refused with."""
    assert answer.returncode == exit_code, answer.stderr
    assert "Traceback" not in answer.stderr
    (sentence,) = answer.stderr.splitlines()
    return sentence


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_hands_back_what_runs_and_the_next_start_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    desk = Desk(tmp_path)
    with desk.started() as console:
        hangs_once = {"hang": "cooperative", "fail_times": 1, "steps": 2, "outputs": 4, "seconds": 0}
        expert = desk.api("POST", "/expert-instances", expert="PracticeDesk", alias="Desk", settings=hangs_once)
        analysis = desk.api("POST", "/analyses", expert_instance_id=expert["id"], symbol="AAPL")["analysis_id"]
        until(lambda: desk.api("GET", f"/analyses/{analysis}")["status"] == "running", "the claim")
        console.send_signal(number)
        _, said = console.communicate(timeout=CONSOLE_SECONDS)
    assert console.returncode == 0, said
    assert "Traceback" not in said
    assert desk.database("SELECT status, attempt FROM market_analysis") == [("pending", 2)]
    assert desk.database("SELECT outcome FROM analysis_attempt ORDER BY number") == [("released",), (None,)]

    with desk.started():
        until(lambda: desk.api("GET", f"/analyses/{analysis}")["status"] == "completed", "the completion")
        attempts = desk.api("GET", f"/analyses/{analysis}/attempts")["items"]
    assert [attempt["trigger"] for attempt in attempts] == ["release", "first"]


def test_an_expert_that_does_not_stop_holds_nobody_up(tmp_path: Path) -> None:
    desk = Desk(tmp_path, STOP_SECONDS=0.3)
    with desk.started() as console:
        blocks = {"hang": "blocking", "fail_times": -1, "seconds": 3000, "steps": 1}
        expert = desk.api("POST", "/expert-instances", expert="PracticeDesk", alias="Desk", settings=blocks)
        analysis = desk.api("POST", "/analyses", expert_instance_id=expert["id"], symbol="AAPL")["analysis_id"]
        until(lambda: len(desk.api("GET", f"/analyses/{analysis}/steps")["items"]) == 1, "the step that blocks")
        console.terminate()
        _, said = console.communicate(timeout=CONSOLE_SECONDS)
    assert console.returncode == 0, said
    assert desk.database("SELECT status FROM market_analysis") == [("pending",)]


def test_a_second_console_on_one_database_says_who_holds_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with desk.started() as console:
        same_port = refused(desk.command(), 3)
        other_port = refused(Desk(tmp_path).command(), 3)
        assert desk.is_ready()
    holder = f"Another console (process {console.pid}, {desk.url}) already works on {tmp_path / 'data' / 'ba2.db'}"
    assert same_port == other_port == f"{holder}; stop it first, or open it in the browser"


def test_a_port_in_use_is_said_plainly_and_nothing_is_touched(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sentence = refused(Desk(tmp_path, PORT=port).command(), 3)
    assert sentence == f"Port {port} on 127.0.0.1 is in use; choose another with BA2_PORT"
    assert not (tmp_path / "data" / "ba2.db").exists()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with desk.started():
        pass
    desk.database("UPDATE alembic_version SET version_num = '9999'")
    sentence = refused(desk.command(), 3)
    assert sentence.startswith(f"The database {tmp_path / 'data' / 'ba2.db'} has schema 9999, which this version does")
    assert desk.database("SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_wrong_setting_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    assert refused(Desk(tmp_path, WORKERS=0).command(), 2) == (
        "BA2_WORKERS is '0': Input should be greater than or equal to 1"
    )
    assert refused(Desk(tmp_path, DATA_DIR="/dev/null/data").command(), 3) == (
        "BA2_DATA_DIR: /dev/null/data/logs cannot be written: Not a directory"
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"database_url": "postgresql://desk/db"}, "BA2_DATABASE_URL: postgresql://desk/db is not an SQLite file"),
        ({"database_url": "nonsense"}, "BA2_DATABASE_URL: this is no database URL; use sqlite:///PATH"),
        ({"database_url": "sqlite:////dev/null/b/ba2.db"}, "BA2_DATABASE_URL: /dev/null/b cannot be written"),
        ({"data_dir": "/dev/null/data"}, "BA2_DATA_DIR: /dev/null/data cannot be written: Not a directory"),
        ({"prices": "folder", "prices_dir": "/nowhere"}, "/nowhere"),
        ({"research_dir": "/nowhere/at/all"}, "BA2_RESEARCH_DIR is /nowhere/at/all, which is not a folder"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_touched(
    tmp_path: Path, settings: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(StartRefused) as refusal:
        build(read_settings(**{"data_dir": tmp_path, **settings}))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("192.0.2.1", "Port 18080 on 192.0.2.1 cannot be opened: Cannot assign requested address"),
        ("no.such.host.invalid", "Port 18080 on no.such.host.invalid cannot be opened: "),
    ],
)
def test_an_address_that_is_not_ours_is_refused(host: str, sentence: str) -> None:
    with pytest.raises(StartRefused) as refusal:
        require_port(read_settings(host=host, port=18080))
    assert str(refusal.value).startswith(sentence)
    assert str(refusal.value).endswith("; see BA2_HOST and BA2_PORT")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ba2.db").write_text("Dear diary, " * 1000)
    with pytest.raises(StartRefused) as refusal:
        build(read_settings(data_dir=tmp_path)).own()
    sentence = f"The database {tmp_path / 'ba2.db'} cannot be opened (file is not a database): stop the"
    assert str(refusal.value).startswith(sentence)
    assert (tmp_path / "ba2.db").read_text().startswith("Dear diary")


def test_a_desktop_window_without_pywebview_is_refused_with_the_way_to_get_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    sentence = refused(desk.command("--native"), 3)
    assert "pip install 'pywebview[pyside6]'" in sentence
    assert f"chromium --app={desk.url}" in sentence


def test_the_first_start_shows_the_demo_desk_and_keeps_its_secrets(tmp_path: Path) -> None:
    desk = Desk(tmp_path, DEMO=1)
    with desk.started() as console:
        page = httpx.get(desk.url, follow_redirects=True)
        assert (page.status_code, page.headers["x-frame-options"]) == (200, "SAMEORIGIN")
        assert httpx.get(f"{desk.url}/docs").status_code == 200
        assert httpx.get(desk.url, headers={"Host": "evil.example"}).status_code == 403
        assert "Faulty expert" in [one["alias"] for one in desk.api("GET", "/expert-instances")["items"]]
        console.terminate()
        console.communicate(timeout=CONSOLE_SECONDS)
    assert stat.S_IMODE((tmp_path / "data" / "storage_secret").stat().st_mode) == 0o600
    log = (tmp_path / "data" / "logs" / "console.log").read_text()
    assert "Demo desk loaded" in log
    assert f"on {desk.url}; Ctrl-C stops it" in log
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_bug_is_answered_as_a_problem_and_logged_once_with_its_traceback(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with desk.started() as console:
        expert = desk.api("POST", "/expert-instances", expert="PracticeDesk", alias="Desk")
        desk.database("UPDATE expert_config SET settings = 'no JSON'")
        problem = desk.api("GET", "/expert-instances")
        console.terminate()
        console.communicate(timeout=CONSOLE_SECONDS)
    assert (expert["id"], problem["status"], problem["code"]) == (1, 500, "BUG")
    log = (tmp_path / "data" / "logs" / "console.log").read_text()
    assert log.count("Traceback (most recent call last)") == 1
    assert log.count(" ERROR ") == 1


def test_starting_imports_no_heavy_library(tmp_path: Path) -> None:
    script = f"""
import sys
from nicegui import app
from ba2_trade_platform.serve import build, register_api, register_pages
from ba2_trade_platform.settings import read_settings
platform = build(read_settings())
platform.own()
register_api(app, platform)
register_pages(platform)
platform.stop()
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    desk = Desk(tmp_path, DEMO=1)
    answer = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path, env=desk.environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.stdout.strip() == "[]", answer.stderr
