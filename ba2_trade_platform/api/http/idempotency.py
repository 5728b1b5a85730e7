"""Idempotency-Key header: answers a repeated request with the first answer, status included, at every write route."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from typing import Any
from weakref import WeakValueDictionary

from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ba2_trade_platform.api.http.bodies import given_once, read_body
from ba2_trade_platform.api.http.problems import MEDIA_TYPE, documented, problem, problem_of
from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.errors import PlatformError, Unavailable
from ba2_trade_platform.core.base.first_answers import Answer, FirstAnswers
from ba2_trade_platform.core.base.idempotency import KeyedRequest, carrying_out

log = logging.getLogger(__name__)
HEADER, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
LONGEST_ANSWER = 1_000_000
_FORM = re.compile(r"[\x21-\x7e]{1,200}")
PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A word of your own for this request: sent again within 24 h with the same body, it is answered as "
    "the first time, and nothing is done twice",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[\x21-\x7e]+$"},
}
_NOT_KEPT = "This request was carried out; its answer was too long to be kept for asking again"
_IN_PROGRESS = documented(409)[409]


class IdempotencyKeys:
    """ASGI middleware that carries out a write request once for each key of a client."""

    def __init__(self, app: ASGIApp, answers: FirstAnswers, by: Actor) -> None:
        self._app = app
        self._answers = answers
        self._by = by
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it as the first time."""
        is_write = scope["type"] == "http" and scope["method"] in WRITES
        key = Headers(scope=scope).get(HEADER) if is_write else None
        if key is None:
            await self._app(scope, receive, send)
            return
        if not _FORM.fullmatch(key):
            sentence = f"{HEADER}: 1 to 200 printable ASCII characters without blanks"
            await problem(422, sentence, "INVALID", title="Invalid input")(scope, receive, send)
            return
        body = await read_body(receive) or b""
        sent = hashlib.sha256(scope["query_string"] + b"\0" + body).hexdigest()
        request = KeyedRequest(self._by, f"{scope['method']} {scope['path']}"[:200], key, sent)
        turn = self._turns.setdefault(f"{request.route} {key}", asyncio.Lock())
        async with turn:  # a second one waits for the answer to the first
            answer = await self._answered(request, scope, given_once(body, receive))
        await answer(scope, receive, send)

    async def _answered(self, request: KeyedRequest, scope: Scope, receive: Receive) -> ASGIApp:
        try:
            known = await run_in_threadpool(self._answers.find, request)
        except PlatformError as error:
            return problem_of(error)
        if known is not None:
            return _response(known)
        heard = _Heard()
        with carrying_out(request):
            await self._app(scope, receive, heard.send)
        try:
            await run_in_threadpool(self._answers.keep, request, heard.answer())
        except Unavailable as error:  # what was done stands, and is answered; only a repeated request will not be
            log.warning("The answer to %s could not be kept for a repeated request: %s", request.route, error)
        return heard.replay


class _Heard:
    """The answer of a route, held back until it is kept."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def send(self, message: Message) -> None:
        """Take one message of the answer."""
        self._messages.append(message)

    def answer(self) -> Answer:
        """Return what is kept of it: its body where that is JSON of ordinary size."""
        start, body = self._messages[0], b"".join(message.get("body", b"") for message in self._messages[1:])
        kind = Headers(raw=start["headers"]).get("content-type", "")
        if len(body) > LONGEST_ANSWER:
            return Answer(409, json.loads(bytes(problem(409, _NOT_KEPT, "IDEMPOTENCY_ANSWER_NOT_KEPT").body)))
        return Answer(start["status"], json.loads(body) if "json" in kind and body else None)

    async def replay(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send it."""
        for message in self._messages:
            await send(message)


def _response(answer: Answer) -> Response:
    headers = {REPLAYED: "true"}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    kind = MEDIA_TYPE if answer.status >= 400 else None
    return JSONResponse(answer.body, answer.status, headers, kind)


def add_parameter(document: dict[str, Any]) -> None:
    """Describe the header, and the answer to a request that is under way, at every write operation of a document."""
    for operations in document.get("paths", {}).values():
        for method, operation in operations.items():
            if method.upper() in WRITES:
                operation.setdefault("parameters", []).append(PARAMETER)
                operation["responses"].setdefault("409", _IN_PROGRESS)
