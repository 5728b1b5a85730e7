"""Webhook server: it listens on this machine, keeps each request, and fails or dawdles as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.patience import CONSOLE_SECONDS


@dataclass(frozen=True)
class Answer:
    """What is answered in place of 200."""

    status: int
    location: str | None = None
    body: bytes = b""


class HookServer:
    """Answers 200 to every POST, unless `answers` holds others to give first; `hold` keeps callers waiting.

    `reached` is set once somebody has called.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.answers: list[int | Answer] = []
        self.hold = threading.Event()
        self.hold.set()
        self.reached = threading.Event()
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hooks.reached.set()
                hooks.hold.wait(CONSOLE_SECONDS)
                said = hooks.answers.pop(0) if hooks.answers else 200
                answer = said if isinstance(said, Answer) else Answer(said)
                if answer.status == 200:
                    hooks.messages.append(message)
                hooks.paths.append(self.path)
                with suppress(ConnectionError):  # whoever asked may be dead by now
                    self.send_response(answer.status)
                    if answer.location is not None:
                        self.send_header("Location", answer.location)
                    self.end_headers()
                    self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.server_port

    def url(self, path: str = "hook") -> str:
        """Return its address as a channel's."""
        return f"json://127.0.0.1:{self.port}/{path}"

    @property
    def titles(self) -> list[str]:
        """The titles of what it took."""
        return [message["title"] for message in self.messages]


@contextmanager
def hook_server() -> Iterator[HookServer]:
    """Serve for the length of a block."""
    hooks = HookServer()
    thread = threading.Thread(target=hooks.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        hooks.hold.set()
        hooks.server.shutdown()
        hooks.server.server_close()
        thread.join()
