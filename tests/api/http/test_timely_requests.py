"""Timely requests: half a request is left after its time, and whole ones are answered, however many there are."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

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


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where a server listens that waits for half a second."""
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Impatient, log_level="error"))
    listening = socket.create_server(("127.0.0.1", 0))  # who connects before the server accepts waits in its queue
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()
    server.should_exit = True
    thread.join()
    listening.close()


def exchange(address: tuple[str, int], *parts: bytes) -> bytes:
    """Send these and return everything that comes until the server closes."""
    with socket.create_connection(address, timeout=EVENT_SECONDS) as client:
        for part in parts:
            client.sendall(part)
        answer = b""
        try:
            while received := client.recv(4096):
                answer += received
        except ConnectionResetError:
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
