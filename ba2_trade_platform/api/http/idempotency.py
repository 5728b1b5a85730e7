"""Idempotency-Key header: answers a repeated request with the first answer, status included."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ba2_trade_platform.core.base.idempotency import Once, Replayed

REPLAYED = "Idempotency-Replayed"
OnceFor = Callable[[type[BaseModel]], Once | None]

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="A word of your own for this request: sent again within 24 h with the same body, it is answered as "
        "the first time, and nothing is done twice",
    ),
]


async def _once(request: Request, key: Key = None) -> OnceFor:
    route = f"{request.method} {request.url.path}"
    body_hash = hashlib.sha256(await request.body()).hexdigest()

    def once(answer: type[BaseModel]) -> Once | None:
        def render(said: Any) -> dict[str, Any]:
            return answer.model_validate(said).model_dump(mode="json")

        return None if key is None else Once(route, key, body_hash, render)

    return once


# Called with the model of the answer, it gives what the service needs to answer a repeated request.
OnceOf = Annotated[OnceFor, Depends(_once)]


def answer_replays(api: FastAPI) -> None:
    """Have a repeated request answered as the first time, with the route's own status, and say so in a header."""
    api.add_exception_handler(Replayed, _replayed)  # type: ignore[arg-type]  # Starlette types it as Exception


def _replayed(request: Request, replayed: Replayed) -> JSONResponse:
    status = getattr(request.scope.get("route"), "status_code", None) or 200
    return JSONResponse(replayed.answer, status, {REPLAYED: "true"})
