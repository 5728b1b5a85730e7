"""Problem details: every error as application/problem+json (RFC 9457), with the page's sentence."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.core.base.sanitizing import clean_json

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
_DESCRIPTIONS = {
    403: "Switched off by the operator, or sent by another website",
    404: "There is no such thing",
    409: "The present state does not allow it",
    413: "The body is larger than BA2_BODY_MB, or BA2_IMPORT_MB for files",
    422: "What was given makes no sense",
    429: "A limit is reached: of re-runs, or of requests within a minute (then with Retry-After)",
    500: "An error of the console; its log has the traceback",
    503: "The console or its database cannot serve just now; nothing was changed",
}


class Problem(BaseModel):
    """What went wrong: `detail` is a sentence for a person, `code` is for a program."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    details: dict[str, Any]


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these error statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _DESCRIPTIONS[status], "content": content} for status in statuses}


EVERYWHERE = documented(403, 413, 422, 500, 503)


def problem(
    status: int,
    detail: str,
    code: str,
    *,
    title: str | None = None,
    details: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return one problem as a response."""
    body = Problem(
        type=f"urn:ba2:problem:{code.lower().replace('_', '-')}",
        title=title or HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        details=details or {},
    )
    return JSONResponse(clean_json(body.model_dump()), status, headers, MEDIA_TYPE)


def answer_problems(api: FastAPI) -> None:
    """Have every error of `api` answered as a problem."""
    # Starlette types a handler's error as Exception; each of these is only given its own kind.
    api.add_exception_handler(PlatformError, _platform_error)  # type: ignore[arg-type]
    api.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    api.add_exception_handler(HTTPException, _http_error)  # type: ignore[arg-type]
    api.add_exception_handler(Exception, _bug)


def problem_of(error: PlatformError) -> JSONResponse:
    """Return an error of ours as a response."""
    wait = error.retry_after_seconds
    headers = {} if wait is None else {"Retry-After": str(wait)}
    details = dict(error.details)
    return problem(error.http_status, str(error), error.code, title=error.title, details=details, headers=headers)


def _platform_error(request: Request, error: PlatformError) -> JSONResponse:  # noqa: ARG001 - Starlette's signature
    return problem_of(error)


def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:  # noqa: ARG001 - Starlette's signature
    # What was sent is not sent back: it may be anything, of any size.
    found = error.errors()[:MOST_ERRORS]
    if found[0]["type"] == "json_invalid":
        return problem(422, "The body is not valid JSON", "INVALID", title="Invalid input")
    fields = [
        {"field": _place(each["loc"]), "message": str(each["msg"]).removeprefix("Value error, ")} for each in found
    ]
    first = fields[0]
    sentence = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    return problem(422, sentence, "INVALID", title="Invalid input", details={"fields": fields})


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if part not in ("body", "query", "path"))[:200]


def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    path = request.url.path
    if error.status_code == 400:  # FastAPI's word for a body that cannot even be decoded
        return problem(422, "The body is not JSON in UTF-8", "INVALID", title="Invalid input")
    if error.status_code == 404:
        return problem(404, f"There is nothing at {path}; the API is described at /docs", "UNKNOWN_PATH")
    if error.status_code == 405:
        allowed = ", ".join(_methods(request))
        sentence = f"{request.method} is not possible at {path}; {allowed} is"
        return problem(405, sentence, "METHOD_NOT_ALLOWED", headers={"Allow": allowed})
    return problem(error.status_code, str(error.detail), "HTTP_ERROR", headers=dict(error.headers or {}))


def _methods(request: Request) -> list[str]:
    """Return every method of a path; Starlette itself names those of its first route only."""
    return [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


def _bug(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001 - Starlette's signature
    # The server logs the traceback: Starlette raises the error again once this is sent.
    return problem(500, f"The console met {type(error).__name__}; its log has the traceback", "BUG")
