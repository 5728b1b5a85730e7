"""Upload guard: takes a file only from the browser that has the page, for the framework goes by the page's id alone."""

from __future__ import annotations

import logging
import re

from nicegui import Client
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)
# Whatever the framework offers below a page's address.
_OF_A_PAGE = re.compile(r"/_nicegui/client/(?P<client>[^/]*)(?:/|\Z)")


class UploadGuard:
    """ASGI middleware, inside of that of sessions: refuses what is sent to a page by another browser than its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it before its body is read."""
        found = _OF_A_PAGE.match(scope["path"]) if scope["type"] == "http" else None
        if found is None or _is_own_browser(scope, found["client"]):
            await self._app(scope, receive, send)
            return
        log.warning("Another browser sent something to the page %.40r", found["client"])
        await PlainTextResponse("This page belongs to another browser", 403)(scope, receive, send)


def _is_own_browser(scope: Scope, client_id: str) -> bool:
    client, session = Client.instances.get(client_id), scope.get("session", {}).get("id")
    return client is not None and session is not None and session == client.request.session.get("id")
