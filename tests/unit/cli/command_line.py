"""Command line: as a shell sees it, with consoles that hold the database while it is used."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from ba2_trade_platform.api.register import create_api
from ba2_trade_platform.app.platform import Platform
from tests.platforms import make_platform, running, wait_until


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for a script."""
        return json.loads(self.out)


Run = Callable[..., Said]


@contextmanager
def console(folder: Path) -> Iterator[Platform]:
    """A console at work that answers over HTTP."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        platform = make_platform(folder, port=listener.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(create_api(platform), log_config=None))
        listening = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        with running(platform):
            listening.start()
            wait_until(platform, lambda: server.started, "listening")
            try:
                yield platform
            finally:
                server.should_exit = True
                listening.join()
