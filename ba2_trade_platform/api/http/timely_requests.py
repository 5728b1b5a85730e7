"""Timely requests: end connections whose request does not arrive, or whose head has no end, so that none holds much."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

PIECE = 16_384
MOST_HEADERS = 200
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 30\r\nconnection: close\r\n\r\n"
    b"The headers are too many here.\n"
)


class TimelyRequests(HttpToolsProtocol):
    """The server's HTTP protocol; head and body of a request have `arrival_seconds` to come, a first one from the
    connection on.

    Whatever is no body (head, trailers, extensions of chunks) is at most `head_bytes` and 200 headers: the parser and
    the upgrade to a socket take longer with each, and hold the pages meanwhile.
    """

    arrival_seconds = 30.0
    head_bytes = 65_536
    _late: asyncio.TimerHandle | None = None
    _unread = 0  # bytes that came since the last piece of a body, or since a request began
    _lines = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Wait for the first request; one connection too many is closed, whether it asks for anything or not."""
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            transport.abort()
            return
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Read what came in small pieces, and answer 431 once too much of it is no body."""
        for at in range(0, len(data), PIECE):
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            piece = data[at : at + PIECE]
            self._unread += len(piece)
            super().data_received(piece)
            if self._too_large() and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()
                return

    def on_message_begin(self) -> None:
        """Wait for the rest of a request."""
        super().on_message_begin()
        self._unread = self._lines = 0
        self._expect()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, up to the most."""
        self._lines += 1
        if self._lines <= MOST_HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless it is refused."""
        if not self._too_large():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self._unread = 0
        if not self._too_large():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop waiting: it is there."""
        self._arrived()
        if not self._too_large():
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Stop waiting: the socket has its own pings."""
        self._arrived()
        if not self._too_large():
            super().handle_websocket_upgrade()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting for who is gone."""
        self._arrived()
        super().connection_lost(exc)

    def _too_large(self) -> bool:
        return self._lines > MOST_HEADERS or self._unread > self.head_bytes + PIECE

    def _expect(self) -> None:
        self._arrived()
        self._late = self.loop.call_later(self.arrival_seconds, self.transport.abort)

    def _arrived(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
