"""Socket guard: takes an event only from the socket of the page it is about, opened by the browser that has the page.

The framework goes by the id of a page alone, and whoever knows one could press its buttons.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import itsdangerous
import socketio
from nicegui import Client
from socketio import exceptions

log = logging.getLogger(__name__)

COOKIE = "session"
GUARDED = frozenset({"event", "javascript_response", "ack", "log"})
KNOWN = GUARDED | {"connect", "handshake", "disconnect"}
SHOWN = 40


class SocketGuard:
    """Stands before every handler of the framework's socket; `secret` is that of the session cookies."""

    def __init__(self, sio: socketio.AsyncServer, secret: str) -> None:
        self._sio = sio
        self._signer = itsdangerous.TimestampSigner(secret)

    def install(self) -> None:
        """Wrap the handlers, and those of events that a later version of the framework brings."""
        handlers = self._sio.handlers["/"]
        wrappers: dict[str, Callable[..., Any]] = {"connect": self._connecting, "handshake": self._handshaking}
        for name, handler in list(handlers.items()):
            if name != "disconnect":
                wrap: Callable[..., Any] = wrappers.get(name) or self._of_its_page
                handlers[name] = wrap(handler)

    def _is_own_browser(self, sid: str, client_id: object) -> bool:
        client = Client.instances.get(client_id) if isinstance(client_id, str) else None
        if client is None:
            return True  # there is no such page, and the framework says so
        environ: Mapping[str, Any] = self._sio.get_environ(sid) or {}
        return session_id(self._signer, environ) == client.request.session.get("id")

    def _of_its_page(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        def take(sid: str, message: object = None, *_: object) -> Any:
            client_id = _client_id(message)
            if client_id not in self._sio.rooms(sid):
                log.warning("A socket spoke for a page that is not its own: %.*r", SHOWN, client_id)
                return None
            return handler(sid, message)

        return take

    def _handshaking(self, handler: Callable[..., Awaitable[bool]]) -> Callable[..., Awaitable[bool]]:
        async def take(sid: str, message: object = None, *_: object) -> bool:
            client_id = _client_id(message)
            if client_id is None or not self._is_own_browser(sid, client_id):
                log.warning("Another browser asked for the page %.*r", SHOWN, client_id)
                return False
            return await handler(sid, message)

        return take

    def _connecting(self, handler: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def take(sid: str, environ: Mapping[str, Any], *more: object) -> None:
            asked = parse_qs(str(environ.get("QUERY_STRING", "")))
            if not self._is_own_browser(sid, next(iter(asked.get("client_id", [])), None)):
                raise exceptions.ConnectionRefusedError("This page belongs to another browser")
            await handler(sid, environ, *more)

        return take


def _client_id(message: object) -> str | None:
    client_id = message.get("client_id") if isinstance(message, dict) else None
    return client_id if isinstance(client_id, str) else None


def session_id(signer: itsdangerous.TimestampSigner, environ: Mapping[str, Any]) -> str | None:
    """Return the session of the browser that opened a socket, None when its cookie is none of ours."""
    try:
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
        said = json.loads(b64decode(signer.unsign(cookie.value))) if cookie is not None else {}
    except (CookieError, itsdangerous.BadSignature, ValueError):
        return None
    return said.get("id") if isinstance(said, dict) else None
