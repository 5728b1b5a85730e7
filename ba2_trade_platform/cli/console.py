"""API client: reaches the running console over HTTP, or its API in this process where none runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from ba2_trade_platform.api.register import PREFIX, create_api
from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base import errors
from ba2_trade_platform.core.operations.instance_lock import Holder
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.vocabulary import ActorKind

PATIENCE_SECONDS = 5.0
ANSWER_SECONDS = 60.0
MODEL_SECONDS = 900.0  # of a verb that waits for several answers of a slow model
_REFUSALS = (errors.NotFound, errors.Refused, errors.Invalid, errors.SwitchedOff, errors.TooMany, errors.Unavailable)
_BY_STATUS: dict[int, type[errors.PlatformError]] = {kind.http_status: kind for kind in _REFUSALS}


class Console:
    """The verbs, as the API has them; `is_running` tells whether somebody works on what is queued."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._transport = transport
        self.is_running = transport is None

    def get(self, path: str, **parameters: Any) -> Any:
        """Return what the API answers; raises the PlatformError that it answers with."""
        return self._ask("GET", path, params={key: value for key, value in parameters.items() if value is not None})

    def post(self, path: str, **body: Any) -> Any:
        """Press a button of the API; raises the PlatformError that it answers with."""
        return self._ask("POST", path, json={key: value for key, value in body.items() if value is not None})

    def post_to_models(self, path: str, **body: Any) -> Any:
        """Press a button of the API that has models asked, which takes its time."""
        given = {key: value for key, value in body.items() if value is not None}
        return self._ask("POST", path, json=given, timeout=MODEL_SECONDS)

    def put(self, path: str, **body: Any) -> Any:
        """Set something, to nothing where its value is None; raises the PlatformError that the API answers with."""
        return self._ask("PUT", path, json=body)

    def patch(self, path: str, **changes: Any) -> Any:
        """Change something; a None is sent, for it takes away. Raises the PlatformError that the API answers with."""
        return self._ask("PATCH", path, json=changes)

    def delete(self, path: str) -> None:
        """Delete something; raises the PlatformError that the API answers with."""
        self._ask("DELETE", path)

    def text(self, path: str) -> str:
        """Return a file as it is; raises the PlatformError that the API answers with."""
        return self._send("GET", path).text

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        response = self._send(method, path, **content)
        return response.json() if response.content else None

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def answer() -> httpx.Response:
            # No proxy of the environment has any business between a console and its own command line.
            async with httpx.AsyncClient(
                base_url=self._url + PREFIX, transport=self._transport, trust_env=False, timeout=ANSWER_SECONDS
            ) as client:
                return await client.request(method, path, **content)

        try:
            response = asyncio.run(answer())
        except httpx.TransportError as error:
            raise errors.Unavailable(f"The console at {self._url} does not answer: {error}") from error
        if response.is_success:
            return response
        problem = response.json()
        kind = _BY_STATUS.get(response.status_code, errors.PlatformError)
        raise kind(problem["detail"], code=problem["code"], **problem["details"])


@contextmanager
def open_console(settings: Settings) -> Iterator[Console]:
    """Reach the console that holds the database, or hold it for as long as one command takes.

    Raises StartRefused when the database cannot be had, Unavailable when its holder does not answer.
    """
    platform = build(settings)
    holder = _take(platform)
    if holder is not None:
        yield Console(holder.url)
        return
    try:
        api = create_api(platform, ActorKind.CLI)
        yield Console("http://localhost", httpx.ASGITransport(app=api))
    finally:
        platform.stop()


def _take(platform: Platform) -> Holder | None:
    """Own the database and return None, or return who holds it and answers; another command holds it briefly only."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            platform.own()
        except errors.StartRefused as refusal:
            holder = platform.instance_lock.holder()
            if refusal.code != "DATABASE_HELD":
                raise
            if holder is not None and _answers(holder):
                return holder
            if time.monotonic() > deadline:
                raise errors.Unavailable(f"{refusal}; it does not answer") from refusal
            time.sleep(0.1)
        else:
            return None


def _answers(holder: Holder) -> bool:
    try:
        return httpx.get(f"{holder.url}/healthz", trust_env=False, timeout=PATIENCE_SECONDS).is_success
    except (httpx.TransportError, httpx.UnsupportedProtocol):
        return False
