"""CSRF and DNS rebinding guard: refuses foreign hosts, foreign origins and bodies that are not JSON."""

from __future__ import annotations

import ipaddress
import re
import socket

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ba2_trade_platform.api.http.problems import problem

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, not bound
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:\[(?P<number>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?")
# Of two that contradict each other, a proxy before the console might go by the one and the console by the other.
_ONCE = ("host", "origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "content-type")
# The framework's pages have scripts in their text and compile templates: inline and eval it needs, and nothing foreign.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}


class Guard:
    """ASGI middleware; `host` is the address that the console listens on.

    A page of another website can make a browser send requests here, but not choose their Host (which defeats DNS
    rebinding), their Origin or their Sec-Fetch-Site, and it cannot send JSON without asking first.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope, Headers(scope=scope))
        send = with_headers(send)
        if refusal is None:
            await self._app(scope, receive, _with_cookies(send, secure=scope.get("scheme") in ("https", "wss")))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        else:
            await problem(403, refusal, "FOREIGN_REQUEST")(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> str | None:
        if doubled := [name for name in _ONCE if len(headers.getlist(name)) > 1]:
            return f"The header {doubled[0]} stands twice"
        host = headers.get("host", "").lower()
        if not self._is_ours(host):
            return f"This console does not answer to the name {host[:80]!r}"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and not _is_navigation(scope, headers):
            return "Another website may not do this"
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            return f"Another website, {origin[:80]!r}, may not do this"
        return None

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["number"] or found["name"]
        if name in LOOPBACK or name == self._host:
            return True
        if self._host not in WILDCARDS:
            return False
        # Listening everywhere, it has every address of this machine; a number cannot be rebound by anybody's DNS.
        return _is_address(name) or name == socket.gethostname().lower()


class JsonOnly:
    """ASGI middleware: a body is JSON, so that no form of another website is ever taken for a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = Headers(scope=scope)
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
            if has_body and kind != "application/json":
                sentence = "A request that changes something has to be JSON: Content-Type: application/json"
                await problem(403, sentence, "NOT_JSON")(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_navigation(scope: Scope, headers: Headers) -> bool:
    """Tell whether somebody follows a link of another website to a page, in a tab and not in a frame of it."""
    opened = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return scope["type"] == "http" and scope["method"] == "GET" and opened


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def with_headers(send: Send) -> Send:
    """Return a `send` by which every answer says what a browser must not do with it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


def answer_with_headers(app: Starlette) -> None:
    """Have all answers of `app` say it: those to its own errors are given outside of every middleware."""
    build = app.build_middleware_stack

    def build_within() -> ASGIApp:
        stack = ServerErrorMiddleware(build())  # the framework raises errors of what is no page out of its own

        async def answering(scope: Scope, receive: Receive, send: Send) -> None:
            await stack(scope, receive, with_headers(send) if scope["type"] == "http" else send)

        return answering

    app.build_middleware_stack = build_within  # type: ignore[method-assign]  # Starlette has no place outside of it


def _with_cookies(send: Send, *, secure: bool) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            cookies = headers.getlist("set-cookie")
            del headers["set-cookie"]
            # Only a page needs to know its browser again; what it loads can stay in any cache.
            if headers.get("content-type", "").startswith("text/html"):
                for cookie in cookies:
                    headers.append("set-cookie", f"{cookie}; secure" if secure else cookie)
        await send(message)

    return sending
