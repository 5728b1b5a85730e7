"""Body limits: refuse a body while it comes once it is too large, before it is kept in memory or parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ba2_trade_platform.api.http.bodies import given_once, read_body
from ba2_trade_platform.api.http.problems import problem

MEGABYTE = 1_000_000
_IMPORTS = re.compile(r"/api/v1/(instruments/import|watchlists/import|costs/prices/import)")
_UPLOADS = re.compile(r"/_nicegui/client/[^/]+/upload/[^/]+")
# A file's body is one long text with a few words around it; whatever else is long would hold the pages to be parsed.
MOST_TEXTS = 100
MOST_AROUND = 10_000


@dataclass
class Room:
    """How many bytes of bodies may wait in memory at once, of all connections together."""

    left: int = 100 * MEGABYTE


@dataclass
class _Share:
    """What one request has taken of the room."""

    room: Room
    size: int = 0
    refused: bool = False

    def take(self, size: int) -> bool:
        """Take so much more, and tell whether there was as much."""
        self.size += size
        self.room.left -= size
        self.refused = self.room.left < 0
        return not self.refused


class BodyLimits:
    """ASGI middleware that reads a body whole, up to its limit in bytes: that of files for imports and uploads."""

    def __init__(self, app: ASGIApp, usual: int, files: int, room: Room) -> None:
        self._app = app
        self._usual = usual
        self._files = files
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or refuse it."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        is_import = _IMPORTS.fullmatch(scope["path"]) is not None
        limit = self._files if is_import or _UPLOADS.fullmatch(scope["path"]) else self._usual
        share = _Share(self._room)
        try:
            body = None if _said_length(headers) > limit else await read_body(receive, limit, share.take)
            if body is None:
                sentence = f"The body is too large: at most {limit / MEGABYTE:g} MB here"
                answer: ASGIApp = problem(413, sentence, "BODY_TOO_LARGE", headers={"Connection": "close"})
            elif share.refused:
                sentence = "Too many large requests come at once: ask again"
                answer = problem(503, sentence, "UNAVAILABLE", headers={"Connection": "close", "Retry-After": "5"})
            elif is_import and len(body) > self._usual and not _is_one_text(body):
                sentence = "The body of an import is one text and a few words beside it"
                answer = problem(422, sentence, "INVALID", title="Invalid input")
            else:
                answer, receive = self._app, given_once(body, receive)
            await answer(scope, receive, send)  # what was not read of a refused one is not waited for
        finally:
            self._room.left += share.size


def _is_one_text(body: bytes) -> bool:
    """Tell whether a JSON body is hardly more than a text, without parsing it."""
    parts = body.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"', MOST_TEXTS)
    return len(parts) <= MOST_TEXTS and sum(map(len, parts[::2])) <= MOST_AROUND


def _said_length(headers: Headers) -> int:
    said = headers.get("content-length", "0")
    return int(said) if said.isdecimal() and len(said) < 20 else 0
