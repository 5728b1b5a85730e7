"""Timely requests: half a request is left after its time, and whole ones are answered, however many there are."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from ba2_trade_platform.api.http.timely_requests import TimelyRequests
from tests.patience import EVENT_SECONDS


class Impatient(TimelyRequests):
    """Waits for half a second."""

    arrival_seconds = 0.5


async def echo(request: Request) -> PlainTextResponse:
    """Say what came."""
    return PlainTextResponse(str(len(await request.body())))


@contextmanager
def serving(protocol: type[TimelyRequests], connections: int | None = None) -> Iterator[tuple[str, int]]:
    """A server that speaks by this protocol; yields where it listens."""
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])
    config = uvicorn.Config(app, port=0, http=protocol, log_level="error", limit_concurrency=connections)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))  # who connects before the server accepts waits in its queue
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where a server listens that waits for half a second."""
    with serving(Impatient) as where:
        yield where


@pytest.fixture(scope="module")
def patient() -> Iterator[tuple[str, int]]:
    """Where a server listens that waits as long as the console does."""
    with serving(TimelyRequests) as where:
        yield where


def exchange(address: tuple[str, int], *parts: bytes) -> bytes:
    """Send these and return everything that comes until the server closes."""
    with socket.create_connection(address, timeout=EVENT_SECONDS) as client:
        answer = b""
        try:
            for part in parts:
                client.sendall(part)
            while received := client.recv(4096):
                answer += received
        except (ConnectionResetError, BrokenPipeError):
            pass
        return answer


@pytest.mark.parametrize("half", [
    b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
])  # fmt: skip
def test_half_a_request_is_left(address: tuple[str, int], half: bytes) -> None:
    assert b"200 OK" not in exchange(address, half)


def test_whole_requests_are_answered_one_after_the_other(address: tuple[str, int]) -> None:
    whole = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
    answer = exchange(address, whole, whole, whole.replace(b"Host: a", b"Host: a\r\nConnection: close"))
    assert answer.count(b"200 OK") == 3


@pytest.mark.parametrize("head", [
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 300 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:\r\n" * 1_000_000,
    b"GET / HTTP/1.1\r\nHost: a\r\n" + (b"X-a: " + b"x" * 30_000 + b"\r\n") * 20,
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: " + b"a=b;" * 1_000_000,
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + b"a: b\r\n" * 300 + b"\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n" + b"a:\r\n" * 100_000,
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;" + b"x" * 1_000_000,
], ids=["many", "a million", "long", "one long line", "upgrade", "trailers", "extension"])  # fmt: skip
def test_a_head_that_is_too_large_is_refused_while_it_comes(patient: tuple[str, int], head: bytes) -> None:
    answer = exchange(patient, head)
    assert b"200 OK" not in answer
    assert answer.startswith(b"HTTP/1.1 431") or answer == b""  # gone with the connection, as what was not read is


def test_a_long_head_and_many_small_chunks_are_taken(patient: tuple[str, int]) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: " + b"x" * 40_000 + b"\r\n" + b"a: b\r\n" * 150
    chunks = b"1\r\nx\r\n" * 50_000
    answer = exchange(patient, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert answer.endswith(b"50000")


def test_a_connection_too_many_is_closed_though_it_asks_for_nothing() -> None:
    with serving(TimelyRequests, connections=3) as address, ExitStack() as idle:
        opened = [idle.enter_context(socket.create_connection(address, timeout=EVENT_SECONDS)) for _ in range(4)]
        with suppress(ConnectionResetError):
            assert opened[3].recv(1) == b""
        opened[0].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert opened[0].recv(12) == b"HTTP/1.1 503"
