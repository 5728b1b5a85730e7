"""Page watchers: real pages with sockets but no browser, so that load tests measure the console.

Twenty painted pages keep two cores busy by themselves; then a benchmark measures the browser, and not the console.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import socketio

_CLIENT_ID = re.compile(r"client_id\W+([0-9a-f-]{36})")


class Watcher:
    """One page and its socket; counts what it is sent."""

    def __init__(self, url: str, path: str) -> None:
        self.messages = 0
        with httpx.Client(base_url=url, timeout=60) as http:
            found = _CLIENT_ID.search(http.get(path).raise_for_status().text)
            cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
        assert found is not None, "the page names no client"
        query = {
            "client_id": found[1],
            "tab_id": str(uuid.uuid4()),
            "document_id": str(uuid.uuid4()),
            "implicit_handshake": "true",
        }
        self._socket = socketio.Client(reconnection=False)
        self._socket.on("*", self._count)
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        self._socket.connect(
            f"{url}?{asked}",
            headers={"Cookie": cookie},  # the console takes a socket of the browser that has the page
            socketio_path="/_nicegui_ws/socket.io",
            transports=["websocket"],
        )

    def _count(self, *_: object) -> None:
        self.messages += 1

    @property
    def connected(self) -> bool:
        """Whether the console still holds the socket."""
        return bool(self._socket.connected)

    def close(self) -> None:
        """Leave the page."""
        self._socket.disconnect()


@contextmanager
def watching(url: str, path: str, count: int) -> Iterator[list[Watcher]]:
    """So many watchers of one page for the length of a block."""
    watchers = [Watcher(url, path) for _ in range(count)]
    try:
        yield watchers
    finally:
        for watcher in watchers:
            watcher.close()
