"""Body limits: refuse a body while it comes once it is too large, before it is kept in memory or parsed."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ba2_trade_platform.api.http.bodies import given_once, read_body
from ba2_trade_platform.api.http.problems import problem

UPLOADS = "/_nicegui/"
MEGABYTE = 1_000_000


class BodyLimits:
    """ASGI middleware that reads a body whole, up to its limit in bytes: that of files for imports and uploads."""

    def __init__(self, app: ASGIApp, usual: int, files: int) -> None:
        self._app = app
        self._usual = usual
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or refuse it."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" not in headers and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        body = None if _said_length(headers) > limit else await read_body(receive, limit)
        if body is None:
            sentence = f"The body is too large: at most {limit / MEGABYTE:g} MB here"
            # The rest of it is not waited for.
            await problem(413, sentence, "BODY_TOO_LARGE", headers={"Connection": "close"})(scope, receive, send)
            return
        await self._app(scope, given_once(body, receive), send)

    def _limit(self, path: str) -> int:
        return self._files if path.endswith("/import") or path.startswith(UPLOADS) else self._usual


def _said_length(headers: Headers) -> int:
    said = headers.get("content-length", "0")
    return int(said) if said.isdecimal() else 0
