"""The dead man's switch against a real server: it pings while the console can work, and its silence is meant."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.errors import Invalid, Refused
from tests.patience import EVENT_SECONDS
from tests.platforms import TRADER, make_platform, running, wait_until
from tests.sql import ask, change, file_of

SECRET = "7f1c-secret-check"  # noqa: S105 - a test's own


class Listener:
    """A server that waits for pings, as healthchecks.io does; `status` is what it answers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, str]] = []
        self.status = 200
        self.location: str | None = None
        self.talks_on, self.closing = threading.Event(), threading.Event()
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer("")

            def do_POST(self) -> None:
                self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def answer(self, body: str) -> None:
                listener.heard.append((self.command, self.path, body))
                self.send_response(listener.status)
                if listener.location is not None:
                    self.send_header("Location", listener.location)
                self.end_headers()
                if listener.talks_on.is_set():
                    with suppress(ConnectionError):
                        while not listener.closing.wait(0.1):
                            self.wfile.write(b".")

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ping/{SECRET}"


@contextmanager
def listening() -> Iterator[Listener]:
    """A server for the length of a block."""
    listener = Listener()
    thread = threading.Thread(target=listener.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield listener
    finally:
        listener.closing.set()
        listener.server.shutdown()
        listener.server.server_close()
        thread.join()


def at_work(platform: Platform) -> None:
    """Wait until the console is ready."""
    wait_until(platform, lambda: platform.operations.health.obstacles() == (), "being ready")


def test_a_ready_console_pings_by_itself(tmp_path: Path) -> None:
    with listening() as listener, running(make_platform(tmp_path)) as platform:
        at_work(platform)
        platform.operations.dead_man_switch.change(listener.url, by=TRADER)
        wait_until(
            platform, lambda: platform.operations.dead_man_switch.state.last_good_at is not None, "the first ping"
        )
        assert listener.heard[0] == ("GET", f"/ping/{SECRET}", "")
        assert (
            platform.operations.dead_man_switch.state.sentence
            == "127.0.0.1 is pinged every 60 s while the console can work"
        )


def test_it_pings_again_after_a_restart(tmp_path: Path) -> None:
    with listening() as listener:
        first = make_platform(tmp_path)
        first.operations.dead_man_switch.change(listener.url, by=TRADER)
        first.stop()
        with running(make_platform(tmp_path)) as platform:
            wait_until(platform, lambda: bool(listener.heard), "a ping of the second life")


def test_a_console_that_cannot_work_is_silent_or_tells_why(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)  # not started: its worker does not run
    with listening() as listener:
        platform.operations.dead_man_switch.change(listener.url, by=TRADER)
        platform.operations.dead_man_switch.beat()
        assert listener.heard == []
        platform.operations.dead_man_switch.change(listener.url, by=TRADER, tell_failure=True)
        platform.operations.dead_man_switch.beat()
    why = "the worker does not run; the scheduler does not run"
    assert listener.heard == [("POST", f"/ping/{SECRET}/fail", why)]
    platform.stop()


def test_failing_pings_are_shown_and_alarmed_once(tmp_path: Path) -> None:
    with listening() as listener, running(make_platform(tmp_path)) as platform:
        at_work(platform)
        platform.operations.dead_man_switch.change(listener.url, by=TRADER, every_seconds=3600)
        listener.status = 404
        for _ in range(5):
            state = platform.operations.dead_man_switch.test(by=TRADER)
        assert state.sentence == "127.0.0.1 is not reached: it answered 404"
        assert "bad" in [item.state for item in platform.operations.health.read().items if item.key == "heartbeat"]
        ((kind, sentence, seen, ended),) = ask(file_of(platform), "SELECT kind, sentence, seen, ended_at FROM alert")
        assert (kind, seen, ended) == ("heartbeat", 1, None)
        assert SECRET not in sentence
        listener.status = 200
        assert platform.operations.dead_man_switch.test(by=TRADER).failures == 0
        assert ask(file_of(platform), "SELECT ended_at IS NOT NULL FROM alert") == [(1,)]


def test_an_alarm_that_the_database_could_not_take_is_raised_with_the_next_ping(tmp_path: Path) -> None:
    with listening() as listener, running(make_platform(tmp_path)) as platform:
        at_work(platform)
        platform.operations.dead_man_switch.change(listener.url, by=TRADER, every_seconds=3600)
        listener.status = 404
        platform.operations.dead_man_switch.test(by=TRADER)
        platform.operations.dead_man_switch.test(by=TRADER)
        change(file_of(platform), "CREATE TRIGGER full BEFORE INSERT ON alert BEGIN SELECT RAISE(ABORT, 'no'); END")
        with suppress(Exception):
            platform.operations.dead_man_switch.test(by=TRADER)
        change(file_of(platform), "DROP TRIGGER full")
        platform.operations.dead_man_switch.test(by=TRADER)
        assert ask(file_of(platform), "SELECT kind FROM alert") == [("heartbeat",)]


def test_a_server_that_never_stops_talking_holds_nothing_up(tmp_path: Path) -> None:
    with listening() as listener, running(make_platform(tmp_path)) as platform:
        at_work(platform)
        platform.operations.dead_man_switch.change(listener.url, by=TRADER, every_seconds=3600)
        listener.talks_on.set()
        ping = partial(platform.operations.dead_man_switch.test, by=TRADER)
        pinging = threading.Thread(target=ping, daemon=True)
        pinging.start()
        pinging.join(EVENT_SECONDS)
        assert not pinging.is_alive()
        assert platform.operations.dead_man_switch.state.last_good_at is not None


def test_a_ping_follows_its_server_and_nobody_else(tmp_path: Path) -> None:
    with listening() as elsewhere, listening() as listener, running(make_platform(tmp_path)) as platform:
        at_work(platform)
        switch = platform.operations.dead_man_switch
        listener.status, listener.location = 302, elsewhere.url.replace("127.0.0.1", "localhost")
        switch.change(listener.url, by=TRADER)
        wait_until(platform, lambda: "sends on to localhost: enter the URL there" in str(switch.state), "the refusal")
        assert elsewhere.heard == []
        listener.location = elsewhere.url  # another port of the same host
        switch.test(by=TRADER)
        assert [path for _, path, _ in elsewhere.heard] == [f"/ping/{SECRET}"]


def test_a_console_that_others_reach_pings_no_private_network(tmp_path: Path) -> None:
    with listening() as listener, running(make_platform(tmp_path, host="0.0.0.0")) as platform:  # noqa: S104 - not bound
        at_work(platform)
        switch = platform.operations.dead_man_switch
        switch.change(listener.url, by=TRADER)
        wait_until(platform, lambda: "BA2_OUTBOUND_PRIVATE=1" in str(switch.state), "the refusal")
        assert listener.heard == []


def test_a_server_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    with listening() as listener:
        pass
    with running(make_platform(tmp_path)) as platform:
        at_work(platform)
        platform.operations.dead_man_switch.change(listener.url, by=TRADER, every_seconds=3600)
        assert (
            platform.operations.dead_man_switch.test(by=TRADER).sentence
            == "127.0.0.1 is not reached: ConnectError, is the network there?"
        )
        assert platform.worker.status.running


def test_the_address_is_never_readable_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    platform = make_platform(tmp_path)
    platform.operations.dead_man_switch.change(f"https://hc.example/{SECRET}", by=TRADER)
    assert platform.operations.dead_man_switch.state.host == "hc.example"
    assert SECRET not in repr(platform.operations.dead_man_switch.state)
    assert SECRET not in platform.operations.health.read().text
    assert SECRET not in caplog.text
    platform.stop()
    assert SECRET.encode() not in file_of(platform).read_bytes()


def test_an_address_that_cannot_be_read_any_more_is_shown(tmp_path: Path) -> None:
    with running(make_platform(tmp_path)) as platform:
        at_work(platform)
        platform.operations.dead_man_switch.change("https://hc.example/x", by=TRADER, every_seconds=3600)
        (tmp_path / "secret.key").unlink()
        assert "its URL cannot be read" in platform.operations.dead_man_switch.test(by=TRADER).sentence


@pytest.mark.parametrize("url", ["hc-ping.com/x", "ftp://hc-ping.com/x", "https://", "javascript:1"])
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    platform = make_platform(tmp_path)
    with pytest.raises(Invalid):
        platform.operations.dead_man_switch.change(url, by=TRADER)
    with pytest.raises(Refused, match="No heartbeat URL is set"):
        platform.operations.dead_man_switch.test(by=TRADER)
    platform.stop()
