"""A served console: answers over HTTP from a thread of the test, on a port of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from ba2_trade_platform.api.register import create_api
from ba2_trade_platform.app.platform import Platform
from tests.platforms import make_platform, running, wait_until


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
