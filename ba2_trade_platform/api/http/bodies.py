"""Request bodies: reads one whole, and gives it to the next reader."""

from __future__ import annotations

import math
from collections.abc import Callable

from starlette.types import Message, Receive


async def read_body(
    receive: Receive, limit: float = math.inf, take: Callable[[int], bool] = lambda _size: True
) -> bytes | None:
    """Return the body, what came of it when the client has gone, or None once it is past `limit` bytes.

    `take` is asked for room for each piece; without room no more is read.
    """
    body = bytearray()
    more = True
    while more:
        message = await receive()
        piece = message.get("body", b"")
        body += piece
        if len(body) > limit:
            return None
        if not take(len(piece)):
            break
        more = bool(message.get("more_body", False))
    return bytes(body)


def given_once(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body at once, and then what else the client says."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
